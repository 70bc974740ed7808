import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { migratedPostgres } from "../../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { createTimeZone, localTimeText, utcZone } from "../../core/index.ts";
import { createPostgresStore, createSqliteStore, type Store } from "../../store/index.ts";
import { closeRecord, ManualTime } from "../testing.ts";
import { formatUsd } from "../money.ts";
import type { UsageGroup } from "../reports/report-query.ts";
import { createReports, type UsageQuery, type UsageSums } from "../reports/reports.ts";
import { createRollupStep, spanMs } from "./rollup.ts";
import { maxTags } from "./rollup-tags.ts";
import { createStoreSink } from "../entries/sink.ts";
import { clampUsage } from "../entries/clamp-usage.ts";
import { rowOf, type UsageRow } from "../entries/usage-row.ts";

const start = Date.parse("2026-03-07T00:00:00Z");

/** Close to the bounds of hours and days, where mistakes are. */
const timeOf = fc
  .tuple(fc.nat({ max: 72 }), fc.oneof(fc.constantFrom(-1, 0, 1, 1000), fc.nat({ max: spanMs.hour })))
  .map(([hour, ms]) => Math.max(start, start + hour * spanMs.hour + ms));

/** An attempt has one time, however often its row comes: it is part of its key where entries lie in tables by month. */
function timeOfAttempt(id: number, attempt: number): number {
  const ms = [-2, 0, 1, 1000, (id * 7919) % spanMs.hour][id % 5]!;
  return Math.max(start, start + (id % 73) * spanMs.hour + ms) + attempt;
}

const count = fc.option(fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 2_000_000 }), fc.constant(1e12)), { nil: undefined });

const rowArbitrary: fc.Arbitrary<UsageRow> = fc
  .record({
    id: fc.nat({ max: 5000 }),
    attempt: fc.nat({ max: 2 }),
    userId: fc.constantFrom("usr_1", "usr_2", "local"),
    keyId: fc.constantFrom("key_1", "key_2", ""),
    provider: fc.constantFrom("openai", "azure", ""),
    modelAsked: fc.constantFrom("gpt-5", "nope"),
    modelServed: fc.constantFrom("gpt-5", "qwen3", ""),
    dialect: fc.constantFrom("openai-chat", "anthropic-messages"),
    status: fc.constantFrom("ok", "error", "cancelled", "interrupted", "refused"),
    usage: fc.record({ input: count, output: count, cacheRead: count, cacheWrite5m: count, cacheWrite1h: count, reasoning: count }),
    units: fc.option(fc.dictionary(fc.constantFrom("web_search", "input_audio"), fc.nat({ max: 1000 }), { noNullPrototype: true }), {
      nil: undefined,
    }),
    cost: fc.option(fc.oneof(fc.bigInt({ min: 0n, max: 9_999_999n }), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })), { nil: undefined }),
    tags: fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "other", "late-1", "late-2", "late-3"), { minLength: 1, maxLength: 4 }), {
      nil: undefined,
    }),
  })
  .map(({ id, cost, tags, usage, units, ...rest }) => {
    const known = Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined));
    const record = closeRecord(`req_${id}`, {
      ...(rest as object),
      timeMs: timeOfAttempt(id, rest.attempt),
      usage: units === undefined ? known : { ...known, units },
      ...(tags === undefined ? {} : { tags: JSON.stringify(tags) }),
    });
    return rowOf(record, clampUsage(record.usage), { costNanoUsd: cost, snapshot: null });
  });

/** Whole hours with a day of 23 hours in the time of the rows; half and quarter hours on both sides of UTC. */
const zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"].map(
  createTimeZone,
);

const queryArbitrary: fc.Arbitrary<UsageQuery> = fc
  .record({
    byTag: fc.boolean(),
    groupBy: fc.uniqueArray(fc.constantFrom<UsageGroup>("user", "key", "model", "provider", "dialect", "day", "hour"), { maxLength: 4 }),
    fromMs: fc.option(timeOf, { nil: undefined }),
    toMs: fc.option(timeOf, { nil: undefined }),
    userId: fc.option(fc.constantFrom("usr_1", "local"), { nil: undefined }),
    keyId: fc.option(fc.constantFrom("key_1", ""), { nil: undefined }),
    model: fc.option(fc.constantFrom("gpt-5", "nope"), { nil: undefined }),
    tag: fc.option(fc.constantFrom("a", "other", "late-2"), { nil: undefined }),
    zone: fc.option(fc.constantFrom(...zones), { nil: undefined }),
  })
  .map(({ byTag, groupBy, keyId, model, tag, ...rest }) => {
    const byTags = groupBy.filter((group) => group === "user" || group === "day" || group === "hour");
    const all = byTag ? { ...rest, tag, groupBy: ["tag" as const, ...byTags] } : { ...rest, keyId, model, groupBy };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as UsageQuery;
  });

