import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type Caller, type TestGateway } from "./harness.ts";

/** Bob has a server of his own and shares its model; Alice has no provider at all. */
let mock: MockUpstream;
let bob: TestGateway;
let alice: TestGateway;
let caller: Caller;

before(async () => {
  mock = await createMockUpstream({ apiKeys: ["rig-key-1234567890"], countsText: true });
  const market = "market: { listen: 127.0.0.1:0, name: NAME }\n";
  bob = await startGateway({
    config: `${market.replace("NAME", "bob")}providers: { rig: { base_url: "${mock.url}/v1", protocols: [openai-chat], api_key: rig-key-1234567890, models: [qwen3] } }\n`,
  });
  alice = await startGateway({ config: market.replace("NAME", "alice") });
  caller = await alice.createKey();
  await callAdmin(bob, "market.share", { body: { model: "qwen3", input: "0.08", output: "0.28", licence: "Apache-2.0" } });
  const { invite } = await callAdmin(bob, "market.invite", { body: { limit: "5" } });
  assert.equal((await callAdmin(alice, "market.join", { body: { invite } })).name, "bob");
});
after(async () => {
  await alice.stop();
  await bob.stop();
  await mock.close();
});

/** What both sides have written of the last request. */
async function lastRows() {
  const bought = (await alice.rows()).at(-1)!;
  const sold = (await bob.rows()).at(-1)!;
  return {
    bought: { provider: bought.provider, model: bought.model_served, status: bought.status, cost: BigInt(bought.cost_nano_usd ?? -1) },
    sold: { user: sold.user_id.slice(0, 8), direction: sold.direction, status: sold.status, provider: sold.provider },
    trade: (await callAdmin(alice, "market.trades")).data[0]!,
    sale: (await callAdmin(bob, "market.trades")).data[0]!,
  };
}

test("a friend's model answers an OpenAI client, and both ledgers have what it cost", async () => {
  const client = new OpenAI({ apiKey: caller.key, baseURL: `${alice.url}/v1`, maxRetries: 0 });
  const answer = await client.chat.completions.create({
    model: "@bob/qwen3",
    max_tokens: 500,
    messages: [{ role: "user", content: "Hi" }],
  });
  assert.ok((answer.choices[0]!.message.content ?? "").length > 0);
  const { prompt_tokens: input, completion_tokens: output } = answer.usage!;
  const cost = BigInt(input) * 80n + BigInt(output) * 280n;
  const { bought, sold, trade, sale } = await lastRows();
  assert.deepEqual(bought, { provider: "@bob", model: "qwen3", status: "ok", cost });
  assert.deepEqual(sold, { user: "mkt_tn1_", direction: "supply", status: "ok", provider: "rig" });
  assert.equal(Number(trade.credits) * 1e9, Number(cost));
  assert.deepEqual(
    { ...sale, request_id: "", time: "" },
    { request_id: "", direction: "sold", peer: "alice", model: "qwen3", credits: trade.credits, state: "done", time: "" },
  );
});

test("a stream of an Anthropic client comes from a friend, with every event", async () => {
  const client = new Anthropic({ apiKey: caller.key, baseURL: alice.url, maxRetries: 0 });
  const stream = client.messages.stream({ model: "@bob/qwen3", max_tokens: 500, messages: [{ role: "user", content: "Hi" }] });
  const message = await stream.finalMessage();
  assert.equal(message.stop_reason, "end_turn");
  assert.ok(message.usage.output_tokens > 0);
  assert.equal((await lastRows()).bought.status, "ok");
});

test("a Gemini client gets an answer of a friend", async () => {
  const client = new GoogleGenAI({ apiKey: caller.key, httpOptions: { baseUrl: alice.url } });
  const answer = await client.models.generateContent({ model: "@bob/qwen3", contents: "Hi" });
  assert.ok((answer.text ?? "").length > 0);
});

test("a Responses client gets an answer of a friend", async () => {
  const client = new OpenAI({ apiKey: caller.key, baseURL: `${alice.url}/v1`, maxRetries: 0 });
  const answer = await client.responses.create({ model: "@bob/qwen3", input: "Hi" });
  assert.ok(answer.output_text.length > 0);
});

test("a model that is built in can be shared as well", async () => {
  await callAdmin(bob, "market.share", { body: { model: "loopback", input: "0", output: "0" } });
  await callAdmin(alice, "market.offers");
  const client = new OpenAI({ apiKey: caller.key, baseURL: `${alice.url}/v1`, maxRetries: 0 });
  const answer = await client.chat.completions.create({ model: "@bob/loopback", messages: [{ role: "user", content: "Hi there" }] });
  assert.match(answer.choices[0]!.message.content ?? "", /Hi there/);
  await callAdmin(bob, "market.unshare", { param: "loopback" });
});

