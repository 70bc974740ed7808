import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { JsonObject } from "../testbed/json.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { startGateway } from "./harness.ts";

let elapsedMs = 0;
const clock = { now: () => Date.now() + elapsedMs, monotonic: () => performance.now() + elapsedMs };
let upstream: MockUpstream;
let gateway: TestGateway;
let caller: Caller;

before(async () => {
  upstream = await createMockUpstream();
  gateway = await startGateway({
    clock,
    config: `
response_cache: { enabled: true, lifetime: 10m, max_size: 4MiB }
providers:
  openai: { api_key: sk-one, base_url: "${upstream.url}/v1", models: [gpt-5, gpt-5-mini] }
  anthropic: { api_key: sk-ant-two, base_url: "${upstream.url}" }
  google: { api_key: AIza-three, base_url: "${upstream.url}" }
models:
  both: { targets: [openai/gpt-5, openai/gpt-5-mini] }
`,
  });
  caller = await cachedKey("alice");
});
after(async () => {
  await gateway.stop();
  await upstream.close();
});
afterEach(() => {
  upstream.reset();
});

async function cachedKey(username: string, models?: readonly string[]): Promise<Caller> {
  const { user } = await gateway.createKey(username);
  const made = await gateway.gateway.accounts.createKey({ user: user.id, cache: "on", ...(models === undefined ? {} : { models }) });
  return { user, key: made.key, keyId: made.id };
}

interface Got {
  readonly status: number;
  readonly cache: string | null;
  readonly type: string | null;
  readonly text: string;
}

async function ask(path: string, body: JsonObject, key = caller.key, headers: Record<string, string> = {}): Promise<Got> {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, cache: response.headers.get("x-tokligence-cache"), type: response.headers.get("content-type"), text };
}

const say = (content: string): JsonObject[] => [{ role: "user", content }];
const chat = (content: string, more: JsonObject = {}): Promise<Got> =>
  ask("/v1/chat/completions", { model: "gpt-5", messages: say(content), ...more });

const dialects: Readonly<Record<string, (content: string, model: string, stream: boolean) => Promise<Got>>> = {
  Chat: (content, model, stream) => ask("/v1/chat/completions", { model, messages: say(content), stream }),
  Responses: (content, model, stream) => ask("/v1/responses", { model, input: content, store: false, stream }),
  Anthropic: (content, model, stream) => ask("/v1/messages", { model, max_tokens: 100, messages: say(content), stream }),
  Gemini: (content, model, stream) =>
    ask(`/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`, {
      contents: [{ role: "user", parts: [{ text: content }] }],
    }),
};

for (const [dialect, send] of Object.entries(dialects)) {
  for (const model of ["gpt-5", "claude-sonnet-4-6", "gemini-2.5-flash"]) {
    test(`${dialect} to ${model}: an equal request is answered from the cache, in the same form and in the other`, async () => {
      for (const stream of [false, true]) {
        const content = `${dialect} ${model} ${stream}`;
        const first = await send(content, model, stream);
        const again = await send(content, model, stream);
        const other = await send(content, model, !stream);
        assert.deepEqual([first.status, again.status, other.status], [200, 200, 200], other.text);
        assert.deepEqual([first.cache, again.cache, other.cache], ["miss", "hit", "hit"]);
        assert.deepEqual([again.text, again.type], [first.text, first.type]);
        assert.match(other.type ?? "", stream ? /^application\/json/ : /^text\/event-stream/);
        assert.equal(upstream.requests.filter(({ method }) => method === "POST").length, 1);
        upstream.reset();
      }
    });
  }
}

test("a hit has a row of its own that costs nothing and says so, and uses no tokens", async () => {
  const [first, again] = [await chat("row"), await chat("row")];
  assert.deepEqual([first.cache, again.cache], ["miss", "hit"]);
  const [made, hit] = (await gateway.rows()).slice(-2);
  assert.ok(made !== undefined && hit !== undefined && made.cost_nano_usd !== null && made.cost_nano_usd > 0);
  assert.deepEqual(
    [hit.status, hit.attempt, hit.provider, hit.lane, hit.from_cache, hit.cost_nano_usd, hit.cache_savings_nano_usd, hit.input_tokens],
    ["ok", 1, "openai", "cached", 1, 0, made.cost_nano_usd, null],
  );
  assert.equal(made.from_cache, null);
});