/** What a report must say, reckoned from the rows themselves. */
function expected(rows: readonly UsageRow[], query: UsageQuery, nameOf: (tag: string) => string): unknown {
  const { zone = utcZone } = query;
  const isByTag = query.groupBy.includes("tag") || query.tag !== undefined;
  const named = (row: UsageRow): readonly string[] => [...new Set((JSON.parse(row.tags ?? "[]") as string[]).map(nameOf))];
  const modelOf = (row: UsageRow): string => (row.model_served === "" ? row.model_asked : row.model_served);
  const valuesOf = (row: UsageRow, tag: string): Record<UsageGroup, string> => ({
    user: row.user_id,
    key: row.key_id,
    provider: row.provider,
    dialect: row.dialect,
    model: modelOf(row),
    day: localTimeText(zone, row.time_ms).slice(0, 10),
    hour: localTimeText(zone, Math.floor(row.time_ms / spanMs.hour) * spanMs.hour).replace(/:00(?=Z|[+-])/, ""),
    tag,
  });
  const passing = rows.filter(
    (row) =>
      row.time_ms >= (query.fromMs ?? 0) &&
      row.time_ms < (query.toMs ?? Infinity) &&
      (query.userId ?? row.user_id) === row.user_id &&
      (query.keyId ?? row.key_id) === row.key_id &&
      (query.model ?? modelOf(row)) === modelOf(row) &&
      (query.tag === undefined || named(row).includes(query.tag)),
  );
  const groups = new Map<string, { group: Record<string, string>; rows: UsageRow[] }>();
  const byTag = query.groupBy.includes("tag");
  for (const row of passing) {
    for (const tag of byTag ? named(row).filter((name) => (query.tag ?? name) === name) : [""]) {
      const values = valuesOf(row, tag);
      const group = Object.fromEntries(query.groupBy.map((name) => [name, values[name]]));
      const key = JSON.stringify(group);
      const found = groups.get(key) ?? { group, rows: [] };
      found.rows.push(row);
      groups.set(key, found);
    }
  }
  if (query.groupBy.length === 0 && groups.size === 0) groups.set("", { group: {}, rows: [] });
  const texts = (group: Record<string, string>): readonly string[] => query.groupBy.map((name) => group[name]!);
  const sorted = [...groups.values()].toSorted((a, b) => compareLists(texts(a.group), texts(b.group)));
  return {
    group_by: query.groupBy,
    time_zone: zone.name,
    rows: sorted.map(({ group, rows: its }) => ({ group, ...sumUp(its, isByTag) })),
    totals: sumUp(passing, isByTag),
    next: null,
  };
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  if (at === -1) return 0;
  return a[at]! < b[at]! ? -1 : 1;
}

function sumUp(rows: readonly UsageRow[], isByTag = false): UsageSums {
  const total = (pick: (row: UsageRow) => number | null): number => Number(rows.reduce((sum, row) => sum + BigInt(pick(row) ?? 0), 0n));
  const unpriced = rows.filter((row) => row.cost_nano_usd === null).length;
  const cost = rows.reduce((sum, row) => sum + (row.cost_nano_usd ?? 0n), 0n);
  return {
    requests: rows.filter((row) => row.attempt <= 1).length,
    attempts: rows.length,
    errors: rows.filter(({ status }) => ["error", "interrupted", "refused"].includes(status)).length,
    input_tokens: total((row) => row.input_tokens),
    output_tokens: total((row) => row.output_tokens),
    cache_read_tokens: total((row) => row.cache_read_tokens),
    cache_write_tokens: total((row) => (row.cache_write_5m_tokens ?? 0) + (row.cache_write_1h_tokens ?? 0)),
    reasoning_tokens: total((row) => row.reasoning_tokens),
    cost_usd: rows.length > 0 && unpriced === rows.length ? null : formatUsd(cost),
    unpriced_requests: unpriced,
    ...(isByTag ? {} : unitsOf(rows)),
  };
}

function unitsOf(rows: readonly UsageRow[]): Pick<UsageSums, "units"> {
  const units: Record<string, number> = {};
  for (const row of rows) {
    for (const [unit, count] of Object.entries(JSON.parse(row.units ?? "{}") as Record<string, number>))
      units[unit] = (units[unit] ?? 0) + count;
  }
  return Object.keys(units).length === 0 ? {} : { units };
}

