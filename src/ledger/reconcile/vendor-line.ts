/** What a vendor's export says of a day and a model. What the export does not count is absent. */
export interface VendorLine {
  /** `2026-11-28`, as the vendor counts days. */
  readonly day: string;
  /** The last day, if the line is the sum of several: Google's cost table has one line a month. */
  readonly lastDay?: string;
  /** `null`: of all models together. */
  readonly model: string | null;
  readonly costUsd?: number;
  readonly requests?: number;
  /** The whole prompt, cached tokens too. */
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The objects in a list; nothing if it is none. */
export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isJson) : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A number, also as a text, as CSV and BigQuery have them; `undefined` for anything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value !== "number" && (typeof value !== "string" || value.trim() === "")) return undefined;
  const number = Number(typeof value === "string" ? value.replaceAll(/[$,]/g, "") : value);
  return Number.isFinite(number) ? number : undefined;
}

/** The day of a time: seconds since 1970, a time in RFC 3339, or a day. */
export function dayOf(value: unknown): string | undefined {
  const seconds = numberOf(value);
  if (seconds !== undefined) return new Date(seconds * 1000).toISOString().slice(0, 10);
  return typeof value === "string" ? /^\d{4}-\d\d-\d\d/.exec(value)?.[0] : undefined;
}

/** The sum of those that are there; `undefined` if none is. */
export function sumOf(...counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
}

/** A line without the members that are absent. */
export function lineOf(line: {
  readonly day: string;
  readonly lastDay?: string | undefined;
  readonly model: string | null;
  readonly costUsd?: number | undefined;
  readonly requests?: number | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}): VendorLine {
  return Object.fromEntries(Object.entries(line).filter(([, value]) => value !== undefined)) as unknown as VendorLine;
}
