import { sql, type RawBuilder } from "kysely";
import { utcZone, type TimeZone } from "../../core/index.ts";
import { unitNames } from "../../ir/index.ts";
import type { Store } from "../../store/index.ts";
import { planRange, type RangePart } from "./report-plan.ts";
import { supplyUsersLike } from "../entries/supply.ts";
import { spanMs, type Span } from "../rollups/rollup.ts";
import { entryModel, entrySums, joinCost, sumColumns } from "../rollups/rollup-sums.ts";
import { otherTag } from "../rollups/rollup-tags.ts";
import { entriesOfHours, planZoneDays, withCutHours, type ZoneDays } from "./zone-days.ts";

export type UsageGroup = "user" | "key" | "model" | "provider" | "dialect" | "day" | "hour" | "tag";

export interface UsageFilter {
  readonly userId?: string;
  readonly keyId?: string;
  readonly provider?: string;
  /** The model that served the request; if none did, the model that was requested. */
  readonly model?: string;
  readonly dialect?: string;
  readonly tag?: string;
  /** What was sold to other gateways, in place of what was used here. */
  readonly supply?: boolean;
  /** Attempts that began at this time or later, milliseconds since 1970. */
  readonly fromMs?: number;
  /** Attempts that began before this time. */
  readonly toMs?: number;
}

/** Sums of attempts. Counts of tokens past 2^53 lose their last digits; money is exact. */
export interface Sums {
  readonly requests: number;
  readonly attempts: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: bigint;
  readonly unpriced: number;
}

export interface SumsRow {
  /** A value for each group, as text; for `day` and `hour` their number since 1970. */
  readonly values: readonly string[];
  readonly sums: Sums;
}

export interface SumsQuery extends UsageFilter {
  /** Whose days `day` means; hours are those of UTC in every zone. */
  readonly zone: TimeZone;
  /** Each group once. With `tag` only `user`, `day` and `hour` are allowed, in the filters too. */
  readonly groupBy: readonly UsageGroup[];
  readonly limit?: number;
  /** Rows after the row with these values. */
  readonly after?: readonly string[];
}

/** Reads one row for each set of values, in their order; without groups one row. */
export async function readSums(store: Pick<Store, "db" | "dialect">, query: SumsQuery): Promise<readonly SumsRow[]> {
  const { parts, zoneDays } = await planQuery(store, query);
  // Without groups even an empty range has a row: its sums are 0.
  if (parts.length === 0) return query.groupBy.length === 0 ? [emptyRow] : [];
  const byTag = query.groupBy.includes("tag") || query.tag !== undefined;
  const sources = parts.map((part) => {
    const source = { part, query, columns: columnsOf(part, zoneDays) };
    return byTag ? tagSource(source, store.dialect) : groupSource(source);
  });
  const places = query.groupBy.map((_, i) => sql.ref(`g${i}`));
  const columns = [
    ...places.map((place, i) => sql`cast(${place} as text) as ${sql.ref(`v${i}`)}`),
    // As text, because a sum of 64-bit numbers may have more digits than a number or a 64-bit integer.
    ...sumColumns.map((_, i) => sql`cast(coalesce(sum(${sql.ref(`s${i}`)}), 0) as text) as ${sql.ref(`t${i}`)}`),
  ];
  const groups = sql.join(places);
  const { after } = query;
  const start =
    after === undefined ? sql`` : sql`where (${groups}) > (${sql.join(query.groupBy.map((group, i) => cursorValue(group, after[i]!)))})`;
  const grouped = places.length === 0 ? sql`` : sql`group by ${groups} order by ${groups}`;
  const limit = query.limit === undefined ? sql`` : sql`limit ${query.limit}`;
  const { rows } = await sql<Record<string, string>>`
    select ${sql.join(columns)} from (${sql.join(sources, sql` union all `)}) as parts ${start} ${grouped} ${limit}`.execute(store.db);
  return rows.map((row) => ({ values: places.map((_, i) => row[`v${i}`]!), sums: sumsOf(sumColumns.map((_, i) => row[`t${i}`]!)) }));
}

/** Counts by unit. */
export type UnitSums = Readonly<Record<string, number>>;

/**
 * Sums of units for each set of values (as JSON); sets without any are left out. Not by tag.
 * @param page rows of `readSums` that follow each other: only their sets are read.
 */
