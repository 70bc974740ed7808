import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { shuttingDown } from "../../core/index.ts";
import { BudgetExceeded, type Budget } from "../../ledger/index.ts";
import { receive } from "../admission/receive.ts";
import { fakeCall } from "../testing.ts";
import { closeHedgeScenes, HedgeScene, settle } from "./hedge-testing.ts";
import { planHedge } from "./plan-hedge.ts";
import { planRequest } from "./plan-request.ts";
import { reserveTargets } from "./reserve-targets.ts";

afterEach(closeHedgeScenes);

test("a second target is asked after the delay; its content comes first, and the first target is cancelled", async () => {
  const scene = new HedgeScene(500);
  const exchange = scene.exchange();
  const { call, outcome } = await scene.ask({}, exchange);
  await scene.pass(499);
  assert.equal(scene.asked, "a");
  await scene.pass(1);
  assert.equal(scene.asked, "a b");
  await scene.answer("b");
  assert.equal(await outcome, "served");
  assert.equal(scene.asked, "a- b");
  assert.deepEqual(scene.entries, ["1 a cancelled hedge_lost 10+0 estimated", "2 b ok - 10+4 reported"]);
  assert.equal(scene.world.opened[1]!.attemptReason, "hedge");
  assert.deepEqual(
    [call.attempts, call.attempt?.provider.name, call.failures],
    [2, "b", [{ reason: "hedge_lost", provider: "a", model: "m" }]],
  );
  assert.match(exchange.sent.join(), /^200 .*attempts.*from b/);
  assert.equal(exchange.sent.length, 1);
  const { asked, won, lostNanoUsd } = scene.world.deps.hedges;
  assert.deepEqual([asked, won, lostNanoUsd], [1, 1, 5n]);
});

test("if the first target has content first, the second one is cancelled", async () => {
  const scene = new HedgeScene(500);
  const { call, outcome } = await scene.ask();
  await scene.pass(500);
  await scene.pass(300);
  await scene.answer("a");
  assert.equal(await outcome, "served");
  assert.equal(scene.asked, "a b-");
  assert.deepEqual(scene.entries, ["2 b cancelled hedge_lost 10+0 estimated", "1 a ok - 10+4 reported"]);
  assert.deepEqual([call.attempts, call.attempt?.provider.name, scene.world.deps.hedges.won], [2, "a", 0]);
});

test("an answer within the delay asks no other target", async () => {
  const scene = new HedgeScene(500);
  const { call, outcome } = await scene.ask();
  await scene.pass(400);
  await scene.answer("a");
  assert.equal(await outcome, "served");
  await scene.pass(1000);
  assert.deepEqual([scene.asked, call.attempts, call.failures, scene.world.deps.hedges.asked], ["a", 1, undefined, 0]);
});

test("of a stream, the head is no content: whichever has content first answers, and what it then sends is all that the client gets", async () => {
  const scene = new HedgeScene(500);
  const exchange = scene.exchange({ stream: true });
  await scene.ask({}, exchange);
  await scene.stream("a");
  await scene.pass(500);
  assert.equal(scene.asked, "a b");
  // Longer than a head is held back otherwise.
  scene.registry.close();
  await scene.pass(20_000);
  assert.deepEqual(exchange.sent, []);
  await scene.stream("b", "from b");
  await scene.stream("a", "from a");
  assert.equal(scene.asked, "a- b");
  assert.deepEqual(
    [exchange.sent[0], exchange.sent.join().includes("from b"), exchange.sent.join().includes("from a")],
    ["head 200", true, false],
  );
  scene.sent.get("b")!.handler.onData(Buffer.from("data: [DONE]\n\n"));
  await settle();
  assert.deepEqual(
    scene.world.closed.map(({ attempt, status }) => `${attempt} ${status}`),
    ["1 cancelled", "2 ok"],
  );
});

test("an attempt that fails leaves the other one to answer; if both fail, the next target is asked", async () => {
  const one = new HedgeScene(500);
  const first = await one.ask();
  await one.pass(500);
  await one.answer("a", 503);
  assert.equal(one.asked, "a b");
  await one.answer("b");
  assert.equal(await first.outcome, "served");
  assert.deepEqual(first.call.failures, [{ reason: "overloaded", provider: "a", model: "m" }]);
  assert.deepEqual([first.call.attempts, first.call.lost], [2, undefined]);

  const both = new HedgeScene(500);
  const second = await both.ask();
  await both.pass(500);
  await both.answer("b", 503);
  await both.answer("a", 500);
  assert.equal(both.asked, "a b c");
  await both.pass(5000);
  await both.answer("c");
  assert.equal(await second.outcome, "served");
  assert.deepEqual(
    second.call.failures?.map(({ reason, provider }) => `${reason} ${provider}`),
    ["overloaded b", "broken a"],
  );
  assert.deepEqual(both.entries, ["2 b error upstream_error -+- none", "1 a error upstream_error -+- none", "3 c ok - 10+4 reported"]);
});

test("a failure within the delay goes to the next target at once, which may be hedged in its place", async () => {
  const scene = new HedgeScene(500);
  const { outcome } = await scene.ask();
  await scene.pass(100);
  await scene.answer("a", 503);
  assert.equal(scene.asked, "a b");
  await scene.pass(400);
  assert.equal(scene.asked, "a b");
  await scene.pass(100);
  assert.equal(scene.asked, "a b c");
  await scene.answer("c");
  assert.equal(await outcome, "served");
  assert.equal(scene.asked, "a b- c");
});

