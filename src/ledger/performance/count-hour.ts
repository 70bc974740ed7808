import { sql, type Kysely, type RawBuilder } from "kysely";
import type { Tables } from "../../store/index.ts";
import { contextCacheLane } from "../types.ts";
import { bucketCount, bucketsPerE, type HourCounts } from "./measures.ts";

/** Whose hours are counted together. */
export interface SeriesName {
  readonly provider: string;
  /** The provider's name of the model. */
  readonly model: string;
  /** "" if none is reported. */
  readonly region: string;
}

export interface CountedHour extends SeriesName {
  readonly counts: HourCounts;
}

export const hourMs = 3_600_000;
/** Names of models may come from clients: of one hour, the series with the most attempts are kept. */
const mostSeries = 500;
/** Names in one histogram; the other ones are left out. */
const mostNames = 12;
/** The user in whose name the gateway asks canaries. */
export const canaryUser = "canaries";
/** A shorter answer says nothing about speed. */
const fewestTokens = 16;

const model = sql<string>`coalesce(upstream_model, model_asked)`;
const region = sql<string>`coalesce(region, '')`;
const isWhole = sql`status = 'ok'`;

/** Counts the attempts of one hour by provider, model and region, from the usage entries, and the answers to canaries. */
export async function countHour(db: Kysely<Tables>, startMs: number): Promise<readonly CountedHour[]> {
  const hours = await countAttempts(db, startMs);
  const canaries = await readCanaries(db, startMs);
  const keys = new Set(hours.map(keyOf));
  const idle = [...canaries.values()].filter(({ name }) => !keys.has(keyOf(name)));
  return [
    ...hours.map(({ counts, ...name }) => ({ ...name, counts: { ...counts, ...canaries.get(keyOf(name))?.counts } })),
    ...idle.map(({ name, counts }) => ({ ...name, counts: { ...numbered(noAttempts), ...counts } })),
  ];
}

/** The database adds up; only sums are read. */
async function countAttempts(db: Kysely<Tables>, startMs: number): Promise<readonly CountedHour[]> {
  const names = await readCounts(db, startMs);
  if (names.length === 0) return [];
  const hours = new Map<string, MutableCounts>();
  for (const { provider, model: name, region: place, ...counts } of names)
    hours.set(keyOf({ provider, model: name, region: place }), numbered(counts));
  const add = async (member: HistogramName, what: RawBuilder<unknown>, where: RawBuilder<unknown>): Promise<void> => {
    for (const row of await readHistogram(db, startMs, what, where)) {
      const histogram = hours.get(keyOf(row))?.[member];
      if (
        histogram !== undefined &&
        (row.bucket in histogram || Object.keys(histogram).length < (isNamed(member) ? mostNames : bucketCount))
      )
        histogram[row.bucket] = Number(row.count);
    }
  };
  const long = sql`${isWhole} and output_tokens >= ${sql.lit(fewestTokens)}`;
  await add("ttft", bucketSql(sql`ttft_ms`), sql`${isWhole} and stream = 1 and ttft_ms > 0`);
  const streamed = sql`output_tokens * 1000.0 / (duration_ms - ttft_ms)`;
  await add("streamSpeed", bucketSql(streamed), sql`${long} and stream = 1 and duration_ms > ttft_ms`);
  await add("jsonSpeed", bucketSql(sql`output_tokens * 1000.0 / duration_ms`), sql`${long} and stream = 0 and duration_ms > 0`);
  await add("outputTokens", bucketSql(sql`output_tokens`), sql`${isWhole} and output_tokens > 0`);
  await add("finishReasons", sql`stop_reason`, sql`${isWhole} and stop_reason is not null`);
  await add("modelsServed", sql`model_served`, sql`${isWhole} and model_served <> ''`);
  return names.map(({ provider, model: name, region: place }) => ({
    provider,
    model: name,
    region: place,
    counts: hours.get(keyOf({ provider, model: name, region: place }))!,
  }));
}

type HistogramName = "ttft" | "streamSpeed" | "jsonSpeed" | "outputTokens" | "finishReasons" | "modelsServed";
type CanaryName = "canaries" | "canariesRight";
type NumberName = Exclude<keyof HourCounts, HistogramName | CanaryName>;
type MutableCounts = { -readonly [Name in NumberName]: number } & Record<HistogramName, Record<string, number>>;

const noAttempts: Readonly<Record<NumberName, number>> = {
  attempts: 0,
  errors: 0,
  answers: 0,
  refusals: 0,
  cacheHits: 0,
  toolCalls: 0,
  toolCallsParsed: 0,
  toolCallsChecked: 0,
  toolCallsFit: 0,
};

