import { feeUnits, type TokenCounts, type Units, type Usage } from "../../ir/index.ts";
import { formatUsd, maxNanoUsd, roundToNano } from "../money.ts";
import { formatUnitRate, type Rates } from "./rates.ts";

/** One line of a bill. */
export interface CostLine {
  /** `input`, `output`, `cache_read`, …, a unit, `request`, `minimum`, or `upstream` for what the vendor says that it bills. */
  readonly what: string;
  /** Of another model call than the one that answered: `compaction`, `advisor`. */
  readonly of?: string;
  readonly model?: string;
  readonly count: number;
  /** Femto-USD for one. */
  readonly rate: bigint;
  readonly costNanoUsd: bigint;
}

/** A bill: the cost is the sum of its lines. */
export interface Bill {
  readonly costNanoUsd: bigint;
  readonly lines: readonly CostLine[];
}

/**
 * The cost of a usage without details (`Usage.units`, `iterations`): exact except for one rounding, half up, to nano-USD. `usage` has been through `clampUsage`.
 * @returns `undefined`, cost unknown, if no count was reported, if a count above 0 has no rate, or if the sum exceeds a 64-bit column.
 */
export function reckonTokens(rates: Rates, usage: TokenCounts): bigint | undefined {
  const { input, output } = usage;
  const cacheRead = usage.cacheRead ?? 0;
  const cacheWrite5m = usage.cacheWrite5m ?? 0;
  const cacheWrite1h = usage.cacheWrite1h ?? 0;
  const reasoning = usage.reasoning ?? 0;
  const cached = cacheRead + cacheWrite5m + cacheWrite1h;
  if (rates.free) return 0n;
  if (input === undefined && output === undefined && cached === 0 && reasoning === 0) return undefined;
  const fresh = input === undefined ? 0 : input - cached;
  const said = output === undefined ? 0 : output - reasoning;
  let femto = rates.request;
  if (fresh > 0) {
    if (rates.input === undefined) return undefined;
    femto += BigInt(fresh) * rates.input;
  }
  if (said > 0) {
    if (rates.output === undefined) return undefined;
    femto += BigInt(said) * rates.output;
  }
  if (reasoning > 0) {
    if (rates.reasoning === undefined) return undefined;
    femto += BigInt(reasoning) * rates.reasoning;
  }
  if (cached > 0) {
    if (rates.cacheRead === undefined || rates.cacheWrite5m === undefined || rates.cacheWrite1h === undefined) return undefined;
    femto += BigInt(cacheRead) * rates.cacheRead + BigInt(cacheWrite5m) * rates.cacheWrite5m + BigInt(cacheWrite1h) * rates.cacheWrite1h;
  }
  if (femto < rates.minimum) femto = rates.minimum;
  const nano = roundToNano(femto);
  return nano > maxNanoUsd ? undefined : nano;
}

/** The cost of a usage with or without details of its own call; see `reckonTokens`. Iterations are not part of it. */
export function reckonCost(rates: Rates, usage: Usage): bigint | undefined {
  return usage.units === undefined ? reckonTokens(rates, usage) : reckonBill(rates, usage)?.costNanoUsd;
}

/** The same with its lines. */
export function reckonBill(rates: Rates, usage: Usage): Bill | undefined {
  if (!rates.free && !isReported(usage)) return undefined;
  const bill = new BillWriter();
  addCall(bill, rates, usage);
  return bill.bill;
}

/** Whether any tokens are reported. */
export function isReported({ input, output, cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0, reasoning = 0 }: TokenCounts): boolean {
  return input !== undefined || output !== undefined || cacheRead + cacheWrite5m + cacheWrite1h + reasoning > 0;
}

/** Lines as they are stored and shown: `[{"what":"web_search","count":3,"rate":"0.01","cost_usd":"0.03"}]`. */
export function encodeLines(lines: readonly CostLine[]): string {
  return JSON.stringify(
    lines.map(({ what, of, model, count, rate, costNanoUsd }) => ({
      what,
      of,
      model,
      count,
      // The amount that the upstream reports is its own line.
      ...(what === "upstream" ? {} : { rate: formatUnitRate(what, rate) }),
      cost_usd: formatUsd(costNanoUsd),
    })),
  );
}

