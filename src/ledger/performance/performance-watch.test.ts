import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { migratedPostgres } from "../../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { createIdSource, silentLogger, type Clock } from "../../core/index.ts";
import { createPostgresStore, createSqliteStore, type Store } from "../../store/index.ts";
import { clampUsage } from "../entries/clamp-usage.ts";
import { createStoreSink } from "../entries/sink.ts";
import { rowOf, type UsageRow } from "../entries/usage-row.ts";
import { closeRecord, ManualTime } from "../testing.ts";
import { contextCacheLane, type CloseRecord } from "../types.ts";
import { countHour, hourMs } from "./count-hour.ts";
import { HourStore } from "./hour-store.ts";
import { bucketOf } from "./measures.ts";
import { createPerformanceReports } from "./performance-reports.ts";
import { createPerformanceWatch, lookHours } from "./performance-watch.ts";
import { changeSentence, type ModelChange } from "./stored-change.ts";
import { SyntheticSeries } from "./testing.ts";

const startMs = Date.parse("2026-03-02T10:00:00Z");

function row(id: string, changes: Partial<CloseRecord> = {}, columns: Partial<UsageRow> = {}): UsageRow {
  const record = closeRecord(id, { timeMs: startMs + 5, modelServed: "gpt-5", stream: true, ...changes });
  return { ...rowOf(record, clampUsage(record.usage), { costNanoUsd: 0n, snapshot: null }), ...columns };
}

const openStores: readonly (readonly [string, (clock: Clock) => Promise<Store>, boolean | string])[] = [
  ["SQLite", (clock) => createSqliteStore({ path: ":memory:", clock }), false],
  ["PostgreSQL", async (clock) => createPostgresStore({ place: await migratedPostgres(), clock, pool: 2 }), withoutPostgres],
];

