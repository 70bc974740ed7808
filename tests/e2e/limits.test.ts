import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

/** `narrow` is a provider with a quota of its own, and `spare` the next target of its model. */
const more = (url: string): string => `
  narrow: { protocols: [openai-chat], api_key: ${providerKeys.local}, base_url: "${url}/v1", models: [wide-mock], limits: { concurrent: 1 } }
  spare: { protocols: [openai-chat], api_key: ${providerKeys.local}, base_url: "${url}/v1", models: [wide-mock] }
`;

let mock: MockUpstream;
let gateway: TestGateway;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  const config = withMockUpstream(
    mock.url,
    "models: { many: { targets: [narrow/wide-mock, spare/wide-mock] } }\nlimits: { default: { concurrent: 40 } }",
  ).replace("model_provider_routes:", `${more(mock.url).trimEnd()}\nmodel_provider_routes:`);
  gateway = await startGateway({ config });
  await announcementsOver(mock, Object.keys(providerKeys).length + 2);
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

type Json = Record<string, unknown>;

async function limit(subject: string, limits: object): Promise<void> {
  const reply = await fetch(`${gateway.url}/api/v1/limits`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.adminKey}` },
    body: JSON.stringify({ subject, ...limits }),
  });
  assert.equal(reply.status, 200, await reply.text());
}

function ask(key: string, body: Json = {}, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "gpt-mock", messages: [{ role: "user", content: "Hello" }], max_tokens: 10, ...body }),
  });
}

async function statuses(answers: readonly Promise<Response>[]): Promise<number[]> {
  const replies = await Promise.all(answers);
  await Promise.all(replies.map((reply) => reply.text()));
  return replies.map(({ status }) => status);
}

function count(list: readonly number[], status: number): number {
  return list.filter((one) => one === status).length;
}

const openaiNames = [
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-limit-tokens",
  "x-ratelimit-remaining-tokens",
];

test("of 100 parallel requests on a limit of ten, ten are served; headers say what is left", async () => {
  const alice = await gateway.createKey("alice");
  await limit("alice", { requests_per_day: 10, tokens_per_day: 1_000_000 });
  const first = await ask(alice.key);
  await first.text();
  const seen = openaiNames.map((name) => first.headers.get(name));
  const reset = first.headers.get("x-ratelimit-reset-requests");
  assert.deepEqual([seen[0], seen[1], seen[2]], ["10", "9", "1000000"]);
  assert.ok(Number(seen[3]) < 1_000_000, seen[3]!);
  assert.match(reset!, /^2h2[34]m[\d.]+s$/);
  const rest = await statuses(Array.from({ length: 99 }, () => ask(alice.key)));
  assert.deepEqual([count(rest, 200), count(rest, 429)], [9, 90]);
  assert.equal(mock.requests.length, 10);
});

async function failureOf(answer: Promise<unknown>): Promise<unknown> {
  return await answer.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("a limit is a 429 in each dialect's words and headers, with a time to wait", async () => {
  const { key } = await gateway.createKey("bob");
  await limit("bob", { requests_per_minute: 1 });
  assert.equal((await ask(key)).status, 200);
  const options = { apiKey: key, maxRetries: 0 };
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, ...options });
  const anthropic = new Anthropic({ baseURL: `${gateway.url}/anthropic`, ...options });
  const google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: gateway.url } });
  const chat = await failureOf(openai.chat.completions.create({ model: "gpt-mock", messages: [{ role: "user", content: "Hello" }] }));
  const responses = await failureOf(openai.responses.create({ model: "gpt-mock", input: "Hello", stream: true }));
  const messages = await failureOf(
    anthropic.messages.create({ model: "claude-mock", max_tokens: 9, messages: [{ role: "user", content: "Hi" }] }),
  );
  const gemini = await failureOf(google.models.generateContent({ model: "gemini-mock", contents: "Hello" }));
  for (const error of [chat, responses]) {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.deepEqual([error.code, error.type], ["rate_limit_exceeded", "rate_limit_error"]);
    assert.match(error.message, /Rate limit reached for this user on requests per minute: limit 1\. Please try again in \d+s\./);
    const { headers } = error;
    assert.match(headers.get("retry-after")!, /^(?:[1-9]|[1-5]\d|60)$/);
    assert.deepEqual([headers.get("x-ratelimit-remaining-requests"), headers.get("x-should-retry")], ["0", null]);
  }
  assert.ok(messages instanceof Anthropic.RateLimitError);
  assert.equal(messages.type, "rate_limit_error");
  assert.deepEqual(
    ["limit", "remaining"].map((what) => messages.headers.get(`anthropic-ratelimit-requests-${what}`)),
    ["1", "0"],
  );
  assert.match(messages.headers.get("anthropic-ratelimit-requests-reset")!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(gemini instanceof ApiError);
  const { error } = JSON.parse(gemini.message) as { error: { status: string; details: { "@type": string; retryDelay?: string }[] } };
  assert.equal(error.status, "RESOURCE_EXHAUSTED");
  assert.match(error.details.find((detail) => detail["@type"].endsWith("RetryInfo"))!.retryDelay!, /^\d+s$/);
  const refused = (await gateway.rows()).filter(({ error_code: code }) => code === "limit_reached").slice(-4);
  assert.deepEqual(
    refused.map((row) => [row.attempt, row.status, row.http_status]),
    Array.from({ length: 4 }, () => [0, "refused", 429]),
  );
});

test("an SDK waits as long as it is asked to, and is served then", async () => {
  const { key, keyId } = await gateway.createKey("patient");
  await limit(keyId, { requests_per_minute: 60 });
  await statuses(Array.from({ length: 60 }, () => ask(key)));
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
  const answer = await openai.chat.completions.create({ model: "gpt-mock", messages: [{ role: "user", content: "Hello" }] }).withResponse();
  assert.equal(answer.response.status, 200);
});

test("failed and refused requests give back what they took, tokens are trued up", async () => {
  const { key, keyId } = await gateway.createKey("giver");
  await limit(keyId, { requests_per_day: 5, tokens_per_day: 10_000 });
  mock.enqueue({ trouble: { kind: "error", error: { status: 500 } } }, { trouble: { kind: "error", error: { status: 400 } } });
  const failed = await statuses([ask(key), ask(key)]);
  const unknown = await statuses([ask(key, { model: "nobody-has-it" })]);
  mock.enqueue({ text: ["Hi"], usage: { input: 100, output: 50 } }, { text: ["Hi"], usage: { input: 100, output: 50 } });
  const first = await ask(key, { max_tokens: 2000 });
  const reserved = Number(first.headers.get("x-ratelimit-remaining-tokens"));
  await first.text();
  const second = await ask(key, { max_tokens: 2000, stream: true });
  await second.text();
  const third = await ask(key, { max_tokens: 10 });
  await third.text();
  assert.deepEqual([failed.toSorted((a, b) => a - b), unknown], [[400, 500], [404]]);
  // What the answer's head says is from before its end.
  assert.ok(reserved < 8000, String(reserved));
  assert.equal(third.headers.get("x-ratelimit-remaining-requests"), "2");
  const left = Number(third.headers.get("x-ratelimit-remaining-tokens"));
  assert.ok(left > 9600 && left < 9700, String(left));
});

test("alias, dialect, another key of the user, keys that a key made, tags and the background do not lead around a limit", async () => {
  const parent = await gateway.createKey("parent");
  await limit(parent.keyId, { requests_per_day: 2 });
  const made = await fetch(`${gateway.url}/api/v1/me/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${parent.key}` },
    body: JSON.stringify({ name: "child" }),
  });
  const { key: child } = (await made.json()) as { key: string };
  const post = (path: string, key: string, body: Json): Promise<Response> =>
    fetch(`${gateway.url}${path}`, { method: "POST", headers: { "x-api-key": key }, body: JSON.stringify(body) });
  const messages = [{ role: "user", content: "Hello" }];
  const first = await statuses([
    ask(child),
    post("/v1/responses", parent.key, { model: "fast", input: "Hi", background: true, store: true }),
  ]);
  const around = await statuses([
    ask(child),
    ask(child, { model: "fast" }),
    ask(parent.key, { model: "clever" }),
    post("/anthropic/v1/messages", child, { model: "quick", max_tokens: 5, messages }),
    post("/v1beta/models/gemini-mock:generateContent", child, { contents: [{ parts: [{ text: "Hi" }] }] }),
    post("/v1/responses", child, { model: "fast", input: "Hi", background: true, store: true }),
    post("/v1/embeddings", child, { model: "text-embedding-mock", input: "Hi" }),
    post("/v1/messages/count_tokens", child, { model: "claude-mock", messages }),
    ask(child, { model: "loopback" }),
  ]);
  assert.deepEqual([first, around], [[200, 200], Array.from({ length: 9 }, () => 429)]);
});

test("a limit of a tag holds for all who have it, one of models for every name that leads to them", async () => {
  const [one, other] = [await gateway.createKey("tagged-1"), await gateway.createKey("tagged-2")] as [Caller, Caller];
  await gateway.gateway.accounts.updateUser("tagged-1", { tags: ["team:search"] });
  await gateway.gateway.accounts.updateUser("tagged-2", { tags: ["team:search"] });
  await limit("tag:team:search", { requests_per_day: 3 });
  const tagged = await statuses([ask(one.key), ask(one.key), ask(other.key)]);
  const more = await statuses([ask(one.key), ask(other.key), ask(one.key, {}, { "x-tokligence-tags": "other" })]);
  await limit("model:org/*", { requests_per_day: 2 });
  const free = await gateway.createKey("free");
  const named = await statuses([ask(free.key, { model: "nearby" }), ask(free.key, { model: "local/org/local-model" })]);
  const models = await statuses([ask(free.key, { model: "org/local-model" }), ask(free.key)]);
  assert.deepEqual(
    [tagged, more, named, models],
    [
      [200, 200, 200],
      [429, 429, 429],
      [200, 200],
      [429, 200],
    ],
  );
});

test("a provider's own quota is waited for up to a second, then the next target serves", async () => {
  const { key } = await gateway.createKey("quota");
  const gate = Promise.withResolvers<void>();
  mock.enqueue({ text: ["slow"], trouble: { kind: "hang", afterPieces: "headers", until: gate.promise } });
  const slow = ask(key, { model: "many", user: "first" });
  await mock.waitForRequests(1);
  const second = await ask(key, { model: "many" });
  await second.text();
  assert.deepEqual(
    [second.status, ...["provider", "attempts", "attempt-errors"].map((name) => second.headers.get(`x-tokligence-${name}`))],
    [200, "spare", "1", "limited narrow/wide-mock"],
  );
  const alone = ask(key, { model: "narrow/wide-mock" });
  setTimeout(() => gate.resolve(), 100);
  assert.deepEqual(await statuses([alone]), [200]);
  await (await slow).text();
});

test("limits are listed, changed and removed, and hold at once", async () => {
  const { key, keyId } = await gateway.createKey("changed");
  const call = async (method: string, path: string, as = gateway.adminKey): Promise<Json> => {
    const reply = await fetch(`${gateway.url}/api/v1${path}`, { method, headers: { authorization: `Bearer ${as}` } });
    return (await reply.json()) as Json;
  };
  await limit(keyId, { requests_per_day: 1 });
  const one = await statuses([ask(key), ask(key)]);
  await limit(keyId, { requests_per_day: 3, concurrent: 1 });
  await waitUntil("a request is served again", async () => (await statuses([ask(key)]))[0] === 200);
  const mine = await call("GET", "/me/limits", key);
  const { kind, subject, requests_per_day: perDay, concurrent } = (mine["data"] as Json[])[0]!;
  const removed = await call("DELETE", `/limits?subject=${keyId}`);
  const again = await call("DELETE", `/limits?subject=${keyId}`);
  const after = await statuses([ask(key), ask(key), ask(key)]);
  assert.deepEqual([one, kind, subject, perDay, concurrent], [[200, 429], "key", keyId, 3, 1]);
  assert.deepEqual([removed["subject"], (again["error"] as Json)["code"], after], [keyId, "not_found", [200, 200, 200]]);
});
