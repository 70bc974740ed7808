import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI, ApiError } from "@google/genai";
import OpenAI from "openai";
import type { BudgetState } from "../../src/ledger/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** A token of output is 10 cents, the prompt is free: ten tokens are a dollar. */
const prices = `
prices:
${["gpt-mock", "claude-mock", "gemini-mock"].map((model) => `  ${model}: { input: "0", output: "100000" }`).join("\n")}
ledger: { unpriced_ceiling: { input: "0", output: "200000" }, output_ceiling: 30 }
`;

let mock: MockUpstream;
let gateway: TestGateway;
/** Another process on the same database, as far as requests can tell. */
let second: TestGateway;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  const config = withMockUpstream(mock.url, prices);
  gateway = await startGateway({ config });
  second = await startGateway({ config, database: gateway.database });
  await announcementsOver(mock, 2 * Object.keys(providerKeys).length);
});
beforeEach(() => mock.reset());
after(async () => {
  await second.stop();
  await gateway.stop();
  await mock.close();
});

type Json = Record<string, unknown>;

async function api(key: string, method: string, path: string, body?: unknown): Promise<{ status: number; json: Json }> {
  const reply = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: reply.status, json: (await reply.json()) as Json };
}

async function setBudget(body: object): Promise<BudgetState> {
  const { status, json } = await api(gateway.adminKey, "POST", "/budgets", body);
  assert.equal(status, 200, JSON.stringify(json));
  return json as unknown as BudgetState;
}

async function budgetOf(caller: Caller): Promise<Pick<BudgetState, "spent_usd" | "held_usd" | "left_usd">> {
  await gateway.gateway.ledger.flush();
  await second.gateway.ledger.flush();
  const { json } = await api(gateway.adminKey, "GET", `/budgets?user=${caller.user.username}`);
  const { spent_usd, held_usd, left_usd } = (json["data"] as BudgetState[])[0]!;
  return { spent_usd, held_usd, left_usd };
}

