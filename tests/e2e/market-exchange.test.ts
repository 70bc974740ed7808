import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { migratedPostgresUrl } from "../testbed/migrated-postgres.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { withoutPostgres } from "../testbed/shared-postgres.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type Caller, type TestGateway } from "./harness.ts";

/**
 * Bob sells the model of his server over an exchange, and Alice, who has no provider at all, buys it there. The exchange is two processes on one PostgreSQL database, if there
 * is one here: Bob calls the first, Alice the second.
 */
let mock: MockUpstream;
let exchange: TestGateway;
let second: TestGateway;
let bob: TestGateway;
let alice: TestGateway;
let caller: Caller;

const market = (name: string, more = ""): string => `market: { listen: 127.0.0.1:0, name: ${name}, allow_private: true${more} }\n`;

async function join(gateway: TestGateway, limit: string, at = exchange): Promise<void> {
  const { invite } = await callAdmin(at, "exchange.invite", { body: { limit } });
  assert.equal((await callAdmin(gateway, "market.join", { body: { invite } })).name, "plaza");
}

before(async () => {
  mock = await createMockUpstream({ apiKeys: ["rig-key-1234567890"], countsText: true });
  const database = withoutPostgres === false ? `database: { type: postgresql, url: "${await migratedPostgresUrl()}", pool: 6 }\n` : "";
  const config = `${market("plaza")}exchange: { fee_ppm: 100000 }\n${database}`;
  exchange = await startGateway({ config });
  assert.equal((await callAdmin(exchange, "exchange.start")).fee_ppm, 100_000);
  second = withoutPostgres === false ? await startGateway({ config }) : exchange;
  bob = await startGateway({
    config: `${market("bob")}providers: { rig: { base_url: "${mock.url}/v1", protocols: [openai-chat], api_key: rig-key-1234567890, models: [qwen3] } }\n`,
  });
  alice = await startGateway({ config: market("alice", ", buy: { tools: true, open_answers: true }") });
  caller = await alice.createKey();
  await callAdmin(alice, "keys.update", { param: caller.keyId, body: { market: "any" } });
  await callAdmin(bob, "market.share", { body: { model: "qwen3", input: "0.08", output: "0.28", licence: "Apache-2.0" } });
  await join(bob, "0");
  await join(alice, "5", second);
});
after(async () => {
  await alice.stop();
  await bob.stop();
  if (second !== exchange) await second.stop();
  await exchange.stop();
  await mock.close();
});

test("what a member offers is in the book of the others, under the exchange's name", async () => {
  const { data } = await callAdmin(alice, "market.offers");
  assert.deepEqual(
    data.map(({ model, input_usd: input, output_usd: output }) => ({ model, input, output })),
    [{ model: "@plaza/qwen3", input: "0.08", output: "0.28" }],
  );
  const { data: members } = await callAdmin(exchange, "exchange.members");
  assert.deepEqual(
    members.map(({ name, offers, limit_credits: limit }) => [name, offers, limit]),
    [
      ["bob", 1, "0"],
      ["alice", 0, "5"],
    ],
  );
});

test("the SDK of each dialect gets answers and streams of the seller", async () => {
  const openai = new OpenAI({ apiKey: caller.key, baseURL: `${alice.url}/v1`, maxRetries: 0 });
  const messages = [{ role: "user", content: "Hi" }] as const;
  const chat = await openai.chat.completions.create({ model: "@plaza/qwen3", max_tokens: 500, messages: [...messages] });
  assert.ok((chat.choices[0]!.message.content ?? "").length > 0);
  let text = "";
  for await (const chunk of await openai.chat.completions.create({ model: "@plaza/qwen3", messages: [...messages], stream: true })) {
    text += chunk.choices[0]?.delta.content ?? "";
  }
  assert.ok(text.length > 0);
  const anthropic = new Anthropic({ apiKey: caller.key, baseURL: alice.url, maxRetries: 0 });
  const message = await anthropic.messages.stream({ model: "@plaza/qwen3", max_tokens: 500, messages: [...messages] }).finalMessage();
  assert.equal(message.stop_reason, "end_turn");
  const google = new GoogleGenAI({ apiKey: caller.key, httpOptions: { baseUrl: alice.url } });
  let parts = "";
  for await (const part of await google.models.generateContentStream({ model: "@plaza/qwen3", contents: "Hi" })) parts += part.text ?? "";
  assert.ok(parts.length > 0);
  const response = await openai.responses.create({ model: "@plaza/qwen3", input: "Hi" });
  assert.ok(response.output_text.length > 0);
});

