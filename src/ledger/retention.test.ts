import assert from "node:assert/strict";
import { test } from "node:test";
import { createSqliteStore, type Store } from "../store/index.ts";
import { closeRecord, KeepingLogger, ManualTime, settle } from "./testing.ts";
import { createReports } from "./reports/reports.ts";
import { createRetention, type Retention } from "./retention.ts";
import { createRollupStep, spanMs } from "./rollups/rollup.ts";
import { createStoreSink } from "./entries/sink.ts";
import { rowOf, type UsageRow } from "./entries/usage-row.ts";

const now = Date.parse("2026-03-10T17:30:00Z");
const days = (count: number): number => count * spanMs.day;

function row(id: string, timeMs: number): UsageRow {
  const record = closeRecord(id, { timeMs, tags: '["a"]' });
  return rowOf(record, record.usage, { costNanoUsd: 1n, snapshot: null });
}

interface Kept {
  readonly store: Store;
  readonly time: ManualTime;
  readonly retention: Retention;
  readonly logger: KeepingLogger;
  times(): Promise<readonly number[]>;
}

async function withRetention(
  rows: readonly UsageRow[],
  entriesMs: () => number | undefined,
  use: (kept: Kept) => Promise<void>,
  change: (store: Store) => Store = (store) => store,
): Promise<void> {
  const time = new ManualTime();
  time.nowMs = now;
  const store = change(await createSqliteStore({ path: ":memory:", clock: time.clock }));
  await createStoreSink(store, { steps: [createRollupStep(store)] }).write(rows);
  const logger = new KeepingLogger();
  const retention = createRetention({ store, entriesMs, bodiesMs: () => days(7), clock: time.clock, logger, schedule: time.schedule });
  const times = async (): Promise<readonly number[]> =>
    (await store.db.selectFrom("usage_entries").select("time_ms").orderBy("time_ms").execute()).map((found) => found.time_ms);
  try {
    await use({ store, time, retention, logger, times });
  } finally {
    await retention.close();
    await store.close();
  }
}

const today = now - (now % spanMs.day);

test("entries of days that are completely past their time are deleted, their sums stay", async () => {
  const rows = [today - days(3), today - days(2) - 1, today - days(2), now].map((timeMs, i) => row(`req_${i}`, timeMs));
  await withRetention(
    rows,
    () => days(2),
    async ({ store, retention, times }) => {
      const reports = createReports({ store });
      const before = await reports.usage({ groupBy: ["user", "day"] });
      const byTag = await reports.usage({ groupBy: ["tag", "hour"] });
      assert.equal(await retention.step(), false);
      assert.deepEqual(await times(), [today - days(2), now]);
      assert.deepEqual(
        [await reports.usage({ groupBy: ["user", "day"] }), await reports.usage({ groupBy: ["tag", "hour"] })],
        [before, byTag],
      );
      assert.equal(before.totals.requests, 4);
    },
  );
});

test("a bound inside an hour whose entries were deleted moves outwards to the whole hour", async () => {
  const old = today - days(3);
  const rows = [row("a", old + 10), row("b", old + spanMs.hour + 10), row("c", old + 2 * spanMs.hour)];
  await withRetention(
    rows,
    () => days(1),
    async ({ store, retention }) => {
      const count = async (fromMs: number, toMs: number): Promise<number> =>
        (await createReports({ store }).usage({ groupBy: [], fromMs, toMs })).totals.requests;
      const asked = (): Promise<readonly number[]> =>
        Promise.all([count(old + 11, old + spanMs.hour), count(old, old + spanMs.hour + 1), count(old + 11, old + spanMs.hour + 11)]);
      assert.deepEqual(await asked(), [0, 1, 1]);
      await retention.step();
      assert.deepEqual(await asked(), [1, 2, 2]);
    },
  );
});

test("nothing is deleted if no time is set, and a longer time does not move the mark back", async () => {
  let keepMs: number | undefined;
  await withRetention(
    [row("a", now - days(500)), row("b", now - days(20))],
    () => keepMs,
    async ({ store, retention, times }) => {
      const mark = async (): Promise<number> =>
        (
          await store.db
            .selectFrom("retention")
            .select("deletable_before_ms as ms")
            .where("name", "=", "usage_entries")
            .executeTakeFirstOrThrow()
        ).ms;
      assert.equal(await retention.step(), false);
      assert.deepEqual([(await times()).length, await mark()], [2, 0]);
      keepMs = days(30);
      await retention.step();
      keepMs = days(400);
      await retention.step();
      assert.deepEqual([await times(), await mark()], [[now - days(20)], today - days(30)]);
    },
  );
});

test("an entry that comes after all others were deleted does not count as one that is in the audit trail", async () => {
  const rows = [1, 2, 3].map((at) => row(`req_${at}`, today - days(9) + at));
  await withRetention(
    rows,
    () => days(2),
    async ({ store, retention }) => {
      const place = async (): Promise<number> =>
        (await store.db.selectFrom("audit_state").select("value").where("name", "=", "usage").executeTakeFirstOrThrow()).value;
      await store.db.updateTable("audit_state").set({ value: 3 }).where("name", "=", "usage").execute();
      await retention.step();
      assert.equal(await place(), 0);
    },
  );
});

test("many entries are deleted in small batches, in the background, until none is left", async () => {
  const old = Array.from({ length: 1201 }, (_, i) => row(`req_${i}`, today - days(10) + i));
  await withRetention(
    [...old, row("new", now)],
    () => days(1),
    async ({ time, times }) => {
      const left: number[] = [];
      for (let step = 0; step < 4; step++) {
        await time.advance(100);
        left.push((await times()).length);
      }
      assert.deepEqual(left, [702, 202, 1, 1]);
      assert.deepEqual(time.delays, [10 * 60_000 - 100]);
    },
  );
});

test("a failed deletion is tried again later, and the log says why", async () => {
  let broken = true;
  const change = (store: Store): Store => ({
    ...store,
    dropUsageBefore: () => (broken ? Promise.reject(new Error("disk I/O error")) : Promise.resolve()),
  });
  await withRetention(
    [row("a", today - days(9))],
    () => days(1),
    async ({ time, logger }) => {
      await time.advance(100);
      assert.deepEqual(logger.lines, ["warn usage entries or bodies past their time could not be deleted; it is tried again later"]);
      broken = false;
      await time.advance(10 * 60_000);
      assert.deepEqual([logger.lines.length, time.delays], [1, [10 * 60_000]]);
    },
    change,
  );
});

test("months are dropped instead of deleting rows if the database can; nothing follows after close", async () => {
  const dropped: number[] = [];
  const change = (store: Store): Store => ({
    ...store,
    dropUsageBefore: (timeMs) => {
      dropped.push(timeMs);
      return Promise.resolve();
    },
  });
  await withRetention(
    [row("a", today - days(9))],
    () => days(1),
    async ({ time, retention, times }) => {
      await time.advance(100);
      assert.deepEqual([dropped, await times()], [[today - days(1)], [today - days(9)]]);
      await retention.close();
      await settle();
      assert.deepEqual(time.delays, []);
    },
    change,
  );
});
