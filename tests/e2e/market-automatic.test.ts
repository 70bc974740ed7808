import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Clock } from "../../src/core/index.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { Scenario } from "../testbed/scenario.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type Caller, type TestGateway } from "./harness.ts";

/** Bob sells the model of his server; Alice has a server with a model of the same name, and buys by policies. */
let rig: MockUpstream;
let own: MockUpstream;
let bob: TestGateway;
let alice: TestGateway;
let caller: Caller;

/** The clocks of both are ahead by this. */
let aheadMs = 0;
const clock: Clock = { now: () => Date.now() + aheadMs, monotonic: () => performance.now() + aheadMs };

const provider = (name: string, url: string, more = ""): string =>
  `providers: { ${name}: { base_url: "${url}/v1", protocols: [openai-chat], api_key: rig-key-1234567890, models: [qwen3]${more} } }\n`;

before(async () => {
  rig = await createMockUpstream({ apiKeys: ["rig-key-1234567890"], countsText: true });
  own = await createMockUpstream({ apiKeys: ["rig-key-1234567890"], countsText: true });
  bob = await startGateway({
    clock,
    config: `market: { listen: 127.0.0.1:0, name: bob, per_buyer: { calls_per_second: 1000 }, sell: { preempt: cancel } }\n${provider("rig", rig.url)}`,
  });
  const market = 'market: { listen: 127.0.0.1:0, name: alice, buy: { per_day: "0.5", max_price: { "*": "2" } } }\n';
  const routing = "routing: { retries: 0 }\n";
  const prices = 'prices: { own/qwen3: { input: "1", output: "1" } }\n';
  alice = await startGateway({ clock, config: `${market}${routing}${prices}${provider("own", own.url)}` });
  caller = await alice.createKey();
  await callAdmin(bob, "market.share", { body: { model: "qwen3", input: "0.08", output: "0.28", licence: "Apache-2.0", concurrency: 4 } });
  const { invite } = await callAdmin(bob, "market.invite", { body: { limit: "5" } });
  await callAdmin(alice, "market.join", { body: { invite } });
});
after(async () => {
  await alice.stop();
  await bob.stop();
  await own.close();
  await rig.close();
});
beforeEach(() => {
  own.reset();
  rig.reset();
});

/** Lists of models are asked for as well. */
const postsOf = ({ requests }: MockUpstream): number => requests.filter(({ method }) => method === "POST").length;

interface Asked {
  readonly key?: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
}