test("requests with tools, and streams of Responses, go to an exchange if the buyer allows it, in each dialect", async () => {
  const openai = new OpenAI({ apiKey: caller.key, baseURL: `${alice.url}/v1`, maxRetries: 0 });
  const anthropic = new Anthropic({ apiKey: caller.key, baseURL: alice.url, maxRetries: 0 });
  const google = new GoogleGenAI({ apiKey: caller.key, httpOptions: { baseUrl: alice.url } });
  const parameters = { type: "object", properties: { place: { type: "string" } } } as const;
  const call = { toolCalls: [{ name: "look", arguments: '{"place":"here"}' }] };
  const calls: (readonly [string, unknown])[] = [];
  const model = "@plaza/qwen3";
  const messages = [{ role: "user", content: "Hi" }] as const;

  mock.enqueue(call, call, call, call, call);
  const tools = [{ type: "function", function: { name: "look", parameters } }] as const;
  const chat = await openai.chat.completions.create({ model, messages: [...messages], tools: [...tools] });
  for (const one of chat.choices[0]!.message.tool_calls ?? [])
    if (one.type === "function") calls.push([one.function.name, JSON.parse(one.function.arguments)]);
  const toolsOfMessages = [{ name: "look", input_schema: parameters }];
  const message = await anthropic.messages.create({ model, max_tokens: 500, messages: [...messages], tools: toolsOfMessages });
  for (const block of message.content) if (block.type === "tool_use") calls.push([block.name, block.input]);
  const stream = anthropic.messages.stream({ model, max_tokens: 500, messages: [...messages], tools: toolsOfMessages });
  for (const block of (await stream.finalMessage()).content) if (block.type === "tool_use") calls.push([block.name, block.input]);
  const config = { tools: [{ functionDeclarations: [{ name: "look", parametersJsonSchema: parameters }] }] };
  const answer = await google.models.generateContent({ model, contents: "Hi", config });
  for (const one of answer.functionCalls ?? []) calls.push([one.name!, one.args]);
  const toolsOfResponses = [{ type: "function", name: "look", parameters, strict: false }] as const;
  const events = await openai.responses.create({ model, input: "Hi", tools: [...toolsOfResponses], stream: true });
  const types = new Set<string>();
  for await (const event of events) {
    types.add(event.type);
    if (event.type === "response.output_item.done" && event.item.type === "function_call")
      calls.push([event.item.name, JSON.parse(event.item.arguments)]);
  }
  assert.deepEqual(
    calls,
    calls.map(() => ["look", { place: "here" }]),
  );
  assert.deepEqual([calls.length, types.has("response.completed")], [5, true]);
  let text = "";
  for await (const event of await openai.responses.create({ model, input: "Hi", stream: true }))
    if (event.type === "response.output_text.delta") text += event.delta;
  assert.ok(text.length > 0);
});

test("the exchange's statement of a buyer's account is checked, and what was spent there is counted", async () => {
  const { data } = await callAdmin(alice, "market.statements", { query: { verify: "true" } });
  const found = data.filter(({ clearing }) => clearing !== "here");
  assert.deepEqual(
    found.map(({ clearing, problem }) => [clearing, problem]),
    [["plaza", null]],
  );
  assert.ok(Number(found[0]!.acknowledged_credits) > 0);
  assert.equal((await callAdmin(alice, "market.status")).spent_credits, found[0]!.acknowledged_credits);
});

test("a key that may go to peers only does not reach an exchange", async () => {
  const other = await alice.createKey();
  const openai = new OpenAI({ apiKey: other.key, baseURL: `${alice.url}/v1`, maxRetries: 0 });
  await assert.rejects(openai.chat.completions.create({ model: "@plaza/qwen3", messages: [{ role: "user", content: "Hi" }] }), /exchanges/);
});

test("an answer that was billed wrongly is shown to the exchange, which gives the buyer all back", async () => {
  mock.enqueue({ text: ["One, two, three."], usage: { output: 5000 } });
  const openai = new OpenAI({ apiKey: caller.key, baseURL: `${alice.url}/v1`, maxRetries: 0 });
  const messages = [{ role: "user", content: "Count." }] as const;
  await assert.rejects(openai.chat.completions.create({ model: "@plaza/qwen3", max_tokens: 6000, messages: [...messages] }));
  const [dispute] = await waitUntil("the exchange has decided", async () => {
    const { data } = await callAdmin(exchange, "exchange.disputes");
    return data.length > 0 ? data : undefined;
  });
  assert.deepEqual(
    [dispute?.buyer, dispute?.seller, dispute?.result, dispute?.reason],
    ["alice", "bob", "wrong", "it bills more output than arrived"],
  );
  const shown = (await exchange.logText()) + (await second.logText());
  assert.equal(shown.includes("One, two, three."), false);
});

test("what was bought is in both ledgers once, settled, and every sum is exact", async () => {
  const rows = (await alice.rows()).filter(({ status }) => status === "ok");
  const spent = rows.reduce((sum, row) => sum + BigInt(row.cost_nano_usd ?? -1), 0n);
  assert.deepEqual([...new Set(rows.map(({ provider }) => provider))], ["@plaza"]);
  assert.equal(
    (await bob.rows()).filter(({ direction }) => direction === "supply").length,
    rows.length + 1,
    "and the one that was disputed",
  );
  await alice.drain(1000);
  const report = await waitUntil("the leases are settled", async () => {
    const { data } = await callAdmin(exchange, "exchange.members");
    return data.every((member) => member.reserved_credits === "0") ? await callAdmin(exchange, "exchange.report") : undefined;
  });
  const nano = (credits: string): bigint => BigInt(Math.round(Number(credits) * 1e9));
  const [seller, buyer] = report.data;
  assert.deepEqual(
    [
      nano(buyer!.paid_credits),
      nano(buyer!.balance_credits),
      nano(seller!.earned_credits) + nano(report.fees_credits),
      buyer!.contested_credits,
    ],
    [spent, -spent, spent, "0"],
  );
  assert.ok(nano(report.fees_credits) > 0n);
  const [statement] = (await callAdmin(bob, "market.statements", { query: { name: "plaza", verify: "true" } })).data;
  assert.deepEqual([statement?.clearing, statement?.problem, statement?.entries === statement?.checked_entries], ["plaza", null, true]);
  const { ok, broken, transfers } = await callAdmin(exchange, "exchange.check");
  assert.deepEqual({ ok, broken, hasTransfers: transfers > 0 }, { ok: true, broken: [], hasTransfers: true });
});

test("a member's limit, block and payments are the operator's, with a reason in the books", async () => {
  const changed = await callAdmin(exchange, "exchange.members.update", {
    param: "alice",
    body: { limit: "7", blocked: true, credit: "2", reason: "invoice 17" },
  });
  assert.deepEqual([changed.limit_credits, changed.blocked, Number(changed.balance_credits) > 1], ["7", true, true]);
  assert.equal((await callAdmin(exchange, "exchange.check")).ok, true);
});
