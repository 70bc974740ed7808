import assert from "node:assert/strict";
import { it } from "node:test";
import { createTimeZone } from "../../core/index.ts";
import { hold, onEachStore, usd } from "./testing.ts";

onEachStore("budgets in time zones", (withBudgets) => {
  it("a day of 23 hours and one of 25 are whole periods, and a day may begin at half past", () =>
    withBudgets(async ({ clock, admin, setStop }) => {
      await setStop("10", { period: "day" });
      const periodAt = async (zone: string, time: string): Promise<string> => {
        clock.zone = createTimeZone(zone);
        clock.at = Date.parse(time);
        const [state] = await admin.list();
        return `${state!.period_start} ${state!.period_end}`;
      };
      assert.deepEqual(
        [
          await periodAt("Europe/Berlin", "2026-03-29T21:59:59Z"),
          await periodAt("Europe/Berlin", "2026-10-25T22:59:59Z"),
          await periodAt("Asia/Kolkata", "2026-11-23T18:29:59Z"),
        ],
        [
          "2026-03-28T23:00:00.000Z 2026-03-29T22:00:00.000Z",
          "2026-10-24T22:00:00.000Z 2026-10-25T23:00:00.000Z",
          "2026-11-22T18:30:00.000Z 2026-11-23T18:30:00.000Z",
        ],
      );
    }));

  it("spending counts in the day of the zone in which it was made", () =>
    withBudgets(async ({ clock, budgets, ingest, setStop, state }) => {
      clock.zone = createTimeZone("America/New_York");
      // 23:30 of the 22nd in New York.
      clock.at = Date.parse("2026-11-23T04:30:00Z");
      await setStop("10", { period: "day" });
      await hold(budgets, "req_1", "4");
      await ingest({ time_ms: clock.at, cost_nano_usd: usd("3") });
      assert.deepEqual(await state(), { spent_usd: "3", held_usd: "0", left_usd: "7" });
      clock.at = Date.parse("2026-11-23T05:00:00Z");
      assert.deepEqual(await state(), { spent_usd: "0", held_usd: "0", left_usd: "10" });
    }));

  it("after a change of the zone a budget goes on with what was spent in its new period, also if a request came first", () =>
    withBudgets(async ({ clock, admin, budgets, ingest, setStop, state }) => {
      await setStop("10", { period: "day" });
      await ingest({ request_id: "req_1", time_ms: Date.parse("2026-11-22T23:30:00Z"), cost_nano_usd: usd("1") });
      await ingest({ request_id: "req_2", time_ms: clock.at, cost_nano_usd: usd("2") });
      assert.deepEqual(await state(), { spent_usd: "2", held_usd: "0", left_usd: "8" });
      await admin.realign();
      assert.deepEqual(await state(), { spent_usd: "2", held_usd: "0", left_usd: "8" });
      clock.zone = createTimeZone("Europe/Berlin");
      await hold(budgets, "req_3", "5");
      assert.deepEqual(await state(), { spent_usd: "0", held_usd: "5", left_usd: "5" });
      for (let i = 0; i < 2; i++) {
        await admin.realign();
        assert.deepEqual(await state(), { spent_usd: "3", held_usd: "5", left_usd: "2" });
      }
    }));
});
