import assert from "node:assert/strict";
import { test } from "node:test";
import { utcZone } from "../core/index.ts";
import { createSqliteStore, type Store } from "../store/index.ts";
import { createStoreSink } from "./entries/sink.ts";
import { createPriceAdmin } from "./price-admin.ts";
import { chargedRow } from "./prices/charge.ts";
import { createPriceCatalogue, type PriceCatalogue } from "./prices/price-catalogue.ts";
import { readPriceList } from "./prices/price-list.ts";
import { createReports } from "./reports/reports.ts";
import { repriceEntries } from "./reprice.ts";
import { createRollupStep } from "./rollups/rollup.ts";
import { closeRecord, ManualTime } from "./testing.ts";
import type { CloseRecord } from "./types.ts";

const day = Date.parse("2026-03-01T00:00:00Z");
const old = createPriceCatalogue({ overrides: { m: { input: "1", output: "2" } } });
const corrected = createPriceCatalogue({
  overrides: { m: { input: "3", output: "2" }, fresh: { input: "1", output: "1", web_search: "0.01" } },
});
const range = { fromMs: day, toMs: day + 86_400_000, isDryRun: false };

async function withEntries(
  records: readonly CloseRecord[],
  use: (store: Store) => Promise<void>,
  prices: PriceCatalogue = old,
): Promise<void> {
  const time = new ManualTime();
  const store = await createSqliteStore({ path: ":memory:", clock: time.clock });
  try {
    const rows = records.map((record) => chargedRow(prices, record));
    await createStoreSink(store, { steps: [createRollupStep(store)] }).write(rows);
    await use(store);
  } finally {
    await store.close();
  }
}

const entry = (id: string, changes: Partial<CloseRecord> = {}): CloseRecord =>
  closeRecord(id, {
    timeMs: day + 1000,
    provider: "p",
    modelAsked: "m",
    upstreamModel: "m",
    modelServed: "m",
    usage: { input: 1000, output: 100 },
    ...changes,
  });
const records = [
  entry("req_1", { tags: '["team"]' }),
  entry("req_2", {
    modelServed: "fresh",
    upstreamModel: "fresh",
    modelAsked: "fresh",
    usage: { input: 100, output: 10, units: { web_search: 2 } },
  }),
  entry("req_3", { timeMs: day + 90_000_000 }),
  entry("req_4", { attempt: 0, status: "refused", usage: {} }),
];

async function totals(store: Store): Promise<readonly unknown[]> {
  const reports = createReports({ store });
  const all = await reports.usage({ groupBy: [], zone: utcZone });
  // Of a part of an hour: single entries are read, not their sums.
  const part = await reports.usage({ groupBy: [], zone: utcZone, fromMs: day + 1, toMs: day + 2000 });
  const { requests, attempts, cost_usd: cost, unpriced_requests: unpriced } = all.totals;
  return [requests, attempts, cost, unpriced, part.totals.cost_usd, part.totals.unpriced_requests, part.totals.attempts];
}

test("costs are reckoned anew into rows of their own, which every report counts", async () => {
  await withEntries(records, async (store) => {
    assert.deepEqual(await totals(store), [4, 4, "0.0024", 1, "0.0012", 1, 3]);
    const result = await repriceEntries({ store, prices: corrected }, range);
    assert.deepEqual(result, { entries: 3, corrected: 2, newly_priced: 1, difference_usd: "0.02211" });
    // req_1: 0.0012 to 0.0032; req_2: unknown to 0.02011.
    assert.deepEqual(await totals(store), [4, 4, "0.02451", 0, "0.02331", 0, 3]);
    const { entries } = await createReports({ store }).entries({ limit: 10 });
    const [, , , second] = entries.toReversed();
    assert.equal(entries.length, 6);
    assert.deepEqual(
      entries
        .filter(({ direction }) => direction === "correct")
        .map((each) => [each.request_id, each.attempt, each.cost_usd, each.units, each.input_tokens]),
      [
        ["req_2", 1001, "0.02011", { corrects_attempt: 1, was_unknown: true, cost_usd: "0.02011" }, null],
        ["req_1", 1001, "0.002", { corrects_attempt: 1, was_unknown: false, cost_usd: "0.0032" }, null],
      ],
    );
    assert.ok(second !== undefined);
  });
});