test("other words, another user's key, a key without cache, and an answer that is too old: each is asked for anew", async () => {
  await chat("words");
  assert.equal((await chat("other words")).cache, "miss");
  assert.equal((await chat("words", { temperature: 0.5 })).cache, "miss");
  const bob = await cachedKey("bob");
  assert.equal((await ask("/v1/chat/completions", { model: "gpt-5", messages: say("words") }, bob.key)).cache, "miss");
  const plain = await gateway.createKey("alice");
  assert.equal((await ask("/v1/chat/completions", { model: "gpt-5", messages: say("words") }, plain.key)).cache, null);
  assert.equal((await chat("words")).cache, "hit");
  elapsedMs += 600_000;
  assert.equal((await chat("words")).cache, "miss");
});

test("another key of the same user gets the answer, unless it may not call the model that made it", async () => {
  const body = { model: "both", messages: say("keys") };
  await ask("/v1/chat/completions", body);
  const second = await cachedKey("alice");
  assert.equal((await ask("/v1/chat/completions", body, second.key)).cache, "hit");
  const limited = await cachedKey("alice", ["both", "!gpt-5"]);
  assert.equal((await ask("/v1/chat/completions", body, limited.key)).cache, "miss");
  const forbidden = await cachedKey("alice", ["claude-*"]);
  assert.equal((await ask("/v1/chat/completions", body, forbidden.key)).status, 403);
});

test("a budget that is used up refuses a request although its answer is in the cache", async () => {
  const carol = await cachedKey("carol");
  const body = { model: "gpt-5", messages: say("budget") };
  assert.equal((await ask("/v1/chat/completions", body, carol.key)).cache, "miss");
  const made = await fetch(`${gateway.url}/api/v1/budgets`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ user: "carol", period: "total", stop_usd: "0.000001" }),
  });
  assert.ok(made.ok, await made.text());
  assert.equal((await ask("/v1/chat/completions", body, carol.key)).status, 402);
});

test("cache-control: no-store keeps nothing, no-cache asks anew and keeps the new answer", async () => {
  const body = { model: "gpt-5", messages: say("control") };
  assert.equal((await ask("/v1/chat/completions", body, caller.key, { "cache-control": "no-store" })).cache, null);
  const first = await ask("/v1/chat/completions", body, caller.key, { "cache-control": "no-cache" });
  const second = await ask("/v1/chat/completions", body, caller.key, { "cache-control": "no-cache" });
  assert.deepEqual([first.cache, second.cache], ["miss", "miss"]);
  assert.equal((await ask("/v1/chat/completions", body)).text, second.text);
});

test("only whole and good answers are kept, and none with what the provider searched or stores", async () => {
  upstream.enqueue({ trouble: { kind: "error", error: { status: 400 } } });
  assert.equal((await chat("bad")).status, 400);
  assert.equal((await chat("bad")).cache, "miss");
  upstream.enqueue({ text: ["half"], trouble: { kind: "cut", afterPieces: 1 } });
  await chat("cut", { stream: true });
  assert.equal((await chat("cut", { stream: true })).cache, "miss");
  upstream.enqueue({ refusal: "No.", stop: "filter" });
  await chat("filtered");
  assert.equal((await chat("filtered")).cache, "miss");
  const uncached: Readonly<Record<string, () => Promise<Got>>> = {
    "a server's tool": () =>
      ask("/v1/messages", {
        model: "claude-sonnet-4-6",
        max_tokens: 9,
        messages: say("x"),
        tools: [{ type: "web_search_20250305", name: "web_search" }],
      }),
    "a search option": () => chat("x", { web_search_options: {} }),
    "a response that is stored": () => ask("/v1/responses", { model: "gpt-5", input: "x" }),
    "a model that searches": () => ask("/v1/chat/completions", { model: "openai/gpt-5-search-api", messages: say("x") }),
    "a cached content": () =>
      ask("/v1beta/models/gemini-2.5-flash:generateContent", { contents: [{ parts: [{ text: "x" }] }], cachedContent: "cachedContents/1" }),
  };
  for (const [what, send] of Object.entries(uncached)) {
    assert.equal((await send()).cache, null, what);
    assert.equal((await send()).cache, null, what);
  }
});

test("embeddings are kept, too", async () => {
  const body = { model: "openai/text-embedding-3-small", input: "text" };
  const [first, again] = [await ask("/v1/embeddings", body), await ask("/v1/embeddings", body)];
  assert.deepEqual([first.cache, again.cache], ["miss", "hit"]);
  assert.equal(again.text, first.text);
});