export async function readUnits(
  store: Pick<Store, "db" | "dialect">,
  query: SumsQuery,
  page: readonly SumsRow[],
): Promise<ReadonlyMap<string, UnitSums>> {
  const { parts, zoneDays } = await planQuery(store, query);
  const found = new Map<string, Record<string, number>>();
  if (parts.length === 0 || page.length === 0) return found;
  const sources = parts.map((part) => unitSource({ part, query, columns: columnsOf(part, zoneDays) }, store.dialect));
  const places = query.groupBy.map((_, i) => sql.ref(`g${i}`));
  const valuesOf = ({ values }: SumsRow): Column => sql.join(query.groupBy.map((group, i) => cursorValue(group, values[i]!)));
  const within =
    places.length === 0
      ? sql``
      : sql`where (${sql.join(places)}) >= (${valuesOf(page[0]!)}) and (${sql.join(places)}) <= (${valuesOf(page.at(-1)!)})`;
  const columns = [
    ...places.map((place, i) => sql`cast(${place} as text) as ${sql.ref(`v${i}`)}`),
    sql`unit`,
    sql`cast(sum(count) as text) as total`,
  ];
  const { rows } = await sql<Record<string, string>>`
    select ${sql.join(columns)} from (${sql.join(sources, sql` union all `)}) as parts ${within} group by ${sql.join([...places, sql`unit`])}`.execute(
    store.db,
  );
  for (const row of rows) {
    const key = JSON.stringify(places.map((_, i) => row[`v${i}`]!));
    const units = found.get(key) ?? {};
    found.set(key, units);
    units[row["unit"]!] = Number(row["total"]);
  }
  return found;
}

function unitSource({ part, query, columns }: SourceOptions, dialect: Store["dialect"]): Column {
  const filters = groupFilters({ part, query, columns });
  if (part.source !== "entries") return select([...groupsOf(query, columns), sql`unit`, sql`count`], sql`usage_unit_sums`, filters);
  const each = dialect === "sqlite" ? sql`json_each(units) as each_unit` : sql`jsonb_each_text(units::jsonb) as each_unit(key, value)`;
  const isUnit = sql`each_unit.key in (${sql.join(unitNames.map((name) => sql.lit(name)))})`;
  const counting = select([sql`*`], entriesOf(part), [sql`units is not null`, sql`direction <> 'correct'`]);
  const counts = [sql`each_unit.key as unit`, sql`cast(each_unit.value as ${dialect === "sqlite" ? sql`integer` : sql`bigint`}) as count`];
  return select([...groupsOf(query, columns), ...counts], sql`(${counting}) as counting cross join ${each}`, [...filters, isUnit]);
}

interface QueryPlan {
  readonly parts: readonly RangePart[];
  /** `undefined`: days are those of UTC, or are not asked for. */
  readonly zoneDays: ZoneDays | undefined;
}

async function planQuery(store: Pick<Store, "db">, query: SumsQuery): Promise<QueryPlan> {
  const { fromMs, toMs, groupBy, zone } = query;
  const isZoned = groupBy.includes("day") && zone !== utcZone;
  const finest = groupBy.includes("hour") || isZoned ? "hour" : "day";
  if (fromMs === undefined && toMs === undefined && !isZoned) return { parts: planRange(fromMs, toMs, finest), zoneDays: undefined };
  const mark = await store.db.selectFrom("retention").select("deletable_before_ms").where("name", "=", "usage_entries").executeTakeFirst();
  const keptMs = mark?.deletable_before_ms ?? 0;
  const parts = rangeOf(query, finest, keptMs);
  const zoneDays = isZoned ? await planZoneDays(store, zone, parts, keptMs) : undefined;
  return { parts: zoneDays === undefined ? parts : withCutHours(parts, zoneDays.cutHours), zoneDays };
}

/** If the entries of an hour have been deleted, its sums cannot be divided: a bound inside that hour moves outwards to the whole hour. */
function rangeOf({ fromMs, toMs }: SumsQuery, finest: Span, keptMs: number): readonly RangePart[] {
  const from = fromMs !== undefined && fromMs < keptMs ? Math.floor(fromMs / spanMs.hour) * spanMs.hour : fromMs;
  const to = toMs !== undefined && toMs < keptMs ? Math.ceil(toMs / spanMs.hour) * spanMs.hour : toMs;
  return planRange(from, to, finest);
}

interface SourceOptions {
  readonly part: RangePart;
  readonly query: SumsQuery;
  readonly columns: Readonly<Record<UsageGroup, Column>>;
}

function columnsOf({ source }: RangePart, zoneDays: ZoneDays | undefined): SourceOptions["columns"] {
  const columns = source === "entries" ? entryColumns : sumTableColumns;
  if (zoneDays === undefined) return columns;
  return { ...columns, day: zoneDays.dayOf(source === "entries" ? sql`time_ms` : sql`start_ms`) };
}

function entriesOf({ hours }: RangePart): Column {
  return hours === undefined ? sql`usage_entries` : entriesOfHours(hours);
}

function groupFilters({ part, query, columns }: SourceOptions): Column[] {
  return [
    ...rangeFilters(part),
    ...sideOf(columns.user, query),
    ...equal(columns.key, query.keyId),
    ...equal(columns.provider, query.provider),
    ...equal(columns.model, query.model),
    ...equal(columns.dialect, query.dialect),
  ];
}

function groupSource({ part, query, columns }: SourceOptions): RawBuilder<unknown> {
  const entries = part.source === "entries";
  const filters = groupFilters({ part, query, columns });
  const sums = sumColumns.map((column, i) => sql`${entries ? entrySums[column] : sql.ref(column)} as ${sql.ref(`s${i}`)}`);
  return select([...groupsOf(query, columns), ...sums], entries ? entriesOf(part) : sql`usage_sums`, filters);
}