/** A request that may cost a dollar for ten tokens. */
function ask(origin: TestGateway, key: string, more: object = {}): Promise<Response> {
  return fetch(`${origin.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-mock", max_tokens: 10, messages: [{ role: "user", content: "Hello" }], ...more }),
  });
}

const costs = (output: number): { usage: { input: number; output: number } } => ({ usage: { input: 5, output } });

test("of 200 parallel requests on a budget for ten, over two processes, ten are served and none goes beyond", async () => {
  const alice = await gateway.createKey("alice-200");
  await setBudget({ user: "alice-200", period: "month", stop_usd: "10" });
  await second.gateway.accounts.authenticate(alice.key);
  await untilKnown(second, alice);
  mock.enqueue(...Array.from({ length: 200 }, () => costs(10)));
  const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(i % 2 === 0 ? gateway : second, alice.key)));
  const statuses = replies.map((reply) => reply.status);
  assert.deepStrictEqual(
    { served: statuses.filter((status) => status === 200).length, refused: statuses.filter((status) => status === 402).length },
    { served: 10, refused: 190 },
  );
  assert.equal(mock.requests.length, 10);
  assert.deepStrictEqual(await budgetOf(alice), { spent_usd: "10", held_usd: "0", left_usd: "0" });
});

/** The other process has read the budget. */
async function untilKnown(origin: TestGateway, caller: Caller): Promise<void> {
  await waitUntil("the budget is known", () => origin.gateway.budgets.of({ userId: caller.user.id, keyId: caller.keyId }) !== undefined);
}

test("a budget that is used up is a 402 in each dialect, which no SDK sends again", async () => {
  const { key } = await gateway.createKey("poor");
  await setBudget({ user: "poor", period: "day", stop_usd: 0.5 });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
  const anthropic = new Anthropic({ baseURL: `${gateway.url}/anthropic`, apiKey: key });
  const google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: gateway.url } });
  const before = (await gateway.rows()).length;
  const failures = await Promise.all(
    [
      openai.chat.completions.create({ model: "gpt-mock", max_tokens: 10, messages: [{ role: "user", content: "Hello" }] }),
      openai.responses.create({ model: "gpt-mock", max_output_tokens: 10, input: "Hello" }),
      anthropic.messages.create({ model: "claude-mock", max_tokens: 10, messages: [{ role: "user", content: "Hello" }] }),
      google.models.generateContent({ model: "gemini-mock", contents: "Hello", config: { maxOutputTokens: 10 } }),
    ].map((answer) =>
      (answer as Promise<unknown>).then(
        () => undefined,
        (error: unknown) => error,
      ),
    ),
  );
  const [chat, responses, messages, gemini] = failures;
  for (const failure of [chat, responses]) {
    assert.ok(failure instanceof OpenAI.APIError);
    assert.deepStrictEqual(
      { status: failure.status, code: failure.code, type: failure.type, retry: failure.headers?.get("x-should-retry") },
      { status: 402, code: "budget_exceeded", type: "insufficient_quota", retry: "false" },
    );
  }
  assert.ok(messages instanceof Anthropic.APIError);
  assert.deepStrictEqual({ status: messages.status, type: messages.type }, { status: 402, type: "billing_error" });
  assert.ok(gemini instanceof ApiError);
  assert.equal(gemini.status, 402);
  assert.match(gemini.message, /"status":"RESOURCE_EXHAUSTED"/);
  const rows = (await gateway.rows()).slice(before);
  assert.equal(rows.length, 4);
  assert.deepStrictEqual(
    rows.map((row) => [row.attempt, row.status, row.http_status, row.error_code, Number(row.cost_nano_usd)]),
    rows.map(() => [0, "refused", 402, "budget_exceeded", 0]),
  );
  assert.equal(mock.requests.length, 0);
});

test("from the warning on answers carry it, streams too, and the metrics count it", async () => {
  const warned = await gateway.createKey("warned");
  await setBudget({ user: "warned", period: "total", warn_usd: "1", stop_usd: "100" });
  mock.enqueue(costs(12), costs(1), costs(1));
  const first = await ask(gateway, warned.key);
  assert.equal(first.headers.get("x-tokligence-budget-warning"), null);
  await first.text();
  await gateway.gateway.ledger.flush();
  for (const stream of [false, true]) {
    const next = await ask(gateway, warned.key, { stream });
    assert.match(next.headers.get("x-tokligence-budget-warning") ?? "", /^user\/total spent=1\.[23] warn=1 stop=100$/);
    await next.text();
    await gateway.gateway.ledger.flush();
  }
  assert.match(await gateway.logText(), /a budget has reached its warning/);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  assert.match(metrics, /^# TYPE tokligence_budget_warned_requests_total counter\ntokligence_budget_warned_requests_total 2$/m);
  assert.match(metrics, /^tokligence_budget_refused_requests_total [1-9]\d*$/m);
});

test("the reservation of a request that fails before it costs anything is released at once", async () => {
  const bob = await gateway.createKey("bob-free");
  await setBudget({ user: "bob-free", period: "month", stop_usd: "1" });
  for (const status of [400, 429, 500]) {
    mock.enqueue({ trouble: { kind: "error", error: { status, message: "no" } } });
    assert.equal((await ask(gateway, bob.key)).status, status);
  }
  mock.enqueue(costs(10));
  // Refused after the budget was reserved: the body cannot be translated.
  assert.equal((await ask(gateway, bob.key, { model: "claude-mock", messages: "none" })).status, 400);
  assert.equal((await ask(gateway, bob.key, { model: "nobody-serves-this" })).status, 404);
  assert.equal((await ask(gateway, bob.key)).status, 200);
  assert.deepStrictEqual(await budgetOf(bob), { spent_usd: "1", held_usd: "0", left_usd: "0" });
});

test("a request without a limit holds what the ceiling says, a model without a price costs it", async () => {
  const eve = await gateway.createKey("eve");
  await setBudget({ user: "eve", period: "month", stop_usd: "3" });
  const { json } = { json: (await (await ask(gateway, eve.key, { model: "org/local-model", max_tokens: undefined })).json()) as Json };
  // 30 tokens at 20 cents are 6 dollars, and the rest is enough for 15: fewer than a request is worth.
  assert.match(JSON.stringify(json), /this request may cost up to 6\./);
  mock.enqueue(costs(10));
  assert.equal((await ask(gateway, eve.key, { model: "org/local-model" })).status, 200);
  assert.deepStrictEqual(await budgetOf(eve), { spent_usd: "2", held_usd: "0", left_usd: "1" });
});

test("several answers at once are held one by one", async () => {
  const gil = await gateway.createKey("gil");
  await setBudget({ user: "gil", period: "month", stop_usd: "2.5" });
  const json = (await (await ask(gateway, gil.key, { n: 3 })).json()) as Json;
  assert.match(JSON.stringify(json), /this request may cost up to 3\./);
  const gemini = await fetch(`${gateway.url}/v1beta/models/gemini-mock:generateContent`, {
    method: "POST",
    headers: { "x-goog-api-key": gil.key },
    body: JSON.stringify({ contents: [{ parts: [{ text: "Hello" }] }], generationConfig: { maxOutputTokens: 10, candidateCount: 4 } }),
  });
  assert.match(await gemini.text(), /this request may cost up to 4\./);
  // Whatever number a client writes.
  for (const [limit, most] of [
    [1e15, "1000000"],
    [10.5, "3.3"],
  ] as const) {
    const reply = await fetch(`${gateway.url}/v1beta/models/gemini-mock:generateContent`, {
      method: "POST",
      headers: { "x-goog-api-key": gil.key },
      body: JSON.stringify({ contents: [{ parts: [{ text: "Hello" }] }], generationConfig: { maxOutputTokens: limit, candidateCount: 3 } }),
    });
    assert.match(await reply.text(), new RegExp(`may cost up to ${most}\\. `));
  }
  assert.equal(mock.requests.length, 0);
});

test("what costs nothing is served on an empty budget", async () => {
  const { key } = await gateway.createKey("broke");
  await setBudget({ user: "broke", period: "month", stop_usd: "0" });
  assert.equal((await ask(gateway, key)).status, 402);
  assert.equal((await ask(gateway, key, { model: "loopback" })).status, 200);
});

test("a stream that its client leaves is charged up to there, and holds nothing more", async () => {
  const carl = await gateway.createKey("carl");
  await setBudget({ user: "carl", period: "month", stop_usd: "100" });
  mock.enqueue({ text: ["one ", "two ", "three "], trouble: { kind: "hang", afterPieces: 2 } });
  const leaving = new AbortController();
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    signal: leaving.signal,
    headers: { authorization: `Bearer ${carl.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-mock", stream: true, max_tokens: 100, messages: [{ role: "user", content: "Hello" }] }),
  });
  const reader = reply.body!.getReader();
  await reader.read();
  assert.deepStrictEqual(await budgetOf(carl), { spent_usd: "0", held_usd: "10", left_usd: "90" });
  leaving.abort();
  await reader.closed.catch(() => undefined);
  await mock.requests[0]!.closed;
  const state = await waitUntil("nothing is held", async () => {
    const now = await budgetOf(carl);
    return now.held_usd === "0" && now;
  });
  const [row] = (await gateway.rows()).filter((candidate) => candidate.user_id === carl.user.id);
  assert.equal(row!.status, "cancelled");
  assert.equal(state.spent_usd, String(row!.output_tokens! / 10));
  assert.ok(row!.output_tokens! >= 2);
});

