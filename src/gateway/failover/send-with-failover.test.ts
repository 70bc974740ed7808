import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { shuttingDown } from "../../core/index.ts";
import { noTargetTable, type TargetTable } from "../../upstream/index.ts";
import { FakeExchange, routeOf } from "../testing.ts";
import { closeScenes, Scene, type Setup } from "./testing.ts";

afterEach(closeScenes);

test("what comes after a failure, by its kind, with one target", async () => {
  const outcomes: Record<string, string> = {};
  for (const answer of [
    200,
    400,
    401,
    403,
    404,
    422,
    429,
    500,
    502,
    503,
    504,
    529,
    "reset",
    "malformed",
    "unreachable",
    "connect-timeout",
    "certificate",
    "first-byte-timeout",
  ] as const) {
    outcomes[answer] = await new Scene({ a: [answer] }).ask();
  }
  const thrice = "a#1 a#1 a#1";
  assert.deepEqual(outcomes, {
    200: "served: a#1",
    400: "invalid_request 400: a#1",
    401: "upstream_credentials_rejected 502: a#1",
    403: "upstream_credentials_rejected 502: a#1",
    404: "invalid_request 404: a#1",
    422: "invalid_request 422: a#1",
    429: "rate_limited 429: a#1",
    500: `upstream_error 500: ${thrice}`,
    502: `upstream_error 502: ${thrice}`,
    503: `upstream_error 503: ${thrice}`,
    504: `upstream_error 504: ${thrice}`,
    529: `upstream_error 529: ${thrice}`,
    reset: `upstream_truncated 502: ${thrice}`,
    malformed: `upstream_invalid_response 502: ${thrice}`,
    unreachable: "upstream_unreachable 502: a#1",
    "connect-timeout": "upstream_unreachable 502: a#1",
    certificate: "upstream_unreachable 502: a#1",
    "first-byte-timeout": "upstream_timeout 504: a#1",
  });
});

test("what comes after a failure, by its kind, with two targets of two keys", async () => {
  const outcomes: Record<string, string> = {};
  for (const answer of [400, 401, 403, 429, 500, 503, "reset", "unreachable", "first-byte-timeout"] as const) {
    outcomes[answer] = await new Scene({ a: [answer], b: [200] }, { keys: 2 }).ask();
  }
  assert.deepEqual(outcomes, {
    400: "invalid_request 400: a#1",
    401: "served: a#1 a#2 b#1",
    403: "served: a#1 a#2 b#1",
    429: "served: a#1 a#2 b#1",
    500: "served: a#1 b#1",
    503: "served: a#1 b#1",
    reset: "served: a#1 b#1",
    unreachable: "served: a#1 b#1",
    "first-byte-timeout": "served: a#1 b#1",
  });
});

test("a retry waits, each time twice as long, and may succeed", async () => {
  const scene = new Scene({ a: [500, 500, 200] });
  assert.equal(await scene.ask(), "served: a#1 a#1 a#1");
  assert.deepEqual(scene.pausesMs, [100, 200]);
  // Each attempt is an entry, with the reason for which it failed.
  assert.deepEqual(
    scene.world.closed.map(({ attempt, status }) => `${attempt} ${status}`),
    ["1 error", "2 error", "3 ok"],
  );
});

test("a target that fails again and again is left alone, until one request finds it well", async () => {
  const scene = new Scene({ a: [500], b: [200] });
  const asked: string[] = [];
  for (let count = 0; count < 7; count++) asked.push(await scene.ask());
  assert.deepEqual(asked, [...Array.from({ length: 5 }, () => "served: a#1 b#1"), "served: b#1", "served: b#1"]);
  scene.world.nowMs += 30_000;
  assert.deepEqual([await scene.ask(), await scene.ask()], ["served: a#1 b#1", "served: b#1"]);
  scene.world.nowMs += 30_000;
  scene.answers["a"] = [200];
  assert.deepEqual([await scene.ask(), await scene.ask()], ["served: a#1", "served: a#1"]);
});