test("a client that leaves, and a shutdown, end both attempts", async () => {
  const left = new HedgeScene(500);
  const exchange = left.exchange();
  const gone = await left.ask({}, exchange);
  await left.pass(500);
  exchange.leave();
  assert.equal(await gone.outcome, "served");
  assert.equal(left.asked, "a- b-");
  const estimate = "10+0 estimated";
  assert.deepEqual(left.entries, [`1 a cancelled client_closed_request ${estimate}`, `2 b cancelled client_closed_request ${estimate}`]);
  assert.notEqual(gone.call.lost, undefined);

  const ended = new HedgeScene(500);
  const cut = await ended.ask();
  await ended.pass(500);
  ended.registry.terminateAll(shuttingDown());
  assert.equal(await cut.outcome, "shutting_down 503");
  assert.equal(ended.asked, "a- b-");
});

test("a second target whose provider has no place free is not waited for", async () => {
  const scene = new HedgeScene(500);
  const asked: string[] = [];
  Object.assign(scene.world.deps, {
    limits: {
      hasTargets: true,
      ofTarget: ({ provider }: { readonly provider: string }) => (provider === "b" ? [{ counts: "slots" }] : undefined),
      take: () => {
        asked.push("b");
        return { bucket: { counts: "slots", kind: "concurrent", amount: 1, subject: { kind: "provider" } }, waitMs: 10 };
      },
      settle: () => undefined,
    },
  });
  const { call, outcome } = await scene.ask();
  await scene.pass(500);
  await scene.pass(100);
  await scene.answer("a");
  assert.deepEqual([await outcome, scene.asked, asked, call.attempts], ["served", "a", ["b"], 1]);
});

test("budgets reserve the price of both attempts; if there is room for one only, no second target is asked", async () => {
  for (const [room, isHedged] of [
    [20n, true],
    [9n, false],
  ] as const) {
    const scene = new HedgeScene(500);
    const amounts: bigint[] = [];
    const reserve = ({ amountNanoUsd }: { readonly amountNanoUsd: bigint }): Promise<readonly never[]> => {
      amounts.push(amountNanoUsd);
      return amountNanoUsd <= room ? Promise.resolve([]) : Promise.reject(new BudgetExceeded({ subject: "user" } as Budget, "No room."));
    };
    const budgets = { of: () => [{ id: "b", subject: "user" }], hasTargets: false, reserve, countRefusal: () => undefined };
    Object.assign(scene.world.deps, { budgets });
    const call = fakeCall(scene.world, scene.exchange());
    await receive(call);
    call.plan = planRequest(call);
    planHedge(call);
    await reserveTargets(call, call.plan.attempts);
    // Each attempt costs 5.
    assert.deepEqual([amounts, call.hedge], isHedged ? [[10n], 500] : [[10n, 5n], undefined]);
  }
});

test("no more second attempts are made than the retry budget allows", async () => {
  const scene = new HedgeScene(500);
  const requests = 100;
  for (let count = 0; count < requests; count++) {
    const { outcome } = await scene.ask();
    await scene.pass(500);
    await scene.answer("a");
    assert.equal(await outcome, "served");
  }
  const { asked } = scene.world.deps.hedges;
  assert.ok(asked <= 0.2 * requests + 10 && asked > 0.1 * requests, `${asked}`);
});

test("a request with side effects at its provider is never sent twice", async () => {
  const bodies = {
    "stored at the provider": { store: true },
    "a search of the provider": { web_search_options: {} },
    "OpenRouter's tool": { tools: [{ type: "openrouter:web_search" }] },
    "a tool server": { tools: [{ type: "mcp", server_url: "https://x" }] },
    "code that the provider runs": { tools: [{ type: "code_interpreter" }] },
    "an image": { tools: [{ type: "image_generation" }] },
    "Google's search": { tools: [{ googleSearch: {} }] },
    "a tool server of Messages": { mcp_servers: [{ url: "https://x" }] },
    "the client's own tool": { tools: [{ type: "function", function: { name: "web_search", parameters: {} } }] },
    "nothing of all that": { store: false },
  };
  const outcomes: Record<string, string> = {};
  for (const [what, body] of Object.entries(bodies)) {
    const scene = new HedgeScene(500);
    await scene.ask(body);
    await scene.pass(500);
    outcomes[what] = scene.asked;
  }
  assert.deepEqual(outcomes, {
    ...Object.fromEntries(Object.keys(bodies).map((what) => [what, "a"])),
    "the client's own tool": "a b",
    "nothing of all that": "a b",
  });
});

test("p95: the second target is asked after the time in which 95 % of the first one's answers came, once 20 were measured", async () => {
  const scene = new HedgeScene("p95");
  for (let count = 1; count <= 20; count++) {
    const { outcome } = await scene.ask();
    await scene.pass(count * 100);
    assert.equal(scene.asked, "a");
    await scene.answer("a");
    await outcome;
  }
  const { outcome } = await scene.ask();
  await scene.pass(1899);
  assert.equal(scene.asked, "a");
  await scene.pass(1);
  assert.equal(scene.asked, "a b");
  await scene.answer("b");
  await outcome;
  // What a had written of its answer by then is paid for: 4 tokens take 1,050 ms on average.
  assert.equal(scene.entries.at(-2), "1 a cancelled hedge_lost 10+4 estimated");
});
