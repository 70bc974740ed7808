import { unitNames, type Iteration, type TokenCounts, type UnitName, type Units, type Usage } from "../../ir/index.ts";

/** What a row has of a usage beside its columns of plain tokens, as the JSON of the column `units`. Units are at the top, by their names. */
interface StoredDetails extends Units {
  /** The class of service that the client asked for, if it is not the standard one. */
  readonly asked_class?: string;
  readonly speed?: string;
  /** What the upstream says that it bills, in dollars, believed or not. */
  readonly vendor_cost_usd?: number;
  readonly iterations?: readonly StoredIteration[];
}

interface StoredIteration {
  readonly kind: Iteration["kind"];
  readonly model?: string;
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly cache_read_tokens?: number;
  readonly cache_write_5m_tokens?: number;
  readonly cache_write_1h_tokens?: number;
  readonly reasoning_tokens?: number;
  readonly units?: Units;
}

const tokenNames = {
  input: "input_tokens",
  output: "output_tokens",
  cacheRead: "cache_read_tokens",
  cacheWrite5m: "cache_write_5m_tokens",
  cacheWrite1h: "cache_write_1h_tokens",
  reasoning: "reasoning_tokens",
} as const satisfies Readonly<Record<keyof TokenCounts, keyof StoredIteration>>;
const countNames = Object.keys(tokenNames) as readonly (keyof TokenCounts)[];

/** `null` for a usage of plain tokens. */
export function encodeDetails(usage: Usage, askedClass?: string): string | null {
  const { units, iterations, speed, vendorCostUsd } = usage;
  if (units === undefined && iterations === undefined && speed === undefined && vendorCostUsd === undefined && askedClass === undefined)
    return null;
  const stored: StoredDetails = {
    ...units,
    ...(askedClass === undefined ? {} : { asked_class: askedClass }),
    ...(speed === undefined ? {} : { speed: speed.slice(0, 32) }),
    ...(vendorCostUsd === undefined ? {} : { vendor_cost_usd: vendorCostUsd }),
    ...(iterations === undefined ? {} : { iterations: iterations.slice(0, mostIterations).map(storeIteration) }),
  };
  return JSON.stringify(stored);
}

/** An answer has a handful; a row that a server makes long would not fit into the journal. */
export const mostIterations = 64;

function storeIteration({ kind, model, units, ...counts }: Iteration): StoredIteration {
  const tokens = Object.fromEntries(countNames.flatMap((name) => (counts[name] === undefined ? [] : [[tokenNames[name], counts[name]]])));
  return { kind, ...(model === undefined ? {} : { model: model.slice(0, 256) }), ...tokens, ...(units === undefined ? {} : { units }) };
}

/** What `encodeDetails` wrote. */
export function decodeDetails(text: string | null): Pick<Usage, "units" | "iterations" | "speed" | "vendorCostUsd"> {
  if (text === null) return {};
  const { speed, vendor_cost_usd: vendorCostUsd, iterations, ...rest } = JSON.parse(text) as StoredDetails;
  const units = pickUnits(rest);
  return {
    ...(units === undefined ? {} : { units }),
    ...(speed === undefined ? {} : { speed }),
    ...(vendorCostUsd === undefined ? {} : { vendorCostUsd }),
    ...(iterations === undefined ? {} : { iterations: iterations.map(loadIteration) }),
  };
}

function pickUnits(stored: Units): Units | undefined {
  const entries = Object.entries(stored).filter(([name]) => (unitNames as readonly string[]).includes(name));
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Record<UnitName, number>);
}

function loadIteration({ kind, model, units, ...tokens }: StoredIteration): Iteration {
  const counts: TokenCounts = Object.fromEntries(
    countNames.flatMap((name) => (tokens[tokenNames[name]] === undefined ? [] : [[name, tokens[tokenNames[name]]]])),
  );
  return { kind, ...(model === undefined ? {} : { model }), ...counts, ...(units === undefined ? {} : { units }) };
}

/** The counts of a row: those of the answer and of the model calls behind it. @param sign -1 gives the answer's own back. */
export function addIterations(counts: TokenCounts, iterations: readonly Iteration[], sign: 1 | -1 = 1): TokenCounts {
  const sums: Partial<Record<keyof TokenCounts, number>> = { ...counts };
  for (const iteration of iterations) {
    for (const name of countNames) {
      const count = iteration[name];
      if (count !== undefined) sums[name] = Math.max(0, (sums[name] ?? 0) + sign * count);
    }
  }
  // Of an answer without tokens of its own nothing is left.
  return sign === 1 ? sums : Object.fromEntries(Object.entries(sums).filter(([, count]) => count !== 0));
}

export function compactCounts(counts: Readonly<Record<keyof TokenCounts, number | null>>): TokenCounts {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== null));
}
