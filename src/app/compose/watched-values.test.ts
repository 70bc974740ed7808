import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { createTargetStates, defaultResilience, type Provider } from "../../upstream/index.ts";
import { budgetValues, createBudgetValues, targetValues } from "./watched-values.ts";

const key = (id: string): Provider["keys"][number] => ({ id, secret: new Secret(`secret of ${id}`) });

function providerOf(name: string, models: readonly string[], keys: readonly string[] = [`${name}#1`]): Provider {
  return { name, enabled: true, models, keys: keys.map(key) } as unknown as Provider;
}

test("breakers and keys are shown by the names of the configuration; other models are one", () => {
  const states = createTargetStates();
  const providers = [providerOf("p", ["m"], ["p#1", "p#2"]), providerOf("q", ["n"], []), { ...providerOf("off", []), enabled: false }];
  const [first, second] = states.of(providers[0]!, "m");
  const [strange] = states.of(providers[0]!, "made up\nby a client");
  const [local] = states.of(providers[1]!, "n");
  states.of(providerOf("gone", ["x"]), "x");
  const { breaker } = defaultResilience;
  for (let i = 0; i < breaker.inARow; i++) {
    first!.refused({ kind: "broken" }, 1000, 1000, breaker);
    strange!.refused({ kind: "broken" }, 1000, 1000, breaker);
  }
  second!.refused({ kind: "throttled", waitMs: 7000 }, 1000, 1000, breaker);
  local!.refused({ kind: "credential" }, 1000, 1000, breaker);
  const at = (nowMs: number): unknown => targetValues(providers, states.list(), nowMs);
  const common = {
    "breaker_state\np\nm\np#2": 0,
    "breaker_state\np\nother\np#2": 0,
    "breaker_state\nq\nn\nq": 0,
    "key_cooldown_seconds\np\np#1": 0,
  };
  assert.deepEqual(at(2000), {
    ...common,
    "breaker_state\np\nm\np#1": 2,
    "breaker_state\np\nother\np#1": 2,
    "key_cooldown_seconds\np\np#2": 6,
    "key_cooldown_seconds\nq\nq": 299,
  });
  assert.deepEqual(at(1000 + breaker.openMs), {
    ...common,
    "breaker_state\np\nm\np#1": 1,
    "breaker_state\np\nother\np#1": 1,
    "key_cooldown_seconds\np\np#2": 0,
    "key_cooldown_seconds\nq\nq": 270,
  });
});

function stateOf(
  subject: { readonly user?: string; readonly key?: string },
  spent: string,
  stop: string | null,
  held = "0",
): Parameters<typeof budgetValues>[0][number] {
  return {
    id: "bgt_1",
    kind: subject.key === undefined ? "user" : "key",
    subject: subject.user ?? subject.key ?? "",
    user_id: subject.user ?? null,
    key_id: subject.key ?? null,
    period: "month",
    warn_usd: null,
    stop_usd: stop,
    spent_usd: spent,
    held_usd: held,
    left_usd: null,
    period_start: null,
    period_end: null,
    time_zone: "UTC",
  };
}

test("of budgets the fullest is shown; with labels each one, the fullest first, up to the limit", () => {
  const states = [
    stateOf({ user: "usr_1" }, "1", "10"),
    stateOf({ user: "usr_2" }, "2", "10", "3"),
    stateOf({ key: "key_1" }, "8", "10"),
    stateOf({ key: "key_2" }, "8", null),
  ];
  assert.deepEqual(budgetValues(states, { labels: [], maxLabelValues: 10 }), {
    "budget_used_ratio\nuser\nmonth\nother": 0.5,
    "budget_used_ratio\nkey\nmonth\nother": 0.8,
  });
  assert.deepEqual(budgetValues(states, { labels: ["user"], maxLabelValues: 1 }), {
    "budget_used_ratio\nuser\nmonth\nusr_2": 0.5,
    "budget_used_ratio\nuser\nmonth\nother": 0.1,
    "budget_used_ratio\nkey\nmonth\nother": 0.8,
  });
});

test("budgets are read at most once in ten seconds, and while the database is away the last values are shown", async () => {
  let reads = 0;
  let nowMs = 0;
  const list = (): Promise<readonly ReturnType<typeof stateOf>[]> => {
    reads += 1;
    return reads === 2 ? Promise.reject(new Error("away")) : Promise.resolve([stateOf({ user: "usr_1" }, String(reads), "10")]);
  };
  const clock = { now: () => nowMs, monotonic: () => nowMs };
  const read = createBudgetValues({ list }, () => ({ labels: [], maxLabelValues: 1 }), clock);
  const seen: unknown[] = [];
  for (const atMs of [0, 9999, 10_000, 10_001]) {
    nowMs = atMs;
    seen.push((await read())["budget_used_ratio\nuser\nmonth\nother"]);
  }
  assert.deepEqual([seen, reads], [[0.1, 0.1, 0.1, 0.3], 3]);
});