function tagSource({ part, query, columns }: SourceOptions, dialect: Store["dialect"]): RawBuilder<unknown> {
  const filters = [...rangeFilters(part), ...sideOf(columns.user, query)];
  if (part.source !== "entries") {
    const sums = sumColumns.map((column, i) => sql`${sql.ref(column)} as ${sql.ref(`s${i}`)}`);
    return select([...groupsOf(query, columns), ...sums], sql`usage_tag_sums`, [...filters, ...equal(columns.tag, query.tag)]);
  }
  // Several tags of an entry may be counted under one name, and then count once. So the rows are distinct; the entry's key separates them from others.
  const each = dialect === "sqlite" ? sql`json_each(tags)` : sql`jsonb_array_elements_text(tags::jsonb)`;
  const sums = sumColumns.map((column, i) => sql`${entrySums[column]} as ${sql.ref(`s${i}`)}`);
  const name = sql`case when each_tag.value in (select tag from usage_tags) then each_tag.value else ${sql.lit(otherTag)} end as tag`;
  const named = select(
    [sql`distinct request_id`, sql`attempt`, sql`time_ms`, sql`user_id`, name, ...sums],
    sql`${entriesOf(part)} cross join ${each} as each_tag${dialect === "sqlite" ? sql`` : sql`(value)`}`,
    filters,
  );
  const kept = sumColumns.map((_, i) => sql.ref(`s${i}`));
  return select([...groupsOf(query, columns), ...kept], sql`(${named}) as named`, equal(columns.tag, query.tag));
}

type Column = RawBuilder<unknown>;

const names = { user: sql`user_id`, key: sql`key_id`, provider: sql`provider`, dialect: sql`dialect`, tag: sql`tag` };
const sumTableColumns: Readonly<Record<UsageGroup, Column>> = { ...names, model: sql`model`, ...spansOf(sql`start_ms`) };
const entryColumns: Readonly<Record<UsageGroup, Column>> = { ...names, model: entryModel, ...spansOf(sql`time_ms`) };

function spansOf(time: Column): { readonly day: Column; readonly hour: Column } {
  // Literals, because a parameter may be bound as a real number, and the division would then not be of integers.
  return { day: sql`${time} / ${sql.lit(spanMs.day)}`, hour: sql`${time} / ${sql.lit(spanMs.hour)}` };
}

function groupsOf({ groupBy }: SumsQuery, columns: Readonly<Record<UsageGroup, Column>>): Column[] {
  return groupBy.map((group, i) => sql`${columns[group]} as ${sql.ref(`g${i}`)}`);
}

function rangeFilters({ source, fromMs, toMs, withoutHours }: RangePart): Column[] {
  const time = source === "entries" ? sql`time_ms` : sql`start_ms`;
  return [
    ...(source === "entries" ? [] : [sql`span = ${sql.lit(source)}`]),
    ...(fromMs === undefined ? [] : [sql`${time} >= ${fromMs}`]),
    ...(toMs === undefined ? [] : [sql`${time} < ${toMs}`]),
    ...(withoutHours === undefined ? [] : [sql`${time} not in (${sql.join(withoutHours.map((hour) => sql.lit(hour)))})`]),
  ];
}

/** One user, or all users of this gateway, or all gateways that buy here. */
function sideOf(column: Column, { userId, supply }: SumsQuery): Column[] {
  if (userId !== undefined) return equal(column, userId);
  const like = sql`like ${sql.lit(supplyUsersLike)} escape '!'`;
  return [supply === true ? sql`${column} ${like}` : sql`${column} not ${like}`];
}

function equal(column: Column, value: string | undefined): Column[] {
  return value === undefined ? [] : [sql`${column} = ${value}`];
}

function select(columns: readonly Column[], from: Column, filters: readonly Column[]): Column {
  return filters.length === 0
    ? sql`select ${sql.join(columns)} from ${from}`
    : sql`select ${sql.join(columns)} from ${from} where ${sql.join(filters, sql` and `)}`;
}

function cursorValue(group: UsageGroup, value: string): Column {
  return group === "day" || group === "hour" ? sql`${Number(value)}` : sql`${value}`;
}

export const noSums: Sums = {
  requests: 0,
  attempts: 0,
  errors: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  costNanoUsd: 0n,
  unpriced: 0,
};

const emptyRow: SumsRow = { values: [], sums: noSums };

/** @param texts in the order of `sumColumns`. */
function sumsOf(texts: readonly string[]): Sums {
  const of = (column: (typeof sumColumns)[number]): string => texts[sumColumns.indexOf(column)]!;
  return {
    requests: Number(of("requests")),
    attempts: Number(of("attempts")),
    errors: Number(of("errors")),
    inputTokens: Number(of("input_tokens")),
    outputTokens: Number(of("output_tokens")),
    cacheReadTokens: Number(of("cache_read_tokens")),
    cacheWriteTokens: Number(of("cache_write_tokens")),
    reasoningTokens: Number(of("reasoning_tokens")),
    costNanoUsd: joinCost(BigInt(of("whole_usd")), BigInt(of("rest_nano_usd"))),
    unpriced: Number(of("unpriced")),
  };
}
