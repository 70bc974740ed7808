import { GatewayError, localTimeText, utcZone, type TimeZone } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { readEntries, type EntriesPage, type EntriesQuery } from "./entries.ts";
import { formatUsd } from "../money.ts";
import { noSums, readSums, readUnits, type Sums, type SumsRow, type UsageFilter, type UnitSums, type UsageGroup } from "./report-query.ts";
import { spanMs } from "../rollups/rollup.ts";

export interface UsageQuery extends UsageFilter {
  readonly groupBy: readonly UsageGroup[];
  /** Whose days are summed, and in whose time hours are shown; UTC if omitted. */
  readonly zone?: TimeZone;
  /** Rows per page; all if omitted. */
  readonly limit?: number;
  /** `next` of the previous page, which had the same groups. */
  readonly after?: string;
}

export interface UsageSums {
  /** Requests, each counted at its first attempt; refused ones too. */
  readonly requests: number;
  /** Attempts: more than requests if some were retried after a failure; a refused request has one. */
  readonly attempts: number;
  /** Attempts that failed, were interrupted or refused. A client that left is not an error. */
  readonly errors: number;
  /** The whole prompt, including tokens read from or written to a cache. */
  readonly input_tokens: number;
  /** Including reasoning. */
  readonly output_tokens: number;
  readonly cache_read_tokens: number;
  /** Of both lifetimes together. */
  readonly cache_write_tokens: number;
  readonly reasoning_tokens: number;
  /** Decimal of US dollars, exact, of all attempts whose cost is known; `null` if there are attempts and none has a known cost. */
  readonly cost_usd: string | null;
  /** Attempts whose cost is unknown; `cost_usd` does not include them. */
  readonly unpriced_requests: number;
  /** What is counted beside plain tokens, by unit: `{"web_search":3}`; absent if there is nothing, and in reports by tag. */
  readonly units?: UnitSums | undefined;
}

export interface UsageReportRow extends UsageSums {
  /**
   * A value for each requested group: ids of user and key; the model that served the request (or, if none did, the requested one); `2026-01-31` for a
   * day of the time zone, and for an hour, which is always one of UTC, its local beginning: `2026-01-31T17:00Z`, `2026-01-31T18:00+01:00`.
   */
  readonly group: Readonly<Record<string, string>>;
}

/** The report in the JSON form of the API. */
export interface UsageReport {
  readonly group_by: readonly UsageGroup[];
  /** Of days and hours, `Europe/Berlin`. */
  readonly time_zone: string;
  /** In the order of the groups' values; without groups one row. */
  readonly rows: readonly UsageReportRow[];
  /**
   * Of everything that the filters match, also of the other pages. By tag, a request counts in the row of each of its tags and once in the totals; a
   * request without tags counts only in the totals.
   */
  readonly totals: UsageSums;
  /** The `after` of the next page; `null` on the last. */
  readonly next: string | null;
}

/** Reports of usage and cost, from the ledger. */
export interface Reports {
  /** @throws GatewayError `invalid_request` for a tag with groups or filters that have no sums by tag, and if `after` is not from an earlier page. */
  usage(query: UsageQuery): Promise<UsageReport>;
  /** Single entries, newest first. @throws GatewayError `invalid_request` if `after` is not from an earlier page. */
  entries(query: EntriesQuery): Promise<EntriesPage>;
}

export function createReports({ store }: { readonly store: Pick<Store, "db" | "dialect"> }): Reports {
  return {
    async usage(query) {
      const { limit, after: cursor, zone = utcZone, ...others } = query;
      const filter = { ...others, zone };
      const groupBy = [...new Set(query.groupBy)];
      checkTagQuery(query);
      const after = cursor === undefined ? undefined : readCursor(cursor, groupBy);
      // One more than requested, to know whether there is a next page.
      const found = await readSums(store, {
        ...filter,
        groupBy,
        ...(limit === undefined ? {} : { limit: limit + 1 }),
        ...(after === undefined ? {} : { after }),
      });
      const page = limit === undefined ? found : found.slice(0, limit);
      const partial = after !== undefined || page.length < found.length || groupBy.includes("tag");
      const whole = partial ? await readSums(store, { ...filter, groupBy: [] }) : page;
      const totals = partial ? whole[0]!.sums : page.map((row) => row.sums).reduce(add, noSums);
      const isByTag = groupBy.includes("tag") || query.tag !== undefined;
      const units = isByTag ? noUnits : await readUnits(store, { ...filter, groupBy }, page);
      const allUnits = partial && !isByTag ? await readUnits(store, { ...filter, groupBy: [] }, whole) : units;
      return {
        group_by: query.groupBy,
        time_zone: zone.name,
        rows: page.map((row) => ({
          group: groupOf(row, groupBy, zone),
          ...render(row.sums),
          ...withUnits(units.get(JSON.stringify(row.values))),
        })),
        totals: { ...render(totals), ...withUnits(sumUnits(partial ? allUnits : units)) },
        next: page.length < found.length ? writeCursor(page.at(-1)!) : null,
      };
    },
    entries: (query) => readEntries(store, query),
  };
}