test("what is offered is shown, and what is sold is in no report of usage unless asked for", async () => {
  const { data } = await callAdmin(alice, "market.offers");
  assert.deepEqual(
    data.map(({ model, seller, input_usd: input, output_usd: output, licence }) => ({ model, seller, input, output, licence })),
    [{ model: "@bob/qwen3", seller: "bob", input: "0.08", output: "0.28", licence: "Apache-2.0" }],
  );
  const requestsOf = async (query: Record<string, string>): Promise<readonly number[]> => {
    const report = await callAdmin(bob, "usage.report", { query: { group_by: "user", ...query } });
    return "rows" in report ? report.rows.map(({ requests }) => requests) : [];
  };
  await bob.rows();
  assert.deepEqual(await requestsOf({}), []);
  assert.deepEqual(await requestsOf({ supply: "true" }), [5]);
});

test("a key, or a header, keeps a request from a friend", async () => {
  const own = await alice.createKey();
  await callAdmin(alice, "keys.update", { param: own.keyId, body: { market: "off" } });
  const ask = async (key: string, headers: Record<string, string> = {}): Promise<string> => {
    const reply = await fetch(`${alice.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "@bob/qwen3", messages: [{ role: "user", content: "Hi" }] }),
    });
    const { error } = (await reply.json()) as { readonly error?: { readonly code: string } };
    return `${reply.status} ${error?.code ?? "answered"}`;
  };
  const before = mock.requests.length;
  assert.deepEqual(
    [await ask(own.key), await ask(caller.key, { "x-tokligence-market": "off" }), await ask(own.key, { "x-tokligence-market": "any" })],
    ["403 model_not_allowed", "403 model_not_allowed", "403 model_not_allowed"],
  );
  assert.equal(mock.requests.length, before);
  assert.equal(await ask(caller.key, { "x-tokligence-market": "peers" }), "200 answered");
});

test("a paused seller takes no requests, and a blocked buyer gets none", async () => {
  const client = new OpenAI({ apiKey: caller.key, baseURL: `${alice.url}/v1`, maxRetries: 0 });
  const ask = (): Promise<unknown> => client.chat.completions.create({ model: "@bob/qwen3", messages: [{ role: "user", content: "Hi" }] });
  assert.equal((await callAdmin(bob, "market.pause", { body: { paused: true } })).paused, true);
  await assert.rejects(ask(), (error: InstanceType<typeof OpenAI.APIError>) => error.status === 429);
  await callAdmin(bob, "market.pause", { body: { paused: false } });
  await callAdmin(bob, "market.peers.update", { param: "alice", body: { blocked: true } });
  await assert.rejects(ask(), (error: InstanceType<typeof OpenAI.APIError>) => error.status === 503 || error.status === 429);
  const peer = await callAdmin(bob, "market.peers.update", { param: "alice", body: { blocked: false, limit: "7", credit: "1" } });
  const [statement] = (await callAdmin(alice, "market.statements", { query: { name: "bob", verify: "true" } })).data;
  assert.deepEqual([statement?.clearing, statement?.problem], ["bob", null]);
  assert.ok(statement!.entries > 0 && statement!.checked_entries === statement!.entries);
  assert.deepEqual([peer.blocked, peer.limit_credits], [false, "7"]);
  // Who booked it, and why: each transfer has documents, or an actor and a reason.
  const booked = await bob.sql(
    "select d.actor, d.reason, t.amount_nano_usd as amount from market_deposits d join market_transfers t on t.key = d.id where d.owner = ?",
    peer.node,
  );
  assert.deepEqual(
    booked.map((row) => ({ ...row })),
    [{ actor: bob.admin.user.username, reason: "paid outside of the market", amount: 1_000_000_000 }],
  );
});

test("what was bought is acknowledged, and settled when the lease is closed", async () => {
  await alice.drain(1000);
  const { status, peer } = await waitUntil("bob's leases are settled", async () => {
    const found = await callAdmin(bob, "market.status");
    return found.peers[0]!.reserved_credits === "0" ? { status: found, peer: found.peers[0]! } : undefined;
  });
  const sales = (await callAdmin(bob, "market.trades")).data;
  const sum = sales.reduce((total, { credits }) => total + Number(credits), 0);
  const { data } = await callAdmin(bob, "market.statements", { query: { verify: "true" } });
  assert.deepEqual(
    data.map(({ clearing, owner, entries, checked_entries: checked, problem }) => ({
      clearing,
      owner,
      isWhole: entries === checked,
      problem,
    })),
    [{ clearing: "here", owner: "alice", isWhole: true, problem: null }],
  );
  // Alice has paid back one credit outside of the market.
  assert.equal(Number(peer.balance_credits).toFixed(9), (1 - sum).toFixed(9));
  assert.equal(Number(status.earned_credits).toFixed(9), sum.toFixed(9));
  assert.equal((await callAdmin(bob, "market.unshare", { param: "qwen3" })).model, "qwen3");
  assert.equal((await callAdmin(bob, "market.leave", { param: "alice" })).name, "alice");
});