/** @returns the status, and how many requests reached Alice's own server and Bob's. */
async function ask({ key = caller.key, headers = {}, body = {} }: Asked = {}): Promise<string> {
  const [here, there] = [postsOf(own), postsOf(rig)];
  const reply = await fetch(`${alice.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "qwen3", max_tokens: 100, messages: [{ role: "user", content: "Hi" }], ...body }),
  });
  await reply.text();
  return `${reply.status} own ${postsOf(own) - here} bob ${postsOf(rig) - there}`;
}

const policy = (name: string, more: object = {}): Promise<unknown> =>
  callAdmin(alice, "market.policies.set", { body: { model: "qwen3", policy: name, ...more } });

const limited: Scenario = {
  trouble: { kind: "error", error: { status: 429, code: "rate_limit", message: "Slow down.", headers: { "retry-after": "1" } } },
};

/** No target is left alone any more: a server asks for one second, a seller that is paused for 30. */
function recover(seconds = 1.1): void {
  aheadMs += seconds * 1000;
}

test("without a policy nothing is bought, whatever is offered", async () => {
  assert.equal(await ask(), "200 own 1 bob 0");
  own.enqueue(limited);
  assert.equal(await ask(), "429 own 1 bob 0");
  const { buying } = await callAdmin(alice, "market.explain", { query: { model: "qwen3" } });
  assert.match(buying[0]!.summary, /nothing is bought, as the model has no policy for buying\.$/);
  recover();
});

test("spill: what the own server refuses is bought, at once and while it is left alone, and is asked here again afterwards", async () => {
  assert.deepEqual(await policy("spill"), {
    model: "qwen3",
    policy: "spill",
    max_price: null,
    min_saving: 0.15,
    source: "command",
  });
  assert.equal(await ask(), "200 own 1 bob 0");
  own.enqueue(limited);
  assert.equal(await ask(), "200 own 1 bob 1");
  assert.equal(await ask(), "200 own 0 bob 1");
  const row = (await alice.rows()).at(-1)!;
  assert.deepEqual([row.provider, row.model_asked, row.status], ["@bob", "qwen3", "ok"]);
  const { buying } = await callAdmin(alice, "market.explain", { query: { model: "qwen3" } });
  assert.equal(buying[0]!.summary, "qwen3 is bought from @bob, as there is no room here.");
  recover();
  assert.equal(await ask(), "200 own 1 bob 0");
});

test("spill: a request that must stay here gets the own server's refusal", async () => {
  own.enqueue(limited);
  assert.equal(await ask({ headers: { "x-tokligence-market": "off" } }), "429 own 1 bob 0");
  const kept = await alice.createKey();
  await callAdmin(alice, "keys.update", { param: kept.keyId, body: { market: "off" } });
  assert.equal(await ask({ key: kept.key }), "429 own 0 bob 0");
  // A list that excludes the other gateway, and a limit of the key's own, hold as for every target.
  await callAdmin(alice, "keys.update", { param: kept.keyId, body: { market: "peers", models: ["*", "!@bob/*"] } });
  assert.equal(await ask({ key: kept.key }), "429 own 0 bob 0");
  recover();
});

test("spill: a limit and a used-up budget of the own provider send requests to the other gateway", async () => {
  await callAdmin(alice, "limits.set", { body: { subject: "provider:own", requests_per_minute: 1 } });
  assert.deepEqual([await ask(), await ask()], ["200 own 1 bob 0", "200 own 0 bob 1"]);
  await callAdmin(alice, "limits.remove", { query: { subject: "provider:own" } });
  const { id } = await callAdmin(alice, "budgets.set", { body: { subject: "provider:own", period: "day", stop_usd: "0.000001" } });
  assert.equal(await ask(), "200 own 0 bob 1");
  // Who must stay here gets the budget's refusal.
  assert.match(await ask({ headers: { "x-tokligence-market": "off" } }), /^4\d\d own 0 bob 0$/);
  await callAdmin(alice, "budgets.remove", { param: id });
  assert.equal(await ask(), "200 own 1 bob 0");
});

test("cheaper: bought where that saves enough, and not otherwise", async () => {
  await policy("cheaper");
  assert.equal(await ask(), "200 own 0 bob 1");
  await policy("cheaper", { min_saving: 0.95 });
  assert.equal(await ask(), "200 own 1 bob 0");
  await policy("cheaper", { max_price: "0.2" });
  assert.equal(await ask(), "200 own 1 bob 0");
  const { buying } = await callAdmin(alice, "market.explain");
  assert.deepEqual(
    buying[0]!.offers.map(({ seller, usable, reason }) => ({ seller, usable, reason })),
    [{ seller: "@bob", usable: false, reason: "it is dearer than the most that the policy pays" }],
  );
  assert.deepEqual((await callAdmin(alice, "market.policies")).data, [
    { model: "qwen3", policy: "cheaper", max_price: "0.2", min_saving: 0.15, source: "command" },
  ]);
});

test("prefer: bought first, and the own server answers where the seller takes nothing", async () => {
  await policy("prefer");
  assert.equal(await ask({ body: { stream: true } }), "200 own 0 bob 1");
  await callAdmin(bob, "market.pause", { body: { paused: true } });
  assert.equal(await ask(), "200 own 1 bob 0");
  await callAdmin(bob, "market.pause", { body: { paused: false } });
  const { buying } = await callAdmin(alice, "market.explain", { query: { model: "qwen3" } });
  assert.match(buying[0]!.offers[0]!.reason ?? "", /^its provider limits the rate of this key, for \d+ s more$/);
  recover(31);
});

test("what was bought is not sold again: two gateways that prefer each other serve a request once", async () => {
  await callAdmin(alice, "market.share", { body: { model: "qwen3", input: "0.01", output: "0.01", licence: "Apache-2.0" } });
  const { invite } = await callAdmin(alice, "market.invite", { body: { limit: "5" } });
  await callAdmin(bob, "market.join", { body: { invite } });
  await callAdmin(bob, "market.policies.set", { body: { model: "qwen3", policy: "prefer" } });
  assert.equal(await ask(), "200 own 0 bob 1");
  // Also if its own server refuses: the buyer's own server answers.
  rig.enqueue(limited);
  assert.equal(await ask(), "200 own 1 bob 1");
  await callAdmin(bob, "market.policies.remove", { param: "qwen3" });
});

test("a seller's own requests and limits close its offer, and the reason is said", async () => {
  const free = async (): Promise<string> => {
    const { selling } = await callAdmin(bob, "market.explain", { query: { model: "qwen3" } });
    return selling[0]!.summary;
  };
  recover(5);
  await callAdmin(bob, "market.sell", { param: "qwen3", body: { concurrency: 1 } });
  assert.equal(
    await free(),
    "qwen3 is not sold, as market.sell.reserve keeps all its places; own requests that need its places cancel what is being served.",
  );
  assert.equal(await ask(), "200 own 1 bob 0");
  const sold = await callAdmin(bob, "market.sell", { param: "qwen3", body: { concurrency: 4, rule: "margin", share: 0.5, hours: [] } });
  // The seller's own target has no price: there is nothing to follow.
  assert.deepEqual([sold.rule, sold.input_usd, sold.free], ["margin", "0.08", 3]);
  const own = await callAdmin(alice, "market.sell", { param: "qwen3", body: { rule: "margin", share: 0.2 } });
  assert.deepEqual([own.input_usd, own.output_usd], ["1.2", "1.2"]);
  assert.equal(
    await free(),
    "qwen3 is sold: 3 more requests would be taken now; own requests that need its places cancel what is being served.",
  );
});

test("arbitrage: own requests are bought where that is cheaper, and the own places are sold, never below their cost", async () => {
  recover(61);
  const on = await callAdmin(alice, "market.arbitrage.set", { body: { model: "qwen3", on: true, min_saving: 0.1 } });
  const { cheapest, summary, ...state } = on;
  // Bob asks for less than Alice's server costs: nobody will buy hers, but nothing is given away.
  const rates = { input_usd: "1", output_usd: "1" };
  assert.deepEqual(state, {
    model: "qwen3",
    on: true,
    own_cost: rates,
    ask: rates,
    own_expected_usd: state.own_expected_usd,
    buys: true,
    sells: true,
  });
  assert.equal(cheapest?.seller, "@bob");
  assert.match(summary, /^qwen3 is bought from @bob, for 0\.\d+ where it costs 0\.\d+ here; 2 places are sold at 1 in and 1 out\.$/);
  assert.equal(await ask(), "200 own 0 bob 1");
  assert.deepEqual(
    (await callAdmin(alice, "market.arbitrage")).data.map(({ model, on: isOn }) => [model, isOn]),
    [["qwen3", true]],
  );
  const off = await callAdmin(alice, "market.arbitrage.set", { body: { model: "qwen3", on: false } });
  assert.deepEqual(
    [off.on, off.ask, off.cheapest?.seller, (await callAdmin(alice, "market.policies")).data],
    [false, { input_usd: "0.01", output_usd: "0.01" }, "@bob", []],
  );
  // What costs nothing that is known cannot be compared, and what is not shared is not sold.
  await assert.rejects(callAdmin(bob, "market.arbitrage.set", { body: { model: "qwen3", on: true } }), /has no price here/);
  await assert.rejects(callAdmin(alice, "market.arbitrage.set", { body: { model: "loopback", on: true } }), /is not shared/);
});

/** Bob's own clients ask his server for answers that do not end before `until`. */
async function askOwn(count: number, until: Promise<unknown>): Promise<Promise<string>[]> {
  const { key } = await bob.createKey("bobs");
  const before = postsOf(rig);
  const replies: Promise<string>[] = [];
  for (let request = 0; request < count; request++) {
    rig.enqueue({ text: ["own"], trouble: { kind: "hang", afterPieces: "headers", until } });
    const body = JSON.stringify({ model: "qwen3", stream: true, messages: [{ role: "user", content: `Own ${request}` }] });
    replies.push(
      fetch(`${bob.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${key}` }, body }).then((reply) =>
        reply.text(),
      ),
    );
    await waitUntil("the server has it", () => postsOf(rig) > before + request);
  }
  return replies;
}

test("a seller's own requests get the place of a sale: it costs nothing, and what has not begun is answered elsewhere", async () => {
  recover(61);
  await policy("prefer");
  await callAdmin(bob, "market.sell", { param: "qwen3", body: { concurrency: 2, rule: "fixed" } });
  const { promise: until, resolve } = Promise.withResolvers<undefined>();
  const scoreNow = async (): Promise<number> =>
    (await callAdmin(alice, "market.explain", { query: { model: "qwen3" } })).buying[0]!.offers[0]!.score;
  const score = await scoreNow();
  // The answer has begun: the client's stream breaks.
  rig.enqueue({ text: ["first ", "second"], trouble: { kind: "hang", afterPieces: 1, until } });
  const reply = await fetch(`${alice.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "qwen3", stream: true, max_tokens: 100, messages: [{ role: "user", content: "Hi" }] }),
  });
  const rest = reply.text().catch(() => "cut");
  await waitUntil("the sale has begun", () => postsOf(rig) > 0);
  const one = await askOwn(1, until);
  assert.equal((await callAdmin(bob, "market.explain", { query: { model: "qwen3" } })).selling[0]!.free, 0);
  const two = await askOwn(1, until);
  assert.equal((await rest).includes("[DONE]"), false);
  const row = (await alice.rows()).at(-1)!;
  assert.deepEqual([row.provider, row.status], ["@bob", "interrupted"]);
  const bought = await waitUntil("its receipt has come", async () => {
    const [last] = (await callAdmin(alice, "market.trades")).data;
    return last?.request_id === row.request_id ? last : undefined;
  });
  const [sold] = (await callAdmin(bob, "market.trades")).data;
  assert.deepEqual([bought.credits, bought.state, sold?.credits, sold?.state], ["0", "acked", "0", "interrupted"]);
  assert.ok((await scoreNow()) < score);
  resolve(undefined);
  assert.equal((await Promise.all([...one, ...two])).filter((text) => text.includes("own")).length, 2);

  // Nothing has left yet: Alice's own server answers.
  const later = Promise.withResolvers<undefined>();
  recover(61);
  rig.enqueue({ trouble: { kind: "hang", afterPieces: "headers", until: later.promise } });
  const asked = ask();
  await waitUntil("the second sale has begun", () => postsOf(rig) > 3);
  const owns = await askOwn(2, later.promise);
  assert.equal(await asked, "200 own 1 bob 3");
  later.resolve(undefined);
  await Promise.all(owns);
});

