import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { GatewayError } from "../../core/index.ts";
import { hold, noon, onEachStore, refusal, usd, type World } from "./testing.ts";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";

onEachStore("budgets", describeBudgets);

function describeBudgets(withBudgets: (body: (world: World) => Promise<void>) => Promise<void>): void {
  describe("reserve and settle", () => {
    it("a user or key without a budget has none, and a refresh finds a new one", () =>
      withBudgets(async ({ admin, budgets }) => {
        assert.equal(budgets.of({ userId: "usr_1", keyId: "key_1" }), undefined);
        await admin.set({ subject: "key", subjectId: "key_2", period: "day", warnNanoUsd: null, stopNanoUsd: 1n });
        await budgets.refresh();
        assert.equal(budgets.of({ userId: "usr_1", keyId: "key_1" }), undefined);
        assert.deepStrictEqual(
          budgets
            .of({ userId: "usr_1", keyId: "key_2" })
            ?.map(({ subjectId, period, stopNanoUsd }) => ({ subjectId, period, stopNanoUsd })),
          [{ subjectId: "key_2", period: "day", stopNanoUsd: 1n }],
        );
      }));

    it("admits ten of 200 concurrent requests of two processes, if the budget is enough for ten", () =>
      withBudgets(async ({ budgets, another, setStop, state }) => {
        await setStop("10");
        const other = await another();
        const outcomes = await Promise.allSettled(
          Array.from({ length: 200 }, (_, i) => hold(i % 2 === 0 ? budgets : other, `req_${i}`, "1")),
        );
        const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [(outcome.reason as GatewayError).code] : []));
        assert.deepStrictEqual(refused, Array(190).fill("budget_exceeded"));
        assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "10", left_usd: "0" });
      }));

    it("a refusal names what is spent, reserved and requested, and when the budget resets", () =>
      withBudgets(async ({ budgets, setStop, ingest }) => {
        await setStop("2");
        await ingest({ request_id: "req_0", cost_nano_usd: usd("0.5") });
        await hold(budgets, "req_1", "1");
        const error = await refusal(hold(budgets, "req_2", "0.75"));
        assert.deepStrictEqual(
          { code: error.code, status: error.status, message: error.message },
          {
            code: "budget_exceeded",
            status: 402,
            message:
              "The month's budget of this user is 2 US dollars: 0.5 are spent, 1 are reserved for active requests, and this request may cost up to 0.75. " +
              "Ask for fewer output tokens, or have an admin raise the budget; it begins anew at 2026-12-01T00:00:00.000Z.",
          },
        );
      }));

    it("a request's row moves its cost from reserved to spent, once", () =>
      withBudgets(async ({ budgets, setStop, ingest, state }) => {
        await setStop("10");
        await hold(budgets, "req_1", "4");
        await ingest({ cost_nano_usd: usd("1.5") });
        assert.deepStrictEqual(await state(), { spent_usd: "1.5", held_usd: "0", left_usd: "8.5" });
        await budgets.release("req_1");
        assert.deepStrictEqual(await state(), { spent_usd: "1.5", held_usd: "0", left_usd: "8.5" });
      }));

    it("keeps the reservation after a failed attempt, for the next one", () =>
      withBudgets(async ({ budgets, setStop, ingest, state }) => {
        await setStop("10");
        await hold(budgets, "req_1", "4");
        await ingest({ attempt: 1, status: "error" });
        assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "4", left_usd: "6" });
        await ingest({ attempt: 2, cost_nano_usd: usd("3") });
        assert.deepStrictEqual(await state(), { spent_usd: "3", held_usd: "0", left_usd: "7" });
      }));

    it("releases the whole reservation of a refused request", () =>
      withBudgets(async ({ budgets, setStop, state }) => {
        await setStop("10");
        await setStop("3", { subjectId: "key_1" });
        await refusal(hold(budgets, "req_1", "4"));
        assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "0", left_usd: "10" });
        await hold(budgets, "req_2", "2");
        await budgets.release("req_2");
        assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "0", left_usd: "10" });
      }));

    it("charges a model without a price at the ceiling, and an interrupted request of unknown usage at its reservation", () =>
      withBudgets(async ({ budgets, setStop, ingest, state }) => {
        await setStop("10");
        await ingest({ request_id: "req_a", cost_nano_usd: null, input_tokens: 100_000, output_tokens: 10_000 });
        assert.deepStrictEqual(await state(), { spent_usd: "1.2", held_usd: "0", left_usd: "8.8" });
        const unknown = { cost_nano_usd: null, input_tokens: null, output_tokens: null, usage_source: "none" } as const;
        await hold(budgets, "req_b", "2");
        await ingest({ request_id: "req_b", status: "interrupted", ...unknown });
        assert.deepStrictEqual(await state(), { spent_usd: "3.2", held_usd: "0", left_usd: "6.8" });
        await hold(budgets, "req_c", "2");
        await ingest({ request_id: "req_c", status: "ok", ...unknown });
        assert.deepStrictEqual(await state(), { spent_usd: "3.2", held_usd: "0", left_usd: "6.8" });
      }));
  });

  it("a new budget counts an entry without a price at the ceiling until a correction has given it one", () =>
    withBudgets(async ({ ingest, setStop, state }) => {
      const unpriced = { cost_nano_usd: null, input_tokens: 100_000, output_tokens: 10_000 } as const;
      await ingest({ request_id: "req_a", ...unpriced }, { request_id: "req_b", ...unpriced });
      await ingest({ request_id: "req_a", attempt: 1001, direction: "correct", cost_nano_usd: usd("0.5"), input_tokens: null });
      await setStop("10");
      assert.deepStrictEqual(await state(), { spent_usd: "1.7", held_usd: "0", left_usd: "8.3" });
    }));

  it("a new budget counts an entry without a price as it was settled, with the bound of its class of service", () =>
    withBudgets(async ({ admin, ingest, setStop }) => {
      await setStop("10");
      const unpriced = { cost_nano_usd: null, input_tokens: 100_000, output_tokens: 10_000 } as const;
      await ingest({ request_id: "req_a", ...unpriced }, { request_id: "req_b", ...unpriced, service_class: "priority" });
      await setStop("20", { period: "total" });
      assert.deepStrictEqual(
        (await admin.list()).map((budget) => [budget.period, budget.spent_usd]),
        [
          ["month", "2.2"],
          ["total", "2.2"],
        ],
      );
    }));

  describe("periods", () => {
    it("reset at midnight UTC and with the month; total never does", () =>
      withBudgets(async ({ budgets, admin, clock, ingest, setStop }) => {
        clock.at = Date.UTC(2026, 10, 30, 23, 59, 59, 999);
        for (const period of ["day", "month", "total"] as const) await setStop("10", { period });
        await hold(budgets, "req_1", "3");
        await ingest({ time_ms: clock.at, cost_nano_usd: usd("2") });
        const spent = async (): Promise<unknown> =>
          Object.fromEntries((await admin.list()).map((state) => [state.period, state.spent_usd]));
        assert.deepStrictEqual(await spent(), { day: "2", month: "2", total: "2" });
        clock.at += 1;
        assert.deepStrictEqual(await spent(), { day: "0", month: "0", total: "2" });
      }));

    it("a request that begins before midnight and is ingested after it counts in the period of its start, and its reservation ends", () =>
      withBudgets(async ({ budgets, store, clock, ingest, setStop }) => {
        clock.at = Date.UTC(2026, 10, 30, 23, 59, 59, 999);
        await setStop("10", { period: "day" });
        await hold(budgets, "req_1", "3");
        clock.at += 1000;
        await ingest({ time_ms: clock.at - 1000, cost_nano_usd: usd("2") });
        const rows = await store.db.selectFrom("budget_periods").select(["start_ms", "spent_nano_usd", "held_nano_usd"]).execute();
        assert.deepStrictEqual(
          rows.map((row) => ({ ...row })),
          [{ start_ms: Date.UTC(2026, 10, 30), spent_nano_usd: usd("2"), held_nano_usd: 0n }],
        );
      }));

    it("a new budget begins with the ledger's sum of the period; a changed one keeps its spent and reserved sums", () =>
      withBudgets(async ({ budgets, admin, ingest, setStop, state }) => {
        await ingest(
          { request_id: "req_old", time_ms: Date.UTC(2026, 9, 31), cost_nano_usd: usd("100") },
          { request_id: "req_new", cost_nano_usd: usd("4") },
        );
        await ingest({ request_id: "req_other", user_id: "usr_2", cost_nano_usd: usd("50") });
        await ingest({ request_id: "req_unpriced", cost_nano_usd: null, input_tokens: 100_000, output_tokens: 0 });
        const made = await setStop("10");
        await hold(budgets, "req_1", "1");
        const changed = await setStop("20", { warn: "15" });
        assert.equal(changed.id, made.id);
        assert.deepStrictEqual(await state(), { spent_usd: "5", held_usd: "1", left_usd: "14" });
        assert.deepStrictEqual(await admin.list(), [
          {
            id: made.id,
            kind: "user",
            subject: "usr_1",
            user_id: "usr_1",
            key_id: null,
            period: "month",
            warn_usd: "15",
            stop_usd: "20",
            spent_usd: "5",
            held_usd: "1",
            left_usd: "14",
            period_start: "2026-11-01T00:00:00.000Z",
            period_end: "2026-12-01T00:00:00.000Z",
            time_zone: "UTC",
          },
        ]);
      }));
  });

  describe("warnings", () => {
    it("warns from the warning on, without a stop too, and logs the crossing once", () =>
      withBudgets(async ({ budgets, ingest, setStop, log }) => {
        const { id } = await setStop("", { warn: "2" });
        assert.deepStrictEqual(await hold(budgets, "req_1", "100"), []);
        await ingest({ request_id: "req_1", cost_nano_usd: usd("2") });
        await ingest({ request_id: "req_2", cost_nano_usd: usd("1") });
        const warnings = await hold(budgets, "req_3", "100");
        assert.deepStrictEqual(
          warnings.map(({ budget, spentNanoUsd }) => ({ id: budget.id, spentNanoUsd })),
          [{ id, spentNanoUsd: usd("3") }],
        );
        assert.deepStrictEqual(log, [
          { budget: id, user: "usr_1", period: "month", spent_usd: "2", warn_usd: "2", message: "a budget has reached its warning" },
        ]);
        assert.deepStrictEqual(budgets.counts(), { warned: 1, refused: 0 });
      }));
  });

  describe("reservations of dead processes", () => {
    it("expire if they are not renewed, and make room for the next request", () =>
      withBudgets(async ({ budgets, another, clock, setStop, state }) => {
        await setStop("10");
        const dead = await another();
        await hold(dead, "req_1", "8");
        clock.at += 599_999;
        assert.equal((await refusal(hold(budgets, "req_2", "8"))).code, "budget_exceeded");
        clock.at += 1;
        await hold(budgets, "req_2", "8");
        assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "8", left_usd: "2" });
      }));

    it("are renewed as long as their request is active", () =>
      withBudgets(async ({ another, clock, setStop, state, store }) => {
        await setStop("10");
        let renewal: (() => void) | undefined;
        const delays: number[] = [];
        const living = await another({
          schedule(delayMs, callback) {
            delays.push(delayMs);
            renewal = callback;
            return () => (renewal = undefined);
          },
        });
        await hold(living, "req_1", "8");
        await hold(living, "req_2", "1");
        living.finished("req_2");
        clock.at += 500_000;
        renewal!();
        const read = () => store.db.selectFrom("budget_holds").select(["request_id", "expires_ms"]).orderBy("request_id").execute();
        const rows = await waitUntil("the first hold is renewed", async () => {
          const found = await read();
          return found[0]!.expires_ms !== noon + 600_000 && found;
        });
        assert.deepStrictEqual(
          rows.map((row) => ({ ...row })),
          [
            { request_id: "req_1", expires_ms: noon + 500_000 + 600_000 },
            { request_id: "req_2", expires_ms: noon + 600_000 },
          ],
        );
        clock.at += 200_000;
        assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "8", left_usd: "2" });
        assert.deepStrictEqual(delays.slice(0, 1), [60_000]);
      }));
  });

  describe("a database that does not answer", () => {
    it("refuses requests with a budget after a second at most, and releases what it reserved too late", () =>
      withBudgets(async ({ store, another, setStop, state }) => {
        await setStop("10");
        const back = Promise.withResolvers<void>();
        let done = 0;
        const slow = new Proxy(store.db, {
          get(target, property) {
            const value: unknown = Reflect.get(target, property, target);
            if (property !== "transaction") return typeof value === "function" ? (value.bind(target) as unknown) : value;
            return () => ({
              execute: async (work: (transaction: typeof store.db) => Promise<unknown>) => {
                await back.promise;
                return await target
                  .transaction()
                  .execute(work)
                  .finally(() => (done += 1));
              },
            });
          },
        });
        const waiting = await another({ store: { ...store, db: slow }, timeoutMs: 20 });
        const error = await refusal(hold(waiting, "req_1", "1"));
        assert.deepStrictEqual([error.code, error.status, error.retryAfterSeconds], ["budget_unavailable", 503, 1]);
        await waiting.release("req_2");
        back.resolve();
        await waitUntil("what was asked for is done, and the late reservation is released", () => done === 3);
        assert.deepStrictEqual((await state()).held_usd, "0");
      }));

    it("refuses requests with a budget with a 503; a reservation that cannot be released is logged, and expires", () =>
      withBudgets(async ({ store, another, setStop, log }) => {
        await setStop("10");
        const away = new Proxy(store.db, {
          get(target, property) {
            if (property === "transaction") throw new Error("the database is away");
            const value: unknown = Reflect.get(target, property, target);
            return typeof value === "function" ? (value.bind(target) as unknown) : value;
          },
        });
        const budgets = await another();
        const lost = await another({ store: { ...store, db: away } });
        const error = await refusal(hold(lost, "req_1", "1"));
        assert.deepStrictEqual([error.code, error.status, error.retryAfterSeconds], ["budget_unavailable", 503, 1]);
        await hold(budgets, "req_2", "1");
        await lost.release("req_2");
        assert.deepStrictEqual(log, [
          {
            request_id: "req_2",
            error: "the database is away",
            message: "a budget reservation could not be released; it stays until it expires",
          },
        ]);
      }));
  });

  describe("removal", () => {
    it("deletes the reservations too, and a request that had reserved settles without an error", () =>
      withBudgets(async ({ budgets, admin, ingest, setStop, store }) => {
        const { id } = await setStop("10");
        await hold(budgets, "req_1", "8");
        await admin.remove(id);
        await ingest({ cost_nano_usd: 1n });
        // Another process may not know yet that the budget is gone.
        assert.deepStrictEqual(await hold(budgets, "req_2", "80"), []);
        assert.deepStrictEqual(await store.db.selectFrom("budget_holds").selectAll().execute(), []);
        assert.equal((await refusal(admin.remove(id))).code, "not_found");
      }));
  });
}
