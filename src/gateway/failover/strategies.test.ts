import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { noTargetTable, type Strategy } from "../../upstream/index.ts";
import { FakeExchange } from "../testing.ts";
import { closeScenes, Scene, type Answer, type Setup } from "./testing.ts";

afterEach(closeScenes);

/** The model m with one target at each provider, by weights. */
function setup(strategy: Strategy, weights: Readonly<Record<string, number>>, hasAffinity = false): Setup {
  const targets = Object.entries(weights).map(([name, weight]) => ({ model: `${name}/m`, weight }));
  return { targets: { targets: { ...noTargetTable, models: new Map([["m", { targets, strategy, hasAffinity }]]) } } };
}

const healthy = (...names: readonly string[]): Record<string, Answer[]> => Object.fromEntries(names.map((name) => [name, [200]]));

/** The providers of `count` requests, one letter each. */
async function providersOf(scene: Scene, count: number): Promise<string> {
  for (let asked = 0; asked < count; asked++) await scene.ask();
  return scene.sent
    .splice(0)
    .map((id) => id.charAt(0))
    .join("");
}

test("weighted: the targets take turns smoothly, by their weights, and those that are left alone lose theirs", async () => {
  const scene = new Scene(healthy("a", "b", "c"), setup("weighted", { a: 5, b: 1, c: 1 }));
  assert.equal(await providersOf(scene, 14), "aabacaaaabacaa");
  const broken = new Scene({ ...healthy("a", "c"), b: ["unreachable"] }, setup("weighted", { a: 1, b: 1, c: 2 }));
  // Five failures, then b is left alone.
  const sent = await providersOf(broken, 40);
  assert.equal(sent.replaceAll(/[^b]/g, "").length, 5);
  assert.match(sent.slice(-12), /^(?:cac){4}$|^(?:acc){4}$|^(?:cca){4}$/);
});

test("cheapest: by the price of what is expected; what has no price comes last", async () => {
  const scene = new Scene(healthy("a", "b", "c"), setup("cheapest", { a: 1, b: 1, c: 1 }));
  Object.assign(scene.costBy, { a: undefined, b: 5n, c: 3n });
  assert.equal(await providersOf(scene, 2), "cc");
  scene.answers["c"] = ["unreachable"];
  assert.equal(await scene.ask(), "served: c#1 b#1");
  scene.answers["b"] = ["unreachable"];
  assert.equal(await scene.ask(), "served: c#1 b#1 a#1");
});

test("fastest: each target is measured, then the fastest is asked, and one request in 20 looks at another", async () => {
  const scene = new Scene(healthy("a", "b", "c"), setup("fastest", { a: 1, b: 1, c: 1 }));
  scene.random = 0.5;
  Object.assign(scene.tookMsBy, { a: 300, b: 100, c: 200 });
  assert.equal(await providersOf(scene, 6), "abcbbb");
  // b becomes slow: its average follows.
  scene.tookMsBy["b"] = 1000;
  assert.match(await providersOf(scene, 6), /^b+c+$/);
  scene.random = 0.04;
  assert.notEqual(await providersOf(scene, 1), "c");
});

test("least-busy: by the requests under way, for each that the target can bear", async () => {
  const scene = new Scene(healthy("a", "b"), setup("least-busy", { a: 2, b: 1 }));
  await Promise.all(Array.from({ length: 6 }, () => scene.ask()));
  assert.deepEqual([...scene.sent].filter((id) => id === "a#1").length, 4);
  // They are over: the order counts again.
  scene.sent.length = 0;
  assert.equal(await providersOf(scene, 2), "aa");
});

/** A long conversation, so that a cache is of use. */
function turn(text: string, headers: readonly string[] = [], more = {}): FakeExchange {
  const messages = [
    { role: "system", content: "x".repeat(5000) },
    { role: "user", content: text },
    ...Array.from({ length: 3 }, () => ({ role: "assistant", content: "more" })),
  ];
  return new FakeExchange(JSON.stringify({ model: "m", messages, ...more }), headers);
}

test("affinity: a conversation stays at its target, until that fails; then it stays where it went", async () => {
  const scene = new Scene(healthy("a", "b"), setup("weighted", { a: 1, b: 1 }, true));
  const asked: string[] = [];
  for (const text of ["one", "two", "one", "one", "two"]) asked.push(await scene.ask("m", turn(text)));
  assert.deepEqual(asked, ["served: a#1", "served: b#1", "served: a#1", "served: a#1", "served: b#1"]);
  scene.answers["a"] = ["unreachable", 200];
  assert.deepEqual([await scene.ask("m", turn("one")), await scene.ask("m", turn("one"))], ["served: a#1 b#1", "served: b#1"]);
  // The provider has forgotten the prompt.
  scene.world.nowMs += 5 * 60_000;
  assert.deepEqual([await scene.ask("m", turn("one"))], ["served: a#1"]);
});

test("affinity: what says that requests belong together", async () => {
  const pairs: Record<string, readonly [FakeExchange, FakeExchange, FakeExchange]> = {
    "a session's header": [turn("1", ["x-session-id", "s1"]), turn("2", ["x-session-id", "s2"]), turn("3", ["X-Session-Id", "s1"])],
    "a cache key": [
      turn("1", [], { prompt_cache_key: "s1" }),
      turn("2", [], { prompt_cache_key: "s2" }),
      turn("3", [], { prompt_cache_key: "s1" }),
    ],
    "a user's id": [
      turn("1", [], { metadata: { user_id: "s1" } }),
      turn("2", [], { metadata: { user_id: "s2" } }),
      turn("3", [], { metadata: { user_id: "s1" } }),
    ],
    "what they begin with": [turn("1"), turn("2"), turn("1")],
  };
  const found: Record<string, string> = {};
  for (const [name, exchanges] of Object.entries(pairs)) {
    const scene = new Scene(healthy("a", "b", "c"), setup("weighted", { a: 1, b: 1, c: 1 }, true));
    for (const exchange of exchanges) await scene.ask("m", exchange);
    found[name] = scene.sent.map((id) => id.charAt(0)).join("");
  }
  assert.deepEqual(found, Object.fromEntries(Object.keys(pairs).map((name) => [name, "aba"])));
});

test("affinity: a short prompt takes turns, as no cache knows it; the keys of one provider take part", async () => {
  const short = new Scene(healthy("a", "b"), setup("weighted", { a: 1, b: 1 }, true));
  assert.equal(await providersOf(short, 4), "abab");
  const keys = new Scene(healthy("a"), { ...setup("priority", { a: 1 }, true), keys: 3 });
  for (const text of ["one", "two", "one", "two", "three"]) await keys.ask("m", turn(text));
  assert.deepEqual(keys.sent, ["a#1", "a#2", "a#1", "a#2", "a#3"]);
});
