import type { VendorLine } from "./vendor-line.ts";

/** What the ledger has of a day and a model. */
export interface LedgerLine {
  readonly day: string;
  readonly model: string;
  readonly costUsd: number;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Attempts whose cost is unknown. */
  readonly unpriced: number;
}

export interface Compared {
  /** `2026-11-28`, or `2026-11-01..2026-11-30` if the report has no shorter time. */
  readonly day: string;
  /** `all`: the report does not divide this day by models. */
  readonly model: string;
  readonly what: "cost_usd" | "input_tokens" | "output_tokens" | "requests";
  readonly vendor: number;
  readonly ledger: number;
  readonly differs: boolean;
  /** Why they may differ; empty if they do not. */
  readonly reasons: readonly string[];
}

const measures = [
  ["cost_usd", "costUsd"],
  ["input_tokens", "inputTokens"],
  ["output_tokens", "outputTokens"],
  ["requests", "requests"],
] as const;

/** A difference below these is rounding. */
const leastDifference = { cost_usd: 0.01, input_tokens: 10, output_tokens: 10, requests: 1 } as const;

/**
 * Compares a report with the ledger by day and model, each of what the report counts. Names are compared without their dates, as vendors bill `gpt-5-2025-08-07` under
 * either name. @param tolerance a share: 0.01 is one percent.
 */
export function compareReport(vendor: readonly VendorLine[], ledger: readonly LedgerLine[], tolerance: number): readonly Compared[] {
  const periodOf = periodsOf(vendor);
  const isWhole = new Set(vendor.filter(({ model }) => model === null).map(({ day }) => periodOf(day)));
  const keyOf = ({ day, model }: { readonly day: string; readonly model: string | null }): string => {
    const period = periodOf(day)!;
    return `${period} ${model === null || isWhole.has(period) ? "all" : comparedName(model)}`;
  };
  const theirs = Map.groupBy(vendor, keyOf);
  // A day that the report does not have is not compared.
  const ours = Map.groupBy(
    ledger.filter(({ day }) => periodOf(day) !== undefined),
    keyOf,
  );
  const counted = measures.filter(([, field]) => vendor.some((line) => line[field] !== undefined));
  const rows = [...new Set([...theirs.keys(), ...ours.keys()])].toSorted().flatMap((key) => {
    const [day, model] = [key.slice(0, key.indexOf(" ")), key.slice(key.indexOf(" ") + 1)];
    const [lines, entries] = [theirs.get(key) ?? [], ours.get(key) ?? []];
    return counted.map(([what, field]): Compared => {
      const [said, known] = [sum(lines, field), sum(entries, field)];
      const least = leastDifference[what] + (what === "cost_usd" ? roundingOf(lines) : 0);
      const differs = isDifferent(said, known, Math.max(least, tolerance * Math.max(said, known)));
      const unpriced = entries.reduce((total, entry) => total + entry.unpriced, 0);
      return {
        day,
        model,
        what,
        vendor: said,
        ledger: known,
        differs,
        reasons: differs ? reasonsOf({ said, known, what, unpriced }) : [],
      };
    });
  });
  return withShiftedDays(rows, tolerance);
}

function sum<Field extends string>(lines: readonly Readonly<Partial<Record<Field, number>>>[], field: Field): number {
  return lines.reduce((total, line) => total + (line[field] ?? 0), 0);
}

function isDifferent(a: number, b: number, most: number): boolean {
  return Math.abs(a - b) > most;
}

/** `gpt-5-2025-08-07` and `claude-haiku-4-5-20251001` without their days; Google bills `gemini-3-flash-preview` as `gemini 3 flash`. */
function comparedName(model: string): string {
  return model
    .toLowerCase()
    .replace(/-(?:\d{4}-\d\d-\d\d|20\d{6})$/, "")
    .replace(/^(gemini-.+)-preview(?:-\d\d-\d{2,4})?$/, "$1");
}

/** Finds the time that a day is compared in: the day itself, or all days of lines that overlap. `undefined`: the report does not have the day. */
function periodsOf(vendor: readonly VendorLine[]): (day: string) => string | undefined {
  const periods: { readonly from: string; until: string }[] = [];
  for (const { day: from, lastDay: until = from } of vendor.toSorted((a, b) => (a.day < b.day ? -1 : 1))) {
    const last = periods.at(-1);
    if (last === undefined || from > last.until) periods.push({ from, until });
    else if (until > last.until) last.until = until;
  }
  const found = new Map<string, string | undefined>();
  return (day) => {
    if (found.has(day)) return found.get(day);
    const period = periods.find(({ from, until }) => from <= day && day <= until);
    const name = period && (period.from === period.until ? period.from : `${period.from}..${period.until}`);
    found.set(day, name);
    return name;
  };
}

/** Exports in whole cents, a line for each kind of token and key, are off by up to half a cent a line. */
function roundingOf(lines: readonly VendorLine[]): number {
  const isRounded = lines.every(({ costUsd = 0 }) => Math.abs(costUsd * 100 - Math.round(costUsd * 100)) < 1e-9);
  return isRounded ? 0.005 * lines.length : 0;
}

interface Difference {
  readonly said: number;
  readonly known: number;
  readonly what: Compared["what"];
  readonly unpriced: number;
}

function reasonsOf({ said, known, what, unpriced }: Difference): readonly string[] {
  const reasons: string[] = [];
  if (known === 0) reasons.push("not in the ledger: another key of the account, the vendor's own pages, or batch jobs");
  else if (said === 0)
    reasons.push("not in the report: a key of another account or project, another name of the model, or a report that is not complete yet");
  if (what === "cost_usd" && unpriced > 0) reasons.push(`${unpriced} entries have no price: \`tokligence prices check\``);
  const ratio = known === 0 ? 0 : said / known;
  if (what === "cost_usd" && Math.abs(ratio - 0.5) < 0.05) reasons.push("half the price: batch or flex");
  if (what === "cost_usd" && ratio > 1.4 && ratio < 2.2) reasons.push("a dearer class of service, speed or region, or long prompts");
  if (what === "cost_usd" && said > 0 && known > 0 && reasons.length === 0)
    reasons.push("prices, cached tokens, fees of tools, or credits: compare the usage report too");
  if (what !== "cost_usd" && said > known && known > 0)
    reasons.push("other keys of the account, or attempts that the ledger has as estimates");
  if (what !== "cost_usd" && said < known && said > 0)
    reasons.push("attempts that failed, or that were estimated: `tokligence usage --entries`");
  return reasons;
}

/** If all days of a model together agree, its days are those of another time zone. */
function withShiftedDays(rows: readonly Compared[], tolerance: number): readonly Compared[] {
  const groups = Map.groupBy(rows, ({ model, what }) => `${model} ${what}`);
  return rows.map((row) => {
    const group = groups.get(`${row.model} ${row.what}`)!;
    if (!row.differs || group.length < 2) return row;
    const [said, known] = [group.reduce((all, { vendor }) => all + vendor, 0), group.reduce((all, { ledger }) => all + ledger, 0)];
    if (isDifferent(said, known, Math.max(leastDifference[row.what], tolerance * Math.max(said, known)))) return row;
    return { ...row, reasons: ["the sum of all days agrees: the report's days are those of another time zone (`--tz`)"] };
  });
}