test("budgets of a key count beside those of its user", async () => {
  const dora = await gateway.createKey("dora");
  await setBudget({ user: "dora", period: "month", stop_usd: "10" });
  await setBudget({ key_id: dora.keyId, period: "day", stop_usd: "2" });
  mock.enqueue(costs(10), costs(10));
  const replies = [];
  for (let i = 0; i < 3; i++) replies.push((await ask(gateway, dora.key)).status);
  assert.deepStrictEqual(replies, [200, 200, 402]);
  await gateway.gateway.ledger.flush();
  const { json } = await api(dora.key, "GET", "/me/budgets");
  const mine = (json["data"] as BudgetState[]).map(({ user_id, key_id, period, spent_usd }) => ({ user_id, key_id, period, spent_usd }));
  assert.deepStrictEqual(mine, [
    { user_id: dora.user.id, key_id: null, period: "month", spent_usd: "2" },
    { user_id: null, key_id: dora.keyId, period: "day", spent_usd: "2" },
  ]);
});

test("the API refuses an invalid budget, and a caller who is not an admin", async () => {
  const { key } = await gateway.createKey("nosy");
  const codeOf = async (who: string, method: string, path: string, body?: object): Promise<unknown> => {
    const { status, json } = await api(who, method, path, body);
    const error = json["error"] as { code: string; param: string | null } | undefined;
    return [status, error?.code, error?.param];
  };
  const invalid = (param: string): unknown => [400, "invalid_request", param];
  const set = (body: object): Promise<unknown> => codeOf(gateway.adminKey, "POST", "/budgets", body);
  assert.deepStrictEqual(await set({ user: "nosy", period: "month" }), invalid("stop_usd"));
  assert.deepStrictEqual(await set({ user: "nosy", period: "week", stop_usd: "1" }), invalid("period"));
  assert.deepStrictEqual(await set({ user: "nosy", period: "day", stop_usd: "-1" }), invalid("stop_usd"));
  assert.deepStrictEqual(await set({ user: "nosy", period: "day", stop_usd: "1", warn_usd: "2" }), invalid("warn_usd"));
  assert.deepStrictEqual(await set({ user: "nosy", key_id: "key_1", period: "day", stop_usd: "1" }), invalid("subject"));
  for (const subject of ["team:search", "tag:*", "model:", "provider:a b", "provider:opnai"])
    assert.deepStrictEqual(await set({ subject, period: "day", stop_usd: "1" }), invalid("subject"));
  assert.deepStrictEqual(await set({ subject: "nosy", period: "day", stop_usd: "1", time_zone: "Mars/Base" }), invalid("time_zone"));
  assert.deepStrictEqual(await set({ user: "nobody", period: "day", stop_usd: "1" }), [404, "not_found", "user"]);
  assert.deepStrictEqual(await set({ key_id: "key_none", period: "day", stop_usd: "1" }), [404, "not_found", "key_id"]);
  assert.deepStrictEqual(await codeOf(key, "GET", "/budgets"), [403, "admin_required", null]);
  assert.deepStrictEqual(await codeOf(key, "POST", "/budgets", { user: "nosy", period: "day", stop_usd: "1" }), [
    403,
    "admin_required",
    null,
  ]);
  assert.deepStrictEqual(await codeOf(gateway.adminKey, "DELETE", "/budgets/bgt_none"), [404, "not_found", "id"]);
});

test("a budget that is raised or removed counts at once", async () => {
  const { key } = await gateway.createKey("frank");
  const { id } = await setBudget({ user: "frank", period: "month", stop_usd: "0.5" });
  assert.equal((await ask(gateway, key)).status, 402);
  await setBudget({ user: "frank", period: "month", stop_usd: "5" });
  assert.equal((await ask(gateway, key)).status, 200);
  await setBudget({ user: "frank", period: "month", stop_usd: "0.5" });
  assert.equal((await ask(gateway, key)).status, 402);
  assert.equal((await api(gateway.adminKey, "DELETE", `/budgets/${id}`)).status, 200);
  assert.equal((await ask(gateway, key)).status, 200);
});