for (const [name, open, skip] of openStores) {
  describe(`the performance of models on ${name}`, { skip }, () => {
    const withStore = async (use: (store: Store, time: ManualTime) => Promise<void>): Promise<void> => {
      const time = new ManualTime();
      const store = await open(time.clock);
      try {
        await use(store, time);
      } finally {
        await store.close();
      }
    };

    it("is counted from an hour's entries, by provider, model and region", () =>
      withStore(async (store) => {
        await createStoreSink(store).write([
          row("req_1", { stopReason: "stop", usage: { input: 10, output: 100, cacheRead: 5 } }),
          row("req_2", { stream: false, ttftMs: undefined, stopReason: "refusal", isRefused: true, usage: { input: 10, output: 50 } }),
          row("req_3", { upstreamModel: "gpt-5-x", usage: { region: "eu" } }, { tool_calls: 3, tool_calls_parsed: 2, tool_calls_fit: 1 }),
          row("req_4", { status: "error", usage: {} }),
          // Not counted: another hour, a client that left, no provider, what was paid for a cache, and an attempt whose cache was gone.
          row("req_5", { timeMs: startMs + hourMs }),
          row("req_6", { status: "cancelled" }),
          row("req_7", { status: "refused", attempt: 0, provider: "" }),
          row("req_8", { lane: contextCacheLane, usage: { input: 5000, output: 0, units: { cache_storage: 417 } } }),
          row("req_9", { status: "error", errorCode: "context_cache_gone", usage: {} }),
        ]);
        const nothing = { toolCalls: 0, toolCallsParsed: 0, toolCallsChecked: 0, toolCallsFit: 0 };
        assert.deepEqual(await countHour(store.reader, startMs), [
          {
            provider: "openai",
            model: "gpt-5",
            region: "",
            counts: {
              ...nothing,
              attempts: 3,
              errors: 1,
              answers: 2,
              refusals: 1,
              cacheHits: 1,
              ttft: { [bucketOf(300)]: 1 },
              streamSpeed: { [bucketOf(100_000 / 900)]: 1 },
              jsonSpeed: { [bucketOf(50_000 / 1200)]: 1 },
              outputTokens: { [bucketOf(100)]: 1, [bucketOf(50)]: 1 },
              finishReasons: { stop: 1, refusal: 1 },
              modelsServed: { "gpt-5": 2 },
            },
          },
          {
            provider: "openai",
            model: "gpt-5-x",
            region: "eu",
            counts: {
              attempts: 1,
              errors: 0,
              answers: 1,
              refusals: 0,
              cacheHits: 0,
              toolCalls: 3,
              toolCallsParsed: 2,
              toolCallsChecked: 3,
              toolCallsFit: 1,
              ttft: { [bucketOf(300)]: 1 },
              streamSpeed: {},
              jsonSpeed: {},
              outputTokens: {},
              finishReasons: {},
              modelsServed: { "gpt-5": 1 },
            },
          },
        ]);
      }));

    it("is compared each hour, and a change is reported once, stored and shown", () =>
      withStore(async (store, time) => {
        const endMs = Math.floor(time.nowMs / hourMs) * hourMs;
        const series = new SyntheticSeries(7);
        const hours = new HourStore(store);
        const fromMs = endMs - lookHours * hourMs;
        await store.db.transaction().execute(async (transaction) => {
          for (let hour = 0; hour < lookHours; hour++) {
            const counts = series.next(hour >= lookHours - 48 ? "swapped" : undefined);
            const names = { provider: "openai", model: "gpt-5", region: "" };
            await transaction
              .insertInto("performance_hours")
              .values({ start_ms: fromMs + hour * hourMs, ...names, counts: JSON.stringify(counts) })
              .execute();
          }
        });
        await hours.write(endMs - hourMs, []);
        const found: ModelChange[] = [];
        const ids = createIdSource(time.clock);
        const onChange = (change: ModelChange): void => void found.push(change);
        const watch = createPerformanceWatch({ store, clock: time.clock, ids, logger: silentLogger, isPrimary: () => true, onChange });
        for (let run = 0; run < 3; run++) {
          time.nowMs = endMs + run * hourMs + 700_000;
          await watch.runNow();
        }
        assert.deepEqual(
          found.map(({ measure, name: which, before, after }) => ({ measure, which, before, after })),
          [{ measure: "model_served", which: "model-1", before: 0, after: 1 }],
        );
        const text = changeSentence(found[0]!)
          .replace(/since about .{16}/, "since about TIME")
          .replace(/last \d+/, "last N");
        assert.equal(
          text,
          'openai/gpt-5 changed: answers by another model than before "model-1" 100.0 % instead of 0.0 % (+100.0 points) since about TIME UTC, by the last N hours against the same hours of earlier weeks; chance that it is noise: less than one in a million.',
        );
        assert.deepEqual([...watch.counts()], [["openai\ngpt-5\nmodel_served", 1]]);
        await watch.stop();
        const reports = createPerformanceReports(store, time.clock);
        const [shown] = await reports.list("openai/gpt-5");
        assert.deepEqual([shown?.changes, shown?.now.model_served, shown?.before.model_served], [found, 1, 0]);
        const [history] = await reports.history("gpt-5", 3);
        assert.deepEqual([history?.points.length, history?.points[0]?.model_served, history?.stepMs], [72, 0, hourMs]);
      }));

    it("survives a clock that jumps 100 days ahead and comes back: hours stay, and are counted again", () =>
      withStore(async (store, time) => {
        const startOf = Math.floor(time.nowMs / hourMs) * hourMs;
        const hours = new HourStore(store);
        const counted = [{ provider: "openai", model: "gpt-5", region: "", counts: new SyntheticSeries(1).next() }];
        for (let hour = 48; hour > 0; hour--) await hours.write(startOf - hour * hourMs, counted);
        const shared = { store, clock: time.clock, ids: createIdSource(time.clock), logger: silentLogger };
        const open = () => createPerformanceWatch({ ...shared, isPrimary: () => true, onChange: () => undefined });
        const watch = open();
        const known = (): Promise<number> => hours.readSeries(startOf - 48 * hourMs, startOf).then(([series]) => series?.attempts ?? 0);
        const before = await known();
        time.nowMs = startOf + 700_000;
        await watch.runNow();
        // Up to the wrong time, an hour's look deletes two hours at most.
        time.nowMs += 101 * 24 * hourMs;
        await hours.write(time.nowMs - 700_000 - 2 * hourMs, []);
        const another = open();
        await another.runNow();
        assert.equal(await known(), (before * 46) / 48);
        time.nowMs = startOf + hourMs + 700_000;
        await createStoreSink(store).write([row("req_1", { timeMs: startOf + 5 })]);
        await another.runNow();
        assert.equal((await hours.readSeries(startOf, startOf + hourMs))[0]?.attempts, 1);
        await watch.stop();
        await another.stop();
      }));
  });
}