test("the last target is asked although it fails again and again", async () => {
  const scene = new Scene({ a: [500], b: [503] });
  for (let count = 0; count < 10; count++) await scene.ask();
  assert.match(await scene.ask(), /^upstream_error 500: a#1( a#1)*$/);
  scene.answers["a"] = [200];
  assert.equal(await scene.ask(), "served: a#1");
});

test("a provider that always fails gets hardly more than one request for each of the clients'", async () => {
  const scene = new Scene({ a: [503] });
  const requests = 200;
  for (let count = 0; count < requests; count++) await scene.ask();
  assert.ok(scene.sent.length <= 1.2 * requests + 10, `${scene.sent.length} attempts`);
  // A fifth of them may be retries, so there are some.
  assert.ok(scene.sent.length > 1.1 * requests, `${scene.sent.length} attempts`);
});

test("all attempts share one deadline", async () => {
  const scene = new Scene({ a: [500], b: [500], c: [500], d: [200] });
  scene.tookMs = 2_000;
  assert.equal(await scene.ask(), "upstream_error 500: a#1 b#1 c#1");
});

test("a client that leaves in a pause is not served, and a shutdown ends the pause", async () => {
  const gone = new Scene({ a: [500] });
  const exchange = new (class extends FakeExchange {
    leave = (): void => undefined;
    override onLeave(callback: () => void): void {
      this.leave = callback;
    }
  })('{"model":"m","messages":[]}');
  gone.onPause = () => {
    exchange.leave();
  };
  assert.equal(await gone.ask("m", exchange), "upstream_error 500: a#1");
  const ended = new Scene({ a: [500] });
  ended.onPause = () => {
    ended.registry.terminateAll(shuttingDown());
  };
  assert.equal(await ended.ask(), "shutting_down 503: a#1");
});

const withFallbacks = (lists: TargetTable["fallbacks"][number][1]): Setup => ({
  routes: [
    ["m*", ["a"]],
    ["f", ["b", "c"]],
    ["g", ["d"]],
  ],
  targets: {
    targets: {
      ...noTargetTable,
      fallbacks: [
        ["m*", lists],
        ["f", { any: ["g"] }],
      ],
    },
  },
});

test("which fallbacks follow which failure", async () => {
  const answers = [400, 401, 402, 413, 429, 500, 503, "reset", "unreachable", "first-byte-timeout"] as const;
  const outcomes = async (lists: TargetTable["fallbacks"][number][1]): Promise<string[]> => {
    const seen: string[] = [];
    for (const answer of answers)
      seen.push(`${answer} ${await new Scene({ a: [answer], b: [200], c: [200], d: [200] }, withFallbacks(lists)).ask()}`);
    return seen;
  };
  const retried = "a#1 a#1 a#1";
  assert.deepEqual(await outcomes({ any: ["f"] }), [
    "400 invalid_request 400: a#1",
    "401 served: a#1 b#1",
    "402 served: a#1 b#1",
    // A request that is too long goes elsewhere only if a list of that reason says so.
    "413 invalid_request 413: a#1",
    "429 served: a#1 b#1",
    `500 served: ${retried} b#1`,
    `503 served: ${retried} b#1`,
    `reset served: ${retried} b#1`,
    "unreachable served: a#1 b#1",
    "first-byte-timeout served: a#1 b#1",
  ]);
  const byReason = await outcomes({ context: ["f"], quota: ["g"], overloaded: ["f"] });
  assert.deepEqual(byReason, [
    "400 invalid_request 400: a#1",
    "401 upstream_credentials_rejected 502: a#1",
    "402 served: a#1 d#1",
    "413 served: a#1 b#1",
    "429 served: a#1 d#1",
    `500 served: ${retried} b#1`,
    `503 served: ${retried} b#1`,
    `reset served: ${retried} b#1`,
    "unreachable served: a#1 b#1",
    "first-byte-timeout served: a#1 b#1",
  ]);
});

test("a fallback has targets of its own and no fallbacks", async () => {
  const scene = new Scene({ a: ["unreachable"], b: [503], c: [429], d: [200] }, withFallbacks({ any: ["f"] }));
  assert.equal(await scene.ask(), "rate_limited 429: a#1 b#1 c#1");
});

test("while all targets of a model are left alone, its fallbacks are asked at once", async () => {
  const scene = new Scene({ a: [500], b: [200], c: [200], d: [200] }, withFallbacks({ any: ["f"] }));
  const asked: string[] = [];
  for (let count = 0; count < 4; count++) asked.push(await scene.ask());
  assert.deepEqual(asked, ["served: a#1 a#1 a#1 b#1", "served: a#1 a#1 b#1", "served: b#1", "served: b#1"]);
});

test("fallbacks that are left alone too are no reason to pass over those for what the last target then answers", async () => {
  const scene = new Scene({ a: [429, 413], b: [429], c: [429], d: [200] }, withFallbacks({ any: ["f"], context: ["g"] }));
  assert.deepEqual([await scene.ask(), await scene.ask()], ["rate_limited 429: a#1 b#1 c#1", "served: a#1 d#1"]);
});

test("a count of tokens goes to the next key, and a counter that is out of order does not keep requests from the model", async () => {
  const count = (scene: Scene): Promise<string> =>
    scene.ask("m", new FakeExchange('{"model":"m","messages":[]}'), routeOf("anthropic-messages", "count-tokens"));
  const outcomes: Record<string, string> = {};
  for (const answer of [400, 401, 429] as const)
    outcomes[answer] = await count(new Scene({ a: [answer], b: [200] }, { keys: 2, protocol: "anthropic-messages" }));
  assert.deepEqual(outcomes, { 400: "invalid_request 400: a#1", 401: "served: a#1 a#2 b#1", 429: "served: a#1 a#2 b#1" });

  // The second one asks no key, as its provider has said when to come back.
  const out = new Scene({ a: [402] }, { protocol: "anthropic-messages" });
  assert.deepEqual([await count(out), await count(out)], ["served: a#1", "served: "]);

  const broken = new Scene({ a: [500], b: [200] }, { protocol: "anthropic-messages" });
  const asked: string[] = [];
  for (let times = 0; times < 7; times++) asked.push(await count(broken));
  // Each is estimated.
  assert.deepEqual(new Set(asked), new Set(["served: a#1"]));
});