/** Writes batches as they come, with repeats, and with other rows of the same keys. @returns the rows that are there. */
async function ingest(store: Store, batches: readonly (readonly UsageRow[])[]): Promise<readonly UsageRow[]> {
  const sink = createStoreSink(store, { steps: [createRollupStep(store)] });
  const there = new Map<string, UsageRow>();
  for (const batch of batches) {
    await sink.write(batch);
    for (const row of batch) {
      const key = `${row.request_id} ${row.attempt}`;
      if (!there.has(key)) there.set(key, row);
    }
  }
  return [...there.values()];
}

/** A new database for each test, or each run of one. */
interface Databases {
  readonly name: string;
  readonly skip: string | false;
  /** Small runs, and batches of 1,000 rows in the large one: fewer where a database takes longer. */
  readonly runs: number;
  readonly batches: number;
  readonly open: () => Promise<Store>;
}

const databases: readonly Databases[] = [
  {
    name: "SQLite",
    skip: false,
    runs: 15,
    batches: 6,
    open: () => createSqliteStore({ path: ":memory:", clock: new ManualTime().clock }),
  },
  {
    name: "PostgreSQL",
    skip: withoutPostgres,
    runs: 2,
    batches: 1,
    open: async () => createPostgresStore({ place: await migratedPostgres(), clock: new ManualTime().clock, pool: 2 }),
  },
];

for (const { name, skip, runs, batches, open } of databases) {
  test(`${name}: a report is what its entries sum up to, whatever is grouped, filtered, cut out and sent twice`, { skip }, async () => {
    const given = fc.array(fc.array(rowArbitrary, { maxLength: 60 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(given, fc.array(queryArbitrary, { minLength: 5, maxLength: 10 }), async (sent, queries) => {
        const store = await open();
        try {
          const rows = await ingest(store, [...sent, ...sent.slice(0, 2)]);
          const reports = createReports({ store });
          for (const query of queries)
            assert.deepEqual(
              await reports.usage(query),
              expected(rows, query, (tag) => tag),
            );
        } finally {
          await store.close();
        }
      }),
      { numRuns: runs },
    );
  });

  test(
    `${name}: ${batches},000 rows in batches: the report by sums is that of the entries, and so are its pages put together`,
    { skip },
    async () => {
      const seed = Math.trunc(Math.random() * 2 ** 31);
      const given = fc.sample(fc.array(rowArbitrary, { minLength: 1000, maxLength: 1000, size: "max" }), { seed, numRuns: batches });
      const queries = fc.sample(queryArbitrary, { seed, numRuns: 30 });
      const store = await open();
      try {
        const rows = await ingest(store, given);
        const reports = createReports({ store });
        for (const query of queries) {
          const whole = await reports.usage(query);
          assert.deepEqual(
            whole,
            expected(rows, query, (tag) => tag),
            `seed ${seed}`,
          );
          if (query.groupBy.length === 0) continue;
          const limit = Math.max(1, Math.ceil(whole.rows.length / 4));
          const pages = [];
          for (let after: string | null = ""; after !== null;) {
            const page: Awaited<ReturnType<typeof reports.usage>> = await reports.usage({
              ...query,
              limit,
              ...(after === "" ? {} : { after }),
            });
            assert.deepEqual(page.totals, whole.totals, `seed ${seed}`);
            pages.push(...page.rows);
            after = page.next;
          }
          assert.deepEqual(pages, whole.rows, `seed ${seed}`);
        }
      } finally {
        await store.close();
      }
    },
  );

  test(`${name}: tags beyond the thousandth are counted as other, by the hour and at the ragged ends alike`, { skip }, async () => {
    const tagged = (id: number, tags: readonly string[], timeMs: number): UsageRow => {
      const record = closeRecord(`req_${id}`, { tags: JSON.stringify(tags), timeMs });
      return rowOf(record, record.usage, { costNanoUsd: 1n, snapshot: null });
    };
    const first = Array.from({ length: maxTags }, (_, i) => tagged(i, [`tag-${i}`], start));
    const later = [tagged(10_001, ["late-1", "late-2", "tag-1"], start + 5), tagged(10_002, ["late-1", "other"], start + spanMs.hour)];
    const store = await open();
    try {
      const rows = await ingest(store, [first, later]);
      const nameOf = (tag: string): string => (tag.startsWith("late") ? "other" : tag);
      const reports = createReports({ store });
      const queries: UsageQuery[] = [
        { groupBy: ["tag"] },
        { groupBy: ["tag"], fromMs: start + 1, toMs: start + spanMs.hour + 1 },
        { groupBy: [], tag: "other", fromMs: start + 1 },
        { groupBy: ["hour"], tag: "other" },
      ];
      for (const query of queries) assert.deepEqual(await reports.usage(query), expected(rows, query, nameOf));
    } finally {
      await store.close();
    }
  });
}
