import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { GatewayError } from "../../core/index.ts";
import type { Budgets } from "./budgets.ts";
import { hold, onEachStore, refusal, usd, type World } from "./testing.ts";

const dollars = (nano: bigint): number => Number(nano) / 1e9;

/** Reserves; a rest of at least a dollar is enough as the smaller amount. */
async function reserveRest(budgets: Budgets, requestId: string, amount: string): Promise<number> {
  let got = usd(amount);
  const fitInto = (left: bigint): bigint | undefined => (left < usd("1") ? undefined : (got = left));
  await budgets.reserve({ requestId, amountNanoUsd: got, budgets: budgets.of({ userId: "usr_1", keyId: "key_1" })!, fitInto });
  return dollars(got);
}

onEachStore(
  "requests that are over, before their rows are written",
  (withBudgets: (test: (world: World) => Promise<void>) => Promise<void>) => {
    describe("the cost of finished requests", () => {
      it("counts at once if it is more than the reservation, in this process and in others", () =>
        withBudgets(async ({ budgets, another, setStop, ingest, state }) => {
          await setStop("10");
          const other = await another();
          await hold(budgets, "req_1", "1");
          budgets.finished("req_1", usd("9.5"));
          assert.equal((await refusal(hold(budgets, "req_2", "1"))).code, "budget_exceeded");
          assert.equal((await refusal(hold(other, "req_3", "1"))).code, "budget_exceeded");
          assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "9.5", left_usd: "0.5" });
          await ingest({ request_id: "req_1", cost_nano_usd: usd("9.5") });
          assert.deepStrictEqual(await state(), { spent_usd: "9.5", held_usd: "0", left_usd: "0.5" });
        }));

      it("frees the rest of the reservation as soon as another request needs the room", () =>
        withBudgets(async ({ budgets, setStop, ingest, state }) => {
          await setStop("10");
          await hold(budgets, "req_1", "8");
          budgets.finished("req_1", usd("1"));
          assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "8", left_usd: "2" });
          await hold(budgets, "req_2", "8");
          assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "9", left_usd: "1" });
          await ingest({ request_id: "req_1", cost_nano_usd: usd("1") });
          assert.deepStrictEqual(await state(), { spent_usd: "1", held_usd: "8", left_usd: "1" });
        }));

      it("counts once if the row is written first", () =>
        withBudgets(async ({ budgets, setStop, ingest, state }) => {
          await setStop("10");
          await hold(budgets, "req_1", "1");
          await ingest({ request_id: "req_1", cost_nano_usd: usd("5") });
          budgets.finished("req_1", usd("5"));
          await hold(budgets, "req_2", "5");
          assert.deepStrictEqual(await state(), { spent_usd: "5", held_usd: "5", left_usd: "0" });
        }));

      it("never lets sequential requests exceed the stop by more than the last one's cost, even if each costs more than its reservation", () =>
        withBudgets(async ({ budgets, setStop }) => {
          await setStop("10");
          let spent = 0;
          for (let i = 0; i < 50; i++) {
            try {
              await hold(budgets, `req_${i}`, "1");
            } catch (error) {
              assert.equal((error as GatewayError).code, "budget_exceeded");
              break;
            }
            spent += 3;
            budgets.finished(`req_${i}`, usd("3"));
          }
          assert.equal(spent, 12);
        }));

      it("admits no more than the budget allows of 200 concurrent requests of two processes, while some end", () =>
        withBudgets(async ({ budgets, another, setStop, ingest, state }) => {
          await setStop("10");
          const processes = [budgets, await another()];
          let spent = 0;
          await Promise.all(
            Array.from({ length: 200 }, async (_, i) => {
              const own = processes[i % 2]!;
              try {
                await hold(own, `req_${i}`, "1");
              } catch (error) {
                assert.equal((error as GatewayError).code, "budget_exceeded");
                return;
              }
              const cost = ["0.25", "1", "0.5"][i % 3]!;
              spent += Number(cost);
              own.finished(`req_${i}`, usd(cost));
              if (i % 2 === 0) await ingest({ request_id: `req_${i}`, cost_nano_usd: usd(cost) });
            }),
          );
          assert.ok(spent <= 10, `${spent}`);
          assert.ok(Number((await state()).left_usd) >= 0);
        }));
    });

    describe("a part of the amount", () => {
      it("is reserved if the rest of the budget is enough for the request", () =>
        withBudgets(async ({ budgets, setStop, state }) => {
          await setStop("10");
          await setStop("5", { subjectId: "key_1" });
          await hold(budgets, "req_1", "3");
          assert.equal(await reserveRest(budgets, "req_2", "8"), 2);
          assert.deepStrictEqual(await state(), { spent_usd: "0", held_usd: "5", left_usd: "5" });
          assert.match((await refusal(reserveRest(budgets, "req_3", "8"))).message, /this request may cost up to 8\./);
        }));

      it("is reserved only after the room of finished requests has been given back", () =>
        withBudgets(async ({ budgets, setStop }) => {
          await setStop("10");
          await hold(budgets, "req_1", "8");
          budgets.finished("req_1", usd("1"));
          assert.equal(await reserveRest(budgets, "req_2", "8"), 8);
        }));
    });
  },
);
