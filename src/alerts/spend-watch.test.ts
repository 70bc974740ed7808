import assert from "node:assert/strict";
import { test } from "node:test";
import { createTimeZone, utcZone } from "../core/index.ts";
import { createSqliteStore } from "../store/index.ts";
import { findUnusualSpend } from "./spend-watch.ts";

const hourMs = 3_600_000;
/** A Saturday, 10:30 UTC. */
const nowMs = Date.UTC(2026, 10, 28, 10, 30);

/** Costs by hours before now, in whole dollars. @returns what the event says of today and of usual days. */
async function unusual(costs: readonly (readonly [hoursAgo: number, usd: number])[], zone = utcZone): Promise<string | undefined> {
  const store = await createSqliteStore({ path: ":memory:", clock: { now: () => nowMs, monotonic: () => nowMs } });
  for (const [hoursAgo, usd] of costs) {
    const start_ms = Math.floor((nowMs - hoursAgo * hourMs) / hourMs) * hourMs;
    const sums = { requests: 1, attempts: 1, errors: 0, input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 };
    const names = { user_id: "u", key_id: "k", provider: "p", model: "m", dialect: "openai-chat" };
    const money = { reasoning_tokens: 0, whole_usd: usd, rest_nano_usd: 500_000_000n, unpriced: 0 };
    await store.db
      .insertInto("usage_sums")
      .values({ span: "hour", start_ms, ...names, ...sums, ...money })
      .execute();
  }
  const settings = (): { spendFactor: number; spendLeastUsd: number } => ({ spendFactor: 3, spendLeastUsd: 10 });
  const event = await findUnusualSpend({ store, timeZone: () => zone, settings, clock: { now: () => nowMs, monotonic: () => 0 } });
  await store.close();
  return event && `${event.details["today_usd"]} ${event.details["usual_usd"]} ${event.period}`;
}

const week = 7 * 24;
const day = String(Date.UTC(2026, 10, 28));

test("spend is unusual if today has cost three times as much as the same weekdays until the same time", async () => {
  const usual: readonly (readonly [number, number])[] = [
    [week + 1, 9],
    [2 * week, 10],
    // Later on those days, and on other days: not compared.
    [week - 3, 500],
    [24, 900],
  ];
  assert.equal(await unusual([...usual, [0, 20], [5, 20]]), `41.00 10.00 ${day}`);
  assert.equal(await unusual([...usual, [0, 20], [5, 9]]), undefined);
});

test("a day that costs little, and an installation of few weeks, have no unusual spend", async () => {
  assert.equal(
    await unusual([
      [week, 0],
      [2 * week, 0],
      [1, 9],
    ]),
    undefined,
  );
  assert.equal(
    await unusual([
      [week, 1],
      [1, 900],
    ]),
    undefined,
  );
  assert.equal(await unusual([]), undefined);
});

test("the day is that of the ledger's time zone", async () => {
  // 00:30 of the 28th in Auckland is 11:30 of the 27th in UTC.
  const zone = createTimeZone("Pacific/Auckland");
  assert.equal(
    await unusual(
      [
        [week, 1],
        [2 * week, 1],
        [12, 50],
      ],
      zone,
    ),
    `50.50 1.50 ${String(Date.UTC(2026, 10, 27, 11))}`,
  );
  assert.equal(
    await unusual(
      [
        [week, 1],
        [2 * week, 1],
        [24, 50],
      ],
      zone,
    ),
    undefined,
  );
});