test("each decision about resale is stored, with who asked", async () => {
  const refused = { body: { model: "loopback", input: "0", output: "0" } };
  await callAdmin(bob, "market.share", refused);
  await callAdmin(bob, "market.unshare", { param: "loopback" });
  const rows = await bob.sql("select model, provider, decision, actor from market_gate order by id");
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { model: "qwen3", provider: "rig", decision: "self-hosted", actor: "root" },
      { model: "loopback", provider: "loopback", decision: "self-hosted", actor: "root" },
    ],
  );
});

test("a seller whose engine counts far more tokens than its text has is not paid, and is asked no more", async () => {
  recover(31);
  await policy("prefer");
  // Bob's answer and his receipt agree about the count.
  rig.enqueue({ text: ["One, two, three."], usage: { output: 5000 } });
  assert.equal(await ask({ body: { max_tokens: 6000 } }), "200 own 1 bob 1");
  assert.equal(await ask(), "200 own 1 bob 0");
  const { buying } = await callAdmin(alice, "market.explain", { query: { model: "qwen3" } });
  const { score, reason, seen } = buying[0]!.offers[0]!;
  assert.ok(seen.answered > 3 && seen.failed > 0 && seen.probes_wrong === 0, JSON.stringify(seen));
  assert.deepEqual([score, reason], [0, "one of its receipts was refused: it is avoided for a day"]);
  assert.equal((await callAdmin(alice, "market.trades")).data[0]!.state, "refused");
});

test("the audit trail has who set a policy, and its removal leaves what the configuration says", async () => {
  await callAdmin(alice, "market.policies.remove", { param: "qwen3" });
  assert.deepEqual((await callAdmin(alice, "market.policies")).data, []);
  const written = (): Promise<Record<string, unknown>[]> =>
    alice.sql("select outcome from audit_entries where action = 'market.policies.remove'");
  await waitUntil("the entry is written", async () => (await written()).length > 0);
  assert.deepEqual(
    (await written()).map(({ outcome }) => outcome),
    ["ok"],
  );
});
