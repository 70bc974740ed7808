import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Secret } from "../../src/core/index.ts";
import { GeminiCaches, serveGeminiCaches } from "../testbed/gemini-caches.ts";
import { asObjects, type JsonObject } from "../testbed/json.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { startGateway, type Caller, type GatewayOptions, type TestGateway } from "./harness.ts";

const model = "gemini-3.8-flash";
const caches = new GeminiCaches(() => Date.now());
let served: Awaited<ReturnType<typeof serveGeminiCaches>>;
let gateway: TestGateway;

function options(): GatewayOptions {
  const provider = { enabled: true, preset: "google", baseUrl: served.url, keys: [new Secret("AIza-1")], hasContextCaches: true };
  return {
    config: `
prices:
  ${model}: { input: "0.75", output: "3.75", cache_read: "0.075", cache_storage: "0.5" }
`,
    providers: [
      { name: "vendor", ...provider },
      { name: "written", ...provider, caching: "auto" },
    ],
  };
}

before(async () => {
  served = await serveGeminiCaches(caches);
  gateway = await startGateway(options());
});
after(async () => {
  await gateway.stop();
  await served.close();
});

const words = (seed: string, tokens: number): string => `${seed} `.repeat(Math.ceil((tokens * 4) / (seed.length + 1)));

/** A conversation in Chat with this number of turns of its user. */
function chat(turns: number, name = "document"): JsonObject {
  return {
    messages: [
      { role: "system", content: words("You help.", 500) },
      ...Array.from({ length: turns * 2 - 1 }, (_, at) =>
        at % 2 === 0
          ? { role: "user", content: at === 0 ? words(name, 8000) : `turn ${at}` }
          : { role: "assistant", content: "The answer." },
      ),
    ],
  };
}

async function ask(path: string, { key }: Caller, body: JsonObject, { url }: TestGateway = gateway): Promise<JsonObject> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "x-tokligence-tags": "team:search" },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as JsonObject;
}

const askChat = (caller: Caller, turns: number, at?: TestGateway): Promise<JsonObject> =>
  ask("/v1/chat/completions", caller, { model: `vendor/${model}`, ...chat(turns) }, at);

const rowsOf = async ({ keyId }: Caller) => (await gateway.rows()).filter((row) => row.key_id === keyId);

test("a translated conversation is kept by the vendor after its second turn, without its client waiting; the entry of the cache is its key's, and later ones read it", async () => {
  const caller = await gateway.createKey();
  let open = (): void => undefined;
  served.gate = new Promise((resolve) => (open = resolve));
  for (const turns of [1, 2]) await askChat(caller, turns);
  open();
  const made = await waitUntil("the cache's entry", async () => (await rowsOf(caller)).find(({ lane }) => lane === "context-cache"));
  await askChat(caller, 3);
  const last = await waitUntil("the last entry", async () => (await rowsOf(caller))[3]);
  const [sent] = caches.calls.slice(-1);
  assert.deepEqual(
    [Object.keys(sent!.body).toSorted(), sent!.body["cachedContent"], asObjects(sent!.body["contents"]).length],
    [["cachedContent", "contents"], "cachedContents/c1", 2],
  );
  const tokens = Number(made.input_tokens);
  const tokenHours = Math.ceil(tokens / 12);
  assert.deepEqual(
    [made.user_id, made.status, made.provider, made.model_served, made.dialect, made.protocol, made.tags, made.units, made.cost_nano_usd],
    [
      caller.user.id,
      "ok",
      "vendor",
      model,
      "openai-chat",
      "gemini-generate",
      '["team:search"]',
      JSON.stringify({ cache_storage: tokenHours }),
      tokens * 750 + tokenHours * 500,
    ],
  );
  assert.deepEqual([caches.bill.created, caches.bill.tokenHours, last.cache_read_tokens, last.status], [tokens, tokenHours, tokens, "ok"]);
  const response = await fetch(`${gateway.url}/api/v1/usage/entries?user=${caller.user.username}`, {
    headers: { authorization: `Bearer ${gateway.adminKey}` },
  });
  const entries = asObjects(((await response.json()) as JsonObject)["entries"]);
  const saved = entries
    .map(({ cache_savings_usd: usd }) => Number(usd ?? 0))
    .filter((usd) => usd !== 0)
    .toSorted((a, b) => a - b);
  assert.deepEqual(saved, [-Number(made.cost_nano_usd) / 1e9, (tokens * 675) / 1e9]);
});

test("in Gemini's own protocol prompts are kept only where the file says caching: auto", async () => {
  const body = (turns: number): JsonObject => ({
    systemInstruction: { parts: [{ text: words("You help.", 500) }] },
    contents: Array.from({ length: turns * 2 - 1 }, (_, at) => ({
      role: at % 2 === 0 ? "user" : "model",
      parts: [{ text: at === 0 ? words("own", 8000) : `turn ${at}` }],
    })),
  });
  for (const [provider, count] of [
    ["vendor", 0],
    ["written", 1],
  ] as const) {
    const caller = await gateway.createKey();
    const before = caches.cacheCalls.length;
    for (const turns of [1, 2]) await ask(`/v1beta/models/${provider}/${model}:generateContent`, caller, body(turns));
    if (count > 0) await waitUntil("a cache", async () => (await rowsOf(caller)).length === 3);
    await ask(`/v1beta/models/${provider}/${model}:generateContent`, caller, body(3));
    assert.equal(caches.cacheCalls.length - before, count, provider);
    assert.equal("cachedContent" in caches.calls.at(-1)!.body, count > 0, provider);
  }
});

test("another gateway on the same database refers to the cache that this one has made, and pays for none", async () => {
  const caller = await gateway.createKey();
  for (const turns of [1, 2]) await askChat(caller, turns);
  await waitUntil(
    "the cache is there",
    async () => (await gateway.sql("select name from context_caches where key_id = ?", caller.keyId))[0]?.["name"],
  );
  const made = caches.cacheCalls.length;
  const other = await startGateway({ ...options(), database: gateway.database });
  try {
    for (const turns of [1, 2]) await askChat(caller, turns, other);
    let turns = 3;
    await waitUntil("it has found the cache", async () => {
      await askChat(caller, turns++, other);
      return "cachedContent" in caches.calls.at(-1)!.body;
    });
    assert.equal(caches.cacheCalls.length, made);
  } finally {
    await other.stop();
  }
});

test("a cache that is being made as the gateway ends keeps it from nothing, and is an entry", async () => {
  const ending = await startGateway(options());
  const caller = await ending.createKey();
  const { promise, resolve } = Promise.withResolvers<void>();
  served.gate = promise;
  for (const turns of [1, 2]) await askChat(caller, turns, ending);
  await waitUntil("the cache is asked for", () => ending.gateway.ledger.status().open === 1);
  await ending.drain(0);
  const rows = await ending.sql(
    "select status, error_code, usage_source, cost_nano_usd > 0 as is_paid from usage_entries where lane = 'context-cache'",
  );
  assert.deepEqual({ ...rows[0] }, { status: "interrupted", error_code: "shutting_down", usage_source: "estimated", is_paid: 1 });
  assert.ok(!/failed inside the gateway/.test(await ending.logText()));
  await ending.stop();
  resolve();
  served.gate = undefined;
});