const noUnits: ReadonlyMap<string, UnitSums> = new Map();

function withUnits(units: UnitSums | undefined): Pick<UsageSums, "units"> {
  return units === undefined || Object.keys(units).length === 0 ? {} : { units };
}

function sumUnits(units: ReadonlyMap<string, UnitSums>): UnitSums {
  const sums: Record<string, number> = {};
  for (const counts of units.values()) for (const [unit, count] of Object.entries(counts)) sums[unit] = (sums[unit] ?? 0) + count;
  return sums;
}

/** An entry has several tags, so sums by tag are separate from the others, and have fewer groups. */
function checkTagQuery({ groupBy, tag, keyId, provider, model, dialect }: UsageQuery): void {
  if (tag === undefined && !groupBy.includes("tag")) return;
  const group = groupBy.find((name) => name !== "tag" && name !== "user" && name !== "day" && name !== "hour");
  if (group !== undefined) throw notByTag(group, "group_by");
  for (const [name, value] of Object.entries({ key_id: keyId, provider, model, dialect })) {
    if (value !== undefined) throw notByTag(name, name);
  }
}

function notByTag(name: string, param: string): GatewayError {
  const message = `Usage by tag is known by user, day and hour, not by "${name}". Leave out either, or read the entries, which can be filtered by all of them.`;
  return new GatewayError("invalid_request", message, { param });
}

function groupOf({ values }: SumsRow, groupBy: readonly UsageGroup[], zone: TimeZone): Record<string, string> {
  return Object.fromEntries(groupBy.map((group, i) => [group, groupValue(group, values[i]!, zone)]));
}

function groupValue(group: UsageGroup, value: string, zone: TimeZone): string {
  if (group === "day") return new Date(Number(value) * spanMs.day).toISOString().slice(0, 10);
  if (group === "hour") return localTimeText(zone, Number(value) * spanMs.hour).replace(/:00(?=Z|[+-])/, "");
  return value;
}

function writeCursor({ values }: SumsRow): string {
  return Buffer.from(JSON.stringify(values)).toString("base64url");
}

function readCursor(text: string, groupBy: readonly UsageGroup[]): readonly string[] {
  const values = parseValues(text);
  const matches =
    Array.isArray(values) &&
    values.length === groupBy.length &&
    values.length > 0 &&
    values.every((value, i) => typeof value === "string" && (!isSpan(groupBy[i]) || /^\d{1,12}$/.test(value)));
  if (!matches) {
    const message = '"after" is not the "next" of an earlier page with the same groups. Leave it out to begin with the first row.';
    throw new GatewayError("invalid_request", message, { param: "after" });
  }
  return values as readonly string[];
}

function parseValues(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    // The text comes from a client and is not a cursor.
    return undefined;
  }
}

function isSpan(group: UsageGroup | undefined): boolean {
  return group === "day" || group === "hour";
}

function add(a: Sums, b: Sums): Sums {
  return {
    requests: a.requests + b.requests,
    attempts: a.attempts + b.attempts,
    errors: a.errors + b.errors,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    costNanoUsd: a.costNanoUsd + b.costNanoUsd,
    unpriced: a.unpriced + b.unpriced,
  };
}

function render(sums: Sums): UsageSums {
  return {
    requests: sums.requests,
    attempts: sums.attempts,
    errors: sums.errors,
    input_tokens: sums.inputTokens,
    output_tokens: sums.outputTokens,
    cache_read_tokens: sums.cacheReadTokens,
    cache_write_tokens: sums.cacheWriteTokens,
    reasoning_tokens: sums.reasoningTokens,
    cost_usd: sums.attempts > 0 && sums.unpriced === sums.attempts ? null : formatUsd(sums.costNanoUsd),
    unpriced_requests: sums.unpriced,
  };
}
