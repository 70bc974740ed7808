import assert from "node:assert/strict";
import { test } from "node:test";
import type { Budget, ReservationRequest } from "../../ledger/index.ts";
import type { Usage } from "../../ir/index.ts";
import { planAttempts, type Attempt } from "../../upstream/index.ts";
import { FakeExchange, fakeCall, fakeWorld, routeOf } from "../testing.ts";
import type { ModelCall } from "../model-call.ts";
import { maxCost } from "./max-cost.ts";
import { receive } from "./receive.ts";
import { releaseBudget, reserveBudget } from "./reserve-budget.ts";

const budget: Budget = {
  id: "b1",
  subject: "user",
  subjectId: "u1",
  period: "month",
  warnNanoUsd: 10n ** 9n,
  stopNanoUsd: 2n * 10n ** 9n,
  timeZone: null,
};

interface Case {
  readonly call: ModelCall;
  readonly attempts: readonly Attempt[];
  readonly asked: string[];
}

/** A request of a user with a budget that has `leftNanoUsd`; a token costs 1,000 nano-USD. */
async function withBudget(body: string, leftNanoUsd: bigint, budgets: readonly Budget[] | undefined = [budget]): Promise<Case> {
  const asked: string[] = [];
  const world = fakeWorld({
    budgets: {
      of: () => budgets,
      hasTargets: false,
      ofTarget: () => undefined,
      reserve({ amountNanoUsd, fitInto }: ReservationRequest) {
        const fitting = amountNanoUsd <= leftNanoUsd ? amountNanoUsd : fitInto?.(leftNanoUsd, budget);
        const fit = fitting === amountNanoUsd ? "whole" : "bounded";
        asked.push(fitting === undefined ? "refused" : fit);
        return Promise.resolve([{ budget, spentNanoUsd: 1_500_000_000n }]);
      },
      release: (id: string) => Promise.resolve(void asked.push(`release ${id}`)),
      countRefusal: () => undefined,
      finished: (id: string, cost?: bigint) => void asked.push(`finished ${id} ${String(cost)}`),
    },
  });
  const { ledger } = world.deps;
  const cost = (_provider: string, _model: string, usage: { input?: number; output?: number }): bigint =>
    BigInt((usage.input ?? 0) + (usage.output ?? 0)) * 1_000n;
  Object.assign(ledger, { cost });
  const call = fakeCall(world, new FakeExchange(body));
  await receive(call);
  const attempts = planAttempts(call.current.catalog, {
    model: call.request.model,
    clientProtocol: "openai-chat",
    operation: "generate",
    workMode: "auto",
  });
  return { call, attempts, asked };
}

const open = '{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}';

test("a user without a budget reserves nothing and waits for nothing", async () => {
  const { call, attempts } = await withBudget(open, 0n, undefined);
  const none = fakeCall(fakeWorld(), new FakeExchange(open));
  await receive(none);
  assert.deepEqual([reserveBudget(none, attempts), none.reservation, none.hasReservation], [undefined, undefined, false]);
  assert.equal(releaseBudget(none), undefined);
  assert.equal(call.hasReservation, false);
});

test("what only looks at an answer, or counts tokens, reserves nothing", async () => {
  const { call, attempts } = await withBudget(open, 10n ** 9n);
  const count = fakeCall(fakeWorld({ budgets: call.deps.budgets }), new FakeExchange(open), routeOf("anthropic-messages", "count-tokens"));
  assert.equal(reserveBudget(count, attempts), undefined);
});

test("a reservation carries its warning; without a bound of the client's own the rest of the budget becomes the bound", async () => {
  const whole = await withBudget(open, 10n ** 9n);
  await reserveBudget(whole.call, whole.attempts);
  const warnings = ["user/month spent=1.5 warn=1 stop=2"];
  assert.deepEqual([whole.asked, whole.call.reservation], [["whole"], { outputLimit: undefined, warnings, isReleased: false }]);
  const small = await withBudget(open, 60_000n);
  await reserveBudget(small.call, small.attempts);
  const limit = small.call.reservation?.outputLimit ?? 0;
  assert.deepEqual([small.asked, limit >= 16 && limit < 60], [["bounded"], true]);
  const bound = await withBudget(open.replace("{", '{"max_completion_tokens":90,'), 60_000n);
  await reserveBudget(bound.call, bound.attempts);
  assert.deepEqual(bound.asked, ["refused"]);
});

test("a reservation ends once: released if nothing was spent, else finished with the cost", async () => {
  const failed = await withBudget(open, 10n ** 9n);
  await reserveBudget(failed.call, failed.attempts);
  await failed.call.settleError({ status: "error", httpStatus: 503, errorCode: "ledger_unavailable" });
  await releaseBudget(failed.call);
  assert.equal(releaseBudget(failed.call), undefined);
  assert.deepEqual(failed.asked, ["whole", "release req_1"]);
  const served = await withBudget(open, 10n ** 9n);
  await reserveBudget(served.call, served.attempts);
  await served.call.open(served.attempts[0]!).settle({ status: "ok", httpStatus: 200, facts: { usage: { input: 3, output: 2 } } });
  assert.equal(releaseBudget(served.call), undefined);
  assert.deepEqual([served.asked, served.call.hasReservation], [["whole", "finished req_1 5000"], false]);
});

test("a class of service reserves at least what the standard one costs, which a server may bill all the same", async () => {
  const reserved: bigint[] = [];
  for (const tier of ["default", "flex", "priority"]) {
    const { call, attempts } = await withBudget(open.replace("{", `{"service_tier":"${tier}","max_completion_tokens":1000,`), 0n);
    const thousandths = { flex: 500n, priority: 2_000n } as Readonly<Record<string, bigint>>;
    Object.assign(call.deps.ledger, {
      cost: (_provider: string, _model: string, { output = 0, tier: asked = "" }: { readonly output?: number; readonly tier?: string }) =>
        BigInt(output) * (thousandths[asked] ?? 1_000n),
    });
    reserved.push(maxCost(call, attempts));
  }
  assert.deepEqual(reserved, [1_000_000n, 1_000_000n, 2_000_000n]);
});

test("a reservation covers searches, sound, pictures and speed at their own prices, and no calls that have no price", async () => {
  const reserved: bigint[] = [];
  const bodies = [
    "",
    '"tools":[{"type":"web_search_20250305","max_uses":3}],',
    '"tools":[{"type":"file_search"}],',
    '"modalities":["text","audio"],',
    '"speed":"fast",',
  ];
  for (const member of bodies) {
    const { call, attempts } = await withBudget(open.replace("{", `{${member}"max_completion_tokens":1000,`), 0n);
    const cost = (_provider: string, _model: string, { output = 0, speed, units = {} }: Usage): bigint | undefined => {
      const { web_search: searches = 0, output_audio: sound = 0, ...others } = units;
      const isKnown = Object.keys(others).every((name) => name === "grounded_prompt");
      return isKnown ? BigInt((output + 7 * sound) * (speed === "fast" ? 2 : 1) + searches * 50) : undefined;
    };
    Object.assign(call.deps.ledger, { cost });
    reserved.push(maxCost(call, attempts));
  }
  assert.deepEqual(reserved, [1000n, 1150n, 1000n, 8000n, 2000n]);
});
