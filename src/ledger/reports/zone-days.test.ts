import assert from "node:assert/strict";
import { test } from "node:test";
import { createTimeZone } from "../../core/index.ts";
import { createSqliteStore } from "../../store/index.ts";
import { createStoreSink } from "../entries/sink.ts";
import { rowOf, type UsageRow } from "../entries/usage-row.ts";
import { createRetention } from "../retention.ts";
import { createRollupStep } from "../rollups/rollup.ts";
import { closeRecord, ManualTime } from "../testing.ts";
import { silentLogger } from "../../core/index.ts";
import { createReports } from "./reports.ts";

const rowsEvery = (from: string, to: string, minutes: number): UsageRow[] => {
  const rows: UsageRow[] = [];
  for (let timeMs = Date.parse(from); timeMs < Date.parse(to); timeMs += minutes * 60_000) {
    const record = closeRecord(`req_${timeMs}`, { timeMs });
    rows.push(rowOf(record, record.usage, { costNanoUsd: 1n, snapshot: null }));
  }
  return rows;
};

test("requests every quarter of an hour: days have as many as they have quarters, in every zone", async (t) => {
  const time = new ManualTime();
  const store = await createSqliteStore({ path: ":memory:", clock: time.clock });
  t.after(() => store.close());
  const sink = createStoreSink(store, { steps: [createRollupStep(store)] });
  await sink.write(rowsEvery("2026-10-22T00:00:00Z", "2026-10-29T00:00:00Z", 15));
  const reports = createReports({ store });
  const days = async (zone: string, from = "2026-10-24", to = "2026-10-27"): Promise<string[]> => {
    const calendar = createTimeZone(zone);
    const [fromMs, toMs] = [from, to].map((day) => calendar.startOfDate(day)) as [number, number];
    const report = await reports.usage({ groupBy: ["day"], zone: calendar, fromMs, toMs });
    return [report.time_zone, ...report.rows.map(({ group, requests }) => `${group["day"]} ${requests}`)];
  };
  assert.deepEqual(await days("Europe/Berlin"), ["Europe/Berlin", "2026-10-24 96", "2026-10-25 100", "2026-10-26 96"]);
  assert.deepEqual(await days("Asia/Kathmandu"), ["Asia/Kathmandu", "2026-10-24 96", "2026-10-25 96", "2026-10-26 96"]);
  const whole = await reports.usage({ groupBy: ["day"], zone: createTimeZone("America/St_Johns") });
  assert.deepEqual(
    whole.rows.map(({ requests }) => requests),
    [10, 96, 96, 96, 96, 96, 96, 86],
  );
  // The hour that is there twice is two rows.
  const hours = await reports.usage({
    groupBy: ["hour"],
    zone: createTimeZone("Europe/Berlin"),
    fromMs: Date.parse("2026-10-25T00:00:00Z"),
    toMs: Date.parse("2026-10-25T02:00:00Z"),
  });
  assert.deepEqual(
    hours.rows.map(({ group, requests }) => `${group["hour"]} ${requests}`),
    ["2026-10-25T02:00+02:00 4", "2026-10-25T02:00+01:00 4"],
  );
});

test("an hour whose entries are gone counts whole to the day in which it begins", async (t) => {
  const time = new ManualTime();
  const store = await createSqliteStore({ path: ":memory:", clock: time.clock });
  t.after(() => store.close());
  const sink = createStoreSink(store, { steps: [createRollupStep(store)] });
  await sink.write(rowsEvery("2026-10-22T00:00:00Z", "2026-10-24T00:00:00Z", 30));
  const retention = createRetention({
    store,
    entriesMs: () => 1,
    bodiesMs: () => 1,
    clock: { now: () => Date.parse("2026-10-23T12:00:00Z"), monotonic: () => 0 },
    logger: silentLogger,
    schedule: () => () => undefined,
  });
  await retention.step();
  await retention.close();
  const report = await createReports({ store }).usage({ groupBy: ["day"], zone: createTimeZone("Asia/Kolkata") });
  assert.deepEqual(
    report.rows.map(({ group, requests }) => `${group["day"]} ${requests}`),
    ["2026-10-22 38", "2026-10-23 47", "2026-10-24 11"],
  );
});
