import { sql, type RawBuilder, type Selectable } from "kysely";
import { GatewayError, readTags } from "../../core/index.ts";
import type { Store, UsageEntriesTable } from "../../store/index.ts";
import { formatUsd } from "../money.ts";
import { cacheSavings } from "./cache-savings.ts";
import { supplyUsersLike } from "../entries/supply.ts";
import type { UsageFilter } from "./report-query.ts";
import { entryModel } from "../rollups/rollup-sums.ts";
import type { EntryStatus } from "../types.ts";

export interface EntriesQuery extends UsageFilter {
  readonly status?: EntryStatus;
  /** Entries on a page, 1 to 1,000. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

/** One attempt, as the API gives it: the table's columns, with the time in RFC 3339 and the cost as a decimal of US dollars, `null` where not known. */
export interface UsageEntry extends Omit<
  Selectable<UsageEntriesTable>,
  "time_ms" | "cost_nano_usd" | "price_snapshot" | "tags" | Unshown | Changed | "cache_savings_nano_usd"
> {
  readonly time: string;
  readonly cost_usd: string | null;
  /** The rates that the cost was reckoned with (`Rates.snapshot`). */
  readonly price: unknown;
  readonly tags: readonly string[];
  /** The provider's name of the model. */
  readonly upstream_model: string;
  /** What the provider speaks. */
  readonly protocol: string;
  readonly stream: boolean | null;
  readonly refused: boolean;
  readonly from_cache: boolean;
  /** What is counted beside plain tokens. */
  readonly units: unknown;
  readonly cost_lines: unknown;
  readonly cache_savings_usd: string | null;
}

/** Of the gateway's own; the counts of tool calls are not filled yet. */
type Unshown = "bound_tags" | "tool_calls" | "tool_calls_parsed" | "tool_calls_fit";
type Changed = "upstream_model" | "protocol" | "stream" | "refused" | "from_cache" | "units" | "cost_lines";

export interface EntriesPage {
  /** Newest first; of one time, those of later ids and attempts first. */
  readonly entries: readonly UsageEntry[];
  /** Give it as `after` for the next page; `null` on the last. */
  readonly next: string | null;
}

/** A page by key, so that the last page costs what the first does. */
export async function readEntries(store: Pick<Store, "db" | "dialect">, query: EntriesQuery): Promise<EntriesPage> {
  const limit = Math.min(Math.max(Math.trunc(query.limit) || 1, 1), 1000);
  // One more than asked for tells whether there is a next page.
  const rows = await selectEntries(store, query, limit + 1).execute();
  const page = rows.slice(0, limit);
  return { entries: page.map(renderEntry), next: rows.length > limit ? writeCursor(page.at(-1)!) : null };
}

/**
 * Of a filter by key or by a status other than `ok`, and without one, an index gives the rows in the order of their times, and only those of one
 * millisecond are sorted.
 */
export function selectEntries(store: Pick<Store, "db" | "dialect">, query: Omit<EntriesQuery, "limit">, limit: number) {
  let select = store.db
    .selectFrom("usage_entries")
    .selectAll()
    .orderBy("time_ms", "desc")
    .orderBy("request_id", "desc")
    .orderBy("attempt", "desc")
    .limit(limit);
  if (query.userId !== undefined) select = select.where("user_id", "=", query.userId);
  else select = select.where(isOfSide(query.supply === true));
  if (query.keyId !== undefined) select = select.where("key_id", "=", query.keyId);
  if (query.provider !== undefined) select = select.where("provider", "=", query.provider);
  if (query.model !== undefined) select = select.where(entryModel, "=", query.model);
  if (query.dialect !== undefined) select = select.where("dialect", "=", query.dialect);
  if (query.status !== undefined) select = select.where("status", "=", query.status);
  // As the index of those that did not succeed has it: a parameter alone does not show that it can be used.
  if (query.status !== undefined && query.status !== "ok") select = select.where(sql<boolean>`status <> 'ok'`);
  if (query.tag !== undefined) select = select.where(hasTag(store.dialect, query.tag));
  // Without a bound SQLite would read and sort the whole table.
  select = select.where("time_ms", ">=", query.fromMs ?? 0);
  if (query.toMs !== undefined) select = select.where("time_ms", "<", query.toMs);
  if (query.after !== undefined) {
    const { timeMs, requestId, attempt } = readCursor(query.after);
    select = select.where(sql<boolean>`(time_ms, request_id, attempt) < (${timeMs}, ${requestId}, ${attempt})`);
  }
  return select;
}

function isOfSide(isSupply: boolean): RawBuilder<boolean> {
  const like = sql`like ${sql.lit(supplyUsersLike)} escape '!'`;
  return isSupply ? sql<boolean>`user_id ${like}` : sql<boolean>`user_id not ${like}`;
}

function hasTag(dialect: Store["dialect"], tag: string): RawBuilder<boolean> {
  return dialect === "sqlite"
    ? sql<boolean>`exists (select 1 from json_each(tags) as each_tag where each_tag.value = ${tag})`
    : sql<boolean>`tags::jsonb @> to_jsonb(${tag}::text)`;
}

function renderEntry(row: Selectable<UsageEntriesTable>): UsageEntry {
  const { time_ms: timeMs, cost_nano_usd: costNanoUsd, price_snapshot: snapshot, cache_savings_nano_usd: savings, tags, ...all } = row;
  const { bound_tags: _bound, tool_calls: _calls, tool_calls_parsed: _parsed, tool_calls_fit: _fit, ...rest } = all;
  const price: unknown = snapshot === null ? null : JSON.parse(snapshot);
  return {
    ...rest,
    upstream_model: row.upstream_model ?? row.model_asked,
    protocol: row.protocol ?? row.dialect,
    stream: row.stream === null ? null : row.stream === 1,
    refused: row.refused === 1,
    from_cache: row.from_cache === 1,
    units: row.units === null ? null : JSON.parse(row.units),
    cost_lines: row.cost_lines === null ? null : JSON.parse(row.cost_lines),
    cache_savings_usd: savings === null ? cacheSavings(row, price) : formatUsd(savings),
    time: new Date(timeMs).toISOString(),
    cost_usd: costNanoUsd === null ? null : formatUsd(costNanoUsd),
    price,
    tags: readTags(tags),
  };
}

interface Cursor {
  readonly timeMs: number;
  readonly requestId: string;
  readonly attempt: number;
}

function writeCursor(row: Selectable<UsageEntriesTable>): string {
  return `${row.time_ms}.${row.attempt}.${row.request_id}`;
}

function readCursor(text: string): Cursor {
  const match = /^(\d{1,15})\.(\d{1,9})\.(.{1,200})$/.exec(text);
  if (match === null) {
    throw new GatewayError(
      "invalid_request",
      '"after" is not the "next" of an earlier page. Leave it out to begin with the newest entries.',
      {
        param: "after",
      },
    );
  }
  return { timeMs: Number(match[1]), attempt: Number(match[2]), requestId: match[3]! };
}
