import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import { sendRaw } from "./raw-http.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  caller = await gateway.createKey("alice");
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

const messages = [{ role: "user", content: "hi" }];
const contents = [{ role: "user", parts: [{ text: "hi" }] }];

/** A route of each operation, with the model's name put in. */
const routes: readonly (readonly [model: string, path: (model: string) => string, body: (model: string) => object])[] = [
  ["gpt-mock", () => "/v1/chat/completions", (model) => ({ model, messages })],
  ["gpt-mock", () => "/v1/responses", (model) => ({ model, input: "hi" })],
  ["gpt-mock", () => "/v1/responses/input_tokens", (model) => ({ model, input: "hi" })],
  ["claude-mock", () => "/v1/messages", (model) => ({ model, max_tokens: 5, messages })],
  ["claude-mock", () => "/v1/messages/count_tokens", (model) => ({ model, messages })],
  ["gemini-mock", (model) => `/v1beta/models/${model}:generateContent`, () => ({ contents })],
  ["gemini-mock", (model) => `/v1beta/models/${model}:streamGenerateContent`, () => ({ contents })],
  ["gemini-mock", (model) => `/v1beta/models/${model}:countTokens`, () => ({ contents })],
  ["text-embedding-mock", () => "/v1/embeddings", (model) => ({ model, input: "hi" })],
  // Translated: to a provider of another protocol.
  ["claude-mock", () => "/v1/chat/completions", (model) => ({ model, messages })],
  ["gpt-mock", (model) => `/v1beta/models/${model}:generateContent`, () => ({ contents })],
];

/** All that the gateway has sent, kept and said, in one text. */
async function traces(): Promise<string> {
  const metrics = await fetch(`${gateway.url}/metrics`);
  const sent = mock.requests.map(({ url, rawHeaders, body }) => [url, rawHeaders, body.toString()]);
  const tables = await Promise.all(
    ["usage_entries", "usage_sums", "usage_tag_sums", "stored_responses"].map((table) => gateway.sql(`select * from ${table}`)),
  );
  return JSON.stringify([await gateway.rows(), tables, sent, await gateway.logText(), await metrics.text()]);
}

async function assertNoTrace(): Promise<void> {
  const text = await traces();
  const at = text.indexOf(caller.key.slice(4, 24));
  assert.equal(at, -1, text.slice(Math.max(0, at - 100), at + 60));
}

test("a key in a query goes to no provider, under whatever name and behind whatever escapes; the rest of the query does", async () => {
  const escaped = `%74ok%5F${caller.key.slice(4)}`;
  const pairs = [
    `Key=${caller.key}`,
    `api_key=${caller.key}`,
    `access_token=${caller.key}`,
    `x=Bearer+${caller.key}`,
    `x=${escaped}`,
    `x=${encodeURIComponent(escaped)}`,
    `x=%zz${escaped}`,
    `%61pi_key=${escaped}`,
    caller.key,
    `${caller.key}=x`,
  ];
  for (const [model, path, body] of routes) {
    const query = pairs.join("&");
    const headers = ["x-api-key", caller.key, "content-type", "application/json"];
    const { status } = await sendRaw(gateway.url, { path: `${path(model)}?a=%20b&${query}&c`, headers, body: JSON.stringify(body(model)) });
    assert.equal(status, 200, path(model));
  }
  const forwarded = mock.requests.filter(({ url }) => url.includes("a=%20b"));
  assert.equal(forwarded.length, 9);
  for (const { url } of forwarded) assert.ok(url.endsWith("?a=%20b&c"), url);
  await assertNoTrace();
});

test("a header with a key in it stays behind; its neighbours go on", async () => {
  const names = [
    "user-agent",
    "idempotency-key",
    "x-request-id",
    "x-client-request-id",
    "openai-organization",
    "anthropic-beta",
    "x-goog-api-client",
  ];
  for (const [model, path, body] of routes) {
    const suspects = names.flatMap((name) => [name, `${"x".repeat(190)} ${caller.key}`]);
    const headers = ["authorization", `Bearer ${caller.key}`, "traceparent", "00-1-2-03", ...suspects];
    const { status } = await sendRaw(gateway.url, { path: path(model), headers, body: JSON.stringify(body(model)) });
    assert.equal(status, 200, path(model));
  }
  const forwarded = mock.requests.filter(({ headers }) => headers["traceparent"] === "00-1-2-03");
  assert.equal(forwarded.length, routes.length);
  await assertNoTrace();
});

test("a key as a model's name is refused in each dialect, and neither repeated nor kept", async () => {
  for (const name of [caller.key, `openai/${caller.key}`, `${caller.key}:online`]) {
    for (const [, path, body] of routes) {
      const headers = { authorization: `Bearer ${caller.key}` };
      const reply = await fetch(gateway.url + path(name), { method: "POST", headers, body: JSON.stringify(body(name)) });
      assert.deepStrictEqual([path("M"), reply.status], [path("M"), 404]);
      assert.doesNotMatch(await reply.text(), /tok_/);
    }
  }
  const others = [`/v1/models/${caller.key}`, `/v1/responses/${caller.key}`, `/none/${caller.key}`, `/none/%74ok_${caller.key.slice(4)}`];
  for (const path of [...others, `/api/v1/usage?${caller.key}=1`, `/api/v1/keys/${caller.key}`]) {
    const reply = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
    assert.ok(reply.status >= 400 || path.includes("?"), path);
    assert.ok(!(await reply.text()).includes(caller.key.slice(4, 24)), path);
  }
  assert.equal(mock.requests.length, 0);
  await assertNoTrace();
});

test("a key as a tag, as a user's name or as a key's is refused, as these are stored", async () => {
  const post = async (path: string, body: object, more: Record<string, string> = {}): Promise<number> => {
    const headers = { authorization: `Bearer ${gateway.adminKey}`, ...more };
    const reply = await fetch(gateway.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok(!(await reply.text()).includes(caller.key.slice(4, 24)));
    return reply.status;
  };
  assert.deepStrictEqual(
    [
      await post("/v1/chat/completions", { model: "loopback", messages }, { "x-tokligence-tags": `a, ${caller.key}` }),
      await post("/api/v1/users", { username: `a-${caller.key}` }),
      await post("/api/v1/users", { username: "carol", email: `${caller.key}@example.org` }),
      await post("/api/v1/keys", { user: "alice", name: caller.key }),
      await post("/api/v1/keys", { user: "alice", models: [caller.key] }),
    ],
    [400, 400, 400, 400, 400],
  );
  await assertNoTrace();
});