function isNamed(member: HistogramName): boolean {
  return member === "finishReasons" || member === "modelsServed";
}

function keyOf({ provider, model: name, region: place }: SeriesName): string {
  return `${provider}\0${name}\0${place}`;
}

function numbered(row: Readonly<Record<NumberName, unknown>>): MutableCounts {
  const numbers = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)])) as Record<NumberName, number>;
  return { ...numbers, ttft: {}, streamSpeed: {}, jsonSpeed: {}, outputTokens: {}, finishReasons: {}, modelsServed: {} };
}

interface CanariesOfSeries {
  readonly name: SeriesName;
  readonly counts: Pick<Required<HourCounts>, CanaryName>;
}

async function readCanaries(db: Kysely<Tables>, startMs: number): Promise<ReadonlyMap<string, CanariesOfSeries>> {
  const { rows } = await sql<SeriesName & { readonly asked: unknown; readonly right_answers: unknown }>`
    select provider, model, region, count(*) as asked, sum(is_right) as right_answers
    from canary_answers where time_ms >= ${startMs} and time_ms < ${startMs + hourMs} and is_right is not null
    group by 1, 2, 3`.execute(db);
  return new Map(
    rows.map(({ asked, right_answers: right, ...name }) => [
      keyOf(name),
      { name, counts: { canaries: Number(asked), canariesRight: Number(right) } },
    ]),
  );
}

/**
 * Attempts that reached a model: not those that the gateway refused or answered itself, nor what it has paid for caches, nor those whose cache was gone. The gateway's own
 * questions are left out: when they begin, answers on average get shorter.
 */
function attemptsOf(startMs: number): RawBuilder<unknown> {
  return sql`time_ms >= ${startMs} and time_ms < ${startMs + hourMs} and attempt > 0 and direction = 'consume' and provider <> ''
    and from_cache is null and status in ('ok', 'error', 'interrupted') and coalesce(lane, '') <> ${sql.lit(contextCacheLane)}
    and coalesce(error_code, '') <> 'context_cache_gone'
    and user_id not in (select id from users where username = ${canaryUser})`;
}

async function readCounts(db: Kysely<Tables>, startMs: number): Promise<readonly (SeriesName & Record<NumberName, unknown>)[]> {
  const sum = (what: RawBuilder<unknown>): RawBuilder<number> => sql`coalesce(sum(${what}), 0)`;
  const each = (condition: RawBuilder<unknown>): RawBuilder<number> => sum(sql`case when ${condition} then 1 else 0 end`);
  const { rows } = await sql<SeriesName & Record<NumberName, unknown>>`
    select provider, ${model} as model, ${region} as region,
      count(*) as "attempts",
      ${each(sql`status = 'error'`)} as "errors",
      ${each(isWhole)} as "answers",
      ${each(sql`${isWhole} and refused = 1`)} as "refusals",
      ${each(sql`${isWhole} and cache_read_tokens > 0`)} as "cacheHits",
      ${sum(sql`tool_calls`)} as "toolCalls",
      ${sum(sql`case when tool_calls > 0 then tool_calls_parsed else 0 end`)} as "toolCallsParsed",
      ${sum(sql`case when tool_calls_fit is not null then tool_calls else 0 end`)} as "toolCallsChecked",
      ${sum(sql`tool_calls_fit`)} as "toolCallsFit"
    from usage_entries where ${attemptsOf(startMs)}
    group by 1, 2, 3 order by 4 desc limit ${sql.lit(mostSeries)}`.execute(db);
  return rows;
}

interface HistogramRow extends SeriesName {
  readonly bucket: string | number;
  readonly count: unknown;
}

async function readHistogram(
  db: Kysely<Tables>,
  startMs: number,
  what: RawBuilder<unknown>,
  where: RawBuilder<unknown>,
): Promise<readonly HistogramRow[]> {
  const { rows } = await sql<HistogramRow>`
    select provider, ${model} as model, ${region} as region, ${what} as bucket, count(*) as count
    from usage_entries where ${attemptsOf(startMs)} and ${where}
    group by 1, 2, 3, 4 order by 5 desc`.execute(db);
  return rows;
}

/** `bucketOf` in the database. */
function bucketSql(value: RawBuilder<unknown>): RawBuilder<unknown> {
  const place = sql`cast(floor(ln(cast(${value} as double precision)) * ${sql.lit(bucketsPerE)}) as integer)`;
  return sql`case when ${place} < 0 then 0 when ${place} >= ${sql.lit(bucketCount)} then ${sql.lit(bucketCount - 1)} else ${place} end`;
}
