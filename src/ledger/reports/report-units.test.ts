import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { utcZone } from "../../core/index.ts";
import { createSqliteStore, type Store } from "../../store/index.ts";
import { clampUsage } from "../entries/clamp-usage.ts";
import { createStoreSink } from "../entries/sink.ts";
import { rowOf, type UsageRow } from "../entries/usage-row.ts";
import { createRollupStep } from "../rollups/rollup.ts";
import { closeRecord, ManualTime } from "../testing.ts";
import { readSums, readUnits, type UsageGroup } from "./report-query.ts";
import { createReports, type UsageReport } from "./reports.ts";

const dayMs = 86_400_000;
const users = 6;

/** Each user has some searches of the web on two days; the last one has none. */
function rowOfUser(index: number, day: number): UsageRow {
  const units = index === users - 1 ? {} : { units: { web_search: index + 1 } };
  const record = closeRecord(`req_${index}_${day}`, {
    timeMs: day * dayMs,
    userId: `usr_${index}`,
    usage: { input: 10, output: 1, ...units },
  });
  return rowOf(record, clampUsage(record.usage), { costNanoUsd: 1n, snapshot: null });
}

let store: Store;

before(async () => {
  store = await createSqliteStore({ path: ":memory:", clock: new ManualTime().clock });
  const rows = [9, 10].flatMap((day) => Array.from({ length: users }, (_, index) => rowOfUser(index, day)));
  await createStoreSink(store, { steps: [createRollupStep(store)] }).write(rows);
});

after(() => store.close());

test("a page of a report reads the units of its own groups alone", async () => {
  const query = { zone: utcZone, groupBy: ["user"] as const };
  const sums = await readSums(store, query);
  const read = await readUnits(store, query, sums.slice(1, 3));
  assert.deepEqual(Object.fromEntries(read), { '["usr_1"]': { web_search: 4 }, '["usr_2"]': { web_search: 6 } });
  assert.deepEqual(await readUnits(store, query, []), new Map());
});

test("the pages of a report have the units of the whole report, and its totals", async () => {
  const reports = createReports({ store });
  const groupings: readonly (readonly UsageGroup[])[] = [["user"], ["day", "user"], ["hour"], ["user", "day"]];
  for (const groupBy of groupings) {
    const whole = await reports.usage({ groupBy });
    const paged: UsageReport["rows"][number][] = [];
    let next: string | null | undefined;
    for (let pages = 0; pages < 20 && next !== null; pages++) {
      const page = await reports.usage({ groupBy, limit: 5, ...(next === undefined ? {} : { after: next }) });
      paged.push(...page.rows);
      assert.deepEqual([page.totals, page.totals.units], [whole.totals, { web_search: 30 }]);
      ({ next } = page);
    }
    assert.deepEqual(paged, whole.rows);
  }
});