test("a second time nothing changes, and a later price is the difference to the last one", async () => {
  await withEntries(records, async (store) => {
    await repriceEntries({ store, prices: corrected }, range);
    assert.deepEqual(await repriceEntries({ store, prices: corrected }, range), {
      entries: 3,
      corrected: 0,
      newly_priced: 0,
      difference_usd: "0",
    });
    const again = await repriceEntries({ store, prices: old }, range);
    // A price that is not known any more changes nothing.
    assert.deepEqual(again, { entries: 3, corrected: 1, newly_priced: 0, difference_usd: "-0.002" });
    assert.deepEqual(await totals(store), [4, 4, "0.02251", 0, "0.02131", 0, 3]);
  });
});

test("a dry run changes nothing", async () => {
  await withEntries(records, async (store) => {
    const result = await repriceEntries({ store, prices: corrected }, { ...range, isDryRun: true });
    assert.deepEqual(result, { entries: 3, corrected: 2, newly_priced: 1, difference_usd: "0.02211" });
    assert.deepEqual(await totals(store), [4, 4, "0.0024", 1, "0.0012", 1, 3]);
  });
});

test("more entries than a page holds are all reckoned, once each", async () => {
  const many = Array.from({ length: 1203 }, (_, i) => entry(`req_${String(i).padStart(5, "0")}`, { timeMs: day + Math.floor(i / 7) }));
  await withEntries(many, async (store) => {
    const result = await repriceEntries({ store, prices: corrected }, range);
    assert.deepEqual(result, { entries: 1203, corrected: 1203, newly_priced: 0, difference_usd: "2.406" });
  });
});

test("models in use are listed that have no price, an old one, or one that sources disagree about", async () => {
  const list = readPriceList();
  const usedMs = Date.parse("2026-11-28T12:00:00Z");
  const lateMs = usedMs + 200 * 86_400_000;
  const used = (id: string, provider: string, model: string, timeMs: number): CloseRecord =>
    entry(id, { provider, modelAsked: model, upstreamModel: model, modelServed: model, timeMs });
  const own = createPriceCatalogue();
  await withEntries(
    [
      used("req_1", "local", "mine", lateMs),
      used("req_2", "openai", "gpt-6.1-sol", lateMs),
      used("req_3", "mistral", "magistral-medium-latest", lateMs),
    ],
    async (store) => {
      const admin = createPriceAdmin({
        store,
        prices: () => own,
        list: () => list,
        file: () => undefined,
        targets: () => [],
        clock: { now: () => lateMs + 1000, monotonic: () => 0 },
      });
      assert.deepEqual(
        (await admin.check()).map(({ provider, model, problem, attempts }) => [provider, model, problem, attempts]),
        [
          ["local", "mine", "unpriced", 1],
          ["mistral", "magistral-medium-latest", "stale", 1],
          ["mistral", "magistral-medium-latest", "disagreeing", 1],
          ["openai", "gpt-6.1-sol", "stale", 1],
        ],
      );
    },
    own,
  );
});

test("what a vendor has billed itself stays, also if its provider is not configured any more", async () => {
  const believed = createPriceCatalogue({ describe: () => ({ preset: "openrouter", reportsDollars: true }) });
  const usage = { input: 1000, output: 100, vendorCostUsd: 0.5 };
  await withEntries(
    [entry("req_1", { usage })],
    async (store) => {
      const result = await repriceEntries({ store, prices: corrected }, range);
      assert.deepEqual(result, { entries: 1, corrected: 0, newly_priced: 0, difference_usd: "0" });
    },
    believed,
  );
});