/** The lines of a bill while they are added up. Each line takes what its amount adds to the rounded sum, so that the lines add up to the cost. */
export class BillWriter {
  readonly #lines: CostLine[] = [];
  #femto = 0n;
  #nano = 0n;
  #isKnown = true;

  /** Adds a line; without a rate the cost of a count above 0 is unknown. */
  add(what: string, count: number, rate: bigint | undefined, call?: { readonly of?: string; readonly model?: string }): void {
    if (!(count > 0)) return;
    if (rate === undefined) {
      this.#isKnown = false;
      return;
    }
    this.#femto += BigInt(count) * rate;
    const nano = roundToNano(this.#femto);
    this.#lines.push({ what, ...call, count, rate, costNanoUsd: nano - this.#nano });
    this.#nano = nano;
  }

  /** The sum so far, femto-USD. */
  get femto(): bigint {
    return this.#femto;
  }

  /** `undefined`: the cost is unknown. */
  get bill(): Bill | undefined {
    return this.#isKnown && this.#nano <= maxNanoUsd ? { costNanoUsd: this.#nano, lines: this.#lines } : undefined;
  }
}

/** Adds the lines of one model call with all its details. `usage` has been through `clampUsage`. */
export function addCall(bill: BillWriter, rates: Rates, usage: Usage, call?: { readonly of?: string; readonly model?: string }): void {
  const { units = none } = usage;
  const { cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0, reasoning = 0 } = usage;
  const { input = cacheRead + cacheWrite5m + cacheWrite1h, output = reasoning } = usage;
  const before = bill.femto;
  let fresh = input - cacheRead - cacheWrite5m - cacheWrite1h;
  let said = output - reasoning;
  let read = cacheRead;
  for (const medium of media) {
    const cached = units[`cache_read_${medium}`] ?? 0;
    const heard = Math.max(0, (units[`input_${medium}`] ?? 0) - cached);
    const made = units[`output_${medium}`] ?? 0;
    bill.add(`input_${medium}`, heard, rates.units[`input_${medium}`], call);
    bill.add(`cache_read_${medium}`, cached, rates.units[`cache_read_${medium}`], call);
    bill.add(`output_${medium}`, made, rates.units[`output_${medium}`], call);
    fresh -= heard;
    read -= cached;
    said -= made;
  }
  const { cache_write_30m: half = 0, cache_write_12h: long = 0, cache_write_24h: day = 0 } = units;
  bill.add("input", fresh, rates.input, call);
  bill.add("cache_read", read, rates.cacheRead, call);
  bill.add("cache_write_5m", cacheWrite5m - half, rates.cacheWrite5m, call);
  bill.add("cache_write_30m", half, rates.units.cache_write_30m, call);
  bill.add("cache_write_1h", cacheWrite1h - long - day, rates.cacheWrite1h, call);
  bill.add("cache_write_12h", long, rates.units.cache_write_12h, call);
  bill.add("cache_write_24h", day, rates.units.cache_write_24h, call);
  bill.add("cache_storage", units.cache_storage ?? 0, rates.units.cache_storage, call);
  bill.add("output", said, rates.output, call);
  bill.add("reasoning", reasoning, rates.reasoning, call);
  bill.add("request", rates.request > 0n ? 1 : 0, rates.request, call);
  addFees(bill, rates, units, call);
  const missing = rates.minimum - (bill.femto - before);
  bill.add("minimum", missing > 0n ? 1 : 0, missing, call);
}

const none: Units = {};
const media = ["audio", "image", "video"] as const;
/** Fees that stand alone; a search is paid by query or by prompt. */
const plainFees = feeUnits.filter((unit) => unit !== "web_search" && unit !== "grounded_prompt");

function addFees(bill: BillWriter, rates: Rates, units: Units, call: { readonly of?: string } | undefined): void {
  const { web_search: searches = 0, grounded_prompt: prompts = 0 } = units;
  // By query, or else by prompt.
  if (rates.units.web_search !== undefined || rates.units.grounded_prompt === undefined)
    bill.add("web_search", searches, rates.units.web_search, call);
  else bill.add("grounded_prompt", Math.max(prompts, searches > 0 ? 1 : 0), rates.units.grounded_prompt, call);
  for (const unit of plainFees) bill.add(unit, units[unit] ?? 0, rates.units[unit], call);
}
