import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { JsonObject } from "../testbed/json.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { createRandom } from "../testbed/simulated-disk.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type TestGateway } from "./harness.ts";

/** A budget, a limit or a model restriction is never bypassed by failing over, an alias, another dialect, a background, a cached or a hedged response. */

/** It answers late: a second target is asked meanwhile, unless a budget has no room for both. */
let silent: MockUpstream;
let broken: MockUpstream;
let good: MockUpstream;
let gateway: TestGateway;
let lateMs = 60;
/** How long the good one takes for an answer. */
let takesMs = 0;
/** The gateway's clock stands still, so that no limit fills up meanwhile. */
const clock = { now: () => 1_790_000_000_000, monotonic: () => 1_000_000 };

const usage = { input: 5, cached: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 10, reasoning: 0 };

before(async () => {
  silent = await createMockUpstream({
    validate: false,
    choose: () => ({ text: ["Late."], usage, trouble: { kind: "hang", afterPieces: "headers", until: setTimeout(lateMs) } }),
  });
  broken = await createMockUpstream({ validate: false, choose: () => ({ trouble: { kind: "error", error: { status: 503 } } }) });
  good = await createMockUpstream({
    validate: false,
    choose: () => ({
      text: ["Well."],
      usage,
      ...(takesMs === 0 ? {} : { trouble: { kind: "hang", afterPieces: "headers", until: setTimeout(takesMs) } as const }),
    }),
  });
  const chat = (name: string, url: string, models: string): string =>
    `  ${name}: { protocols: [openai-chat], api_key: k, base_url: "${url}/v1", models: [${models}], probe: false }\n`;
  gateway = await startGateway({
    clock,
    logLevel: "error",
    config: `
response_cache: { enabled: true }
providers:
${chat("silent", silent.url, "quiet")}${chat("broken", broken.url, "wobbly")}${chat("good", good.url, "open, secret")}
  claude: { protocols: [anthropic-messages], api_key: k, base_url: "${good.url}", models: [claude-open, claude-secret], probe: false }
model_aliases: { nick: open, sly: secret, slyer: claude-secret }
models:
  hedged: { targets: [silent/quiet, claude/claude-open], hedge: 1ms }
  hedged-secret: { targets: [silent/quiet, claude/claude-secret, good/open], hedge: 1ms }
  falls: { targets: [broken/wobbly, claude/claude-secret, good/open] }
  hopeless: { targets: [broken/wobbly] }
fallbacks: { wobbly: [secret, claude-open], hopeless: [secret, open] }
routing: { retries: 0, retry_budget: 100%, breaker: { in_a_row: 1000, of: 1000, share: 100% } }
prices:
  ${["quiet", "wobbly", "open", "secret", "claude-open", "claude-secret"].map((model) => `${model}: { input: "100", output: "1000" }`).join("\n  ")}
`,
  });
});
after(async () => {
  await gateway.stop();
  for (const mock of [silent, broken, good]) await mock.close();
});

const allowed = ["open", "claude-open", "nick", "hedged", "hedged", "hedged", "hedged-secret", "falls", "hopeless", "wobbly"];
/** What the key may not call, by every name that leads there. */
const forbidden = ["secret", "claude-secret", "sly", "slyer", "good/secret", "claude/claude-secret"];
const names = [...allowed, ...forbidden];
const say = (content: string): JsonObject[] => [{ role: "user", content }];

interface Case {
  readonly path: string;
  readonly body: JsonObject;
  readonly headers: Record<string, string>;
}

/** One request of a random kind. */
function draw(random: () => number): Case {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const model = pick(names);
  // Few texts, so that some requests are repeated and answered from the cache.
  const content = `Hello ${pick([1, 2, 3])}`;
  const stream = random() < 0.3;
  const headers: Record<string, string> =
    random() < 0.2 ? { "x-tokligence-fallbacks": pick(["secret", "claude-secret, open", "sly"]) } : {};
  const others = random() < 0.2 ? { models: [pick(["secret", "slyer", "open"])] } : {};
  switch (pick(["chat", "messages", "responses", "background", "gemini"] as const)) {
    case "chat":
      return { path: "/v1/chat/completions", headers, body: { model, max_tokens: 10, messages: say(content), stream, ...others } };
    case "messages":
      return { path: "/v1/messages", headers, body: { model, max_tokens: 10, messages: say(content), stream, ...others } };
    case "responses":
      return { path: "/v1/responses", headers, body: { model, max_output_tokens: 10, input: content, store: false, stream, ...others } };
    case "background":
      return { path: "/v1/responses", headers, body: { model, max_output_tokens: 10, input: content, background: true } };
    case "gemini": {
      const method = stream ? "streamGenerateContent?alt=sse" : "generateContent";
      const contents = [{ role: "user", parts: [{ text: content }] }];
      return { path: `/v1beta/models/${model}:${method}`, headers, body: { contents, generationConfig: { maxOutputTokens: 10 } } };
    }
  }
}

async function send(key: string, { path, body, headers }: Case): Promise<{ readonly status: number; readonly cache: string | null }> {
  const reply = await fetch(gateway.url + path, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  const id = /^\{"id":"(resp_[^"]+)".*"status":"queued"/.exec(text)?.[1];
  if (id !== undefined) await waitUntil("the response in the background is over", () => isOver(key, id));
  return { status: reply.status, cache: reply.headers.get("x-tokligence-cache") };
}

async function isOver(key: string, id: string): Promise<boolean> {
  const reply = await fetch(`${gateway.url}/v1/responses/${id}`, { headers: { authorization: `Bearer ${key}` } });
  return /"status":"(?:completed|failed|incomplete)"/.test(await reply.text());
}

interface Bounds {
  /** US dollars. */
  readonly stop: number;
  readonly requests: number;
  /** At a time. */
  readonly concurrent?: number;
  /** 10 if omitted, of 4 requests each. */
  readonly rounds?: number;
  readonly width?: number;
}

/** The requests of one key, several at a time, within these bounds. */
async function run(seed: number, { stop, requests, concurrent, rounds = 10, width = 4 }: Bounds): Promise<Map<string, number>> {
  const { user } = await gateway.createKey();
  const models = ["*", "!*secret*", "hedged-secret"];
  const { key, id: keyId } = await gateway.gateway.accounts.createKey({ user: user.id, cache: "on", models });
  await call("/budgets", { subject: keyId, period: "total", stop_usd: String(stop) });
  await call("/limits", { subject: keyId, requests_per_minute: requests, ...(concurrent === undefined ? {} : { concurrent }) });
  const random = createRandom(seed);
  const seen = new Map<string, number>();
  const sent: Case[] = [];
  for (let round = 0; round < rounds; round++) {
    const cases = Array.from({ length: width }, () => draw(random));
    // An earlier request once more may be answered from the cache.
    const again = sent[Math.floor(random() * sent.length)];
    sent.push(...cases);
    const answers = await Promise.all([...cases, ...(again === undefined ? [] : [again])].map((one) => send(key, one)));
    for (const { status, cache } of answers) {
      for (const what of [String(status), ...(cache === "hit" ? ["cached"] : [])]) seen.set(what, (seen.get(what) ?? 0) + 1);
    }
  }
  const rows = (await gateway.rows()).filter(({ key_id }) => key_id === keyId);
  const note = (what: string, isSeen: boolean): void => {
    if (isSeen) seen.set(what, (seen.get(what) ?? 0) + 1);
  };
  for (const row of rows) {
    note("hedged", row.attempt_reason === "hedge" && row.status === "ok");
    note("failed over", row.attempt > 1 && row.status === "ok" && row.attempt_reason !== "hedge");
  }
  // The budget: what the key has cost, cancelled attempts included.
  const spent = rows.reduce((sum, row) => sum + Number(row.cost_nano_usd ?? 0), 0) / 1e9;
  assert.ok(spent <= stop, `seed ${seed}: ${spent} of ${stop} US dollars`);
  // The limit: requests that were admitted and not given back, answers from the cache included.
  const served = new Set(rows.filter(({ status }) => status === "ok").map(({ request_id }) => request_id));
  assert.ok(served.size <= requests, `seed ${seed}: ${served.size} of ${requests} requests`);
  // The models: nothing of the key has reached what its list excludes.
  const asked = rows.filter(({ attempt }) => attempt > 0).map((row) => row.upstream_model ?? row.model_asked);
  assert.deepEqual(
    asked.filter((model) => model.includes("secret")),
    [],
    `seed ${seed}`,
  );
  return seen;
}

async function call(path: string, body: object): Promise<void> {
  const reply = await fetch(`${gateway.url}/api/v1${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.adminKey}` },
    body: JSON.stringify(body),
  });
  assert.ok(reply.ok, await reply.text());
}

test("a budget, a limit or a model restriction is never bypassed by failing over, an alias, another dialect, a background, a cached or a hedged response", async (t) => {
  const all = new Map<string, number>();
  const bounds: readonly Bounds[] = [
    { stop: 0.1, requests: 1000 },
    { stop: 1000, requests: 15 },
    { stop: 1000, requests: 1000 },
  ];
  for (const [index, bound] of bounds.entries()) {
    for (const [what, count] of await run(index + 1, bound)) all.set(what, (all.get(what) ?? 0) + count);
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(all)));
  // Each way was taken, and each of the three has refused something.
  for (const what of ["200", "402", "403", "429", "cached", "hedged", "failed over"]) assert.ok((all.get(what) ?? 0) > 0, what);
  assert.equal(all.get("500"), undefined);
  const sent = [...good.requests, ...silent.requests].map(({ url, body }) => `${url} ${body.toString()}`);
  assert.deepEqual(
    sent.filter((request) => request.includes("secret")),
    [],
  );
});

/** The most requests that the good server has had at a time, since it had this number. */
function mostAtATime(since: number, isCounted: (url: string) => boolean): number {
  const spans = good.requests.slice(since).filter(({ url }) => isCounted(url));
  return Math.max(
    ...spans.map(
      ({ receivedAtMs: atMs }) => spans.filter((other) => other.receivedAtMs <= atMs && (other.end?.atMs ?? Infinity) > atMs).length,
    ),
  );
}

const isClaude = (url: string): boolean => url.startsWith("/v1/messages");

test("the requests that a key, a provider or a model may have at a time, and what a provider may cost, are never exceeded in one of these ways either", async () => {
  const wide: Bounds = { stop: 1000, requests: 1000, rounds: 2, width: 16 };
  takesMs = 15;
  const plain = good.requests.length;
  await run(4, wide);
  assert.ok(mostAtATime(plain, () => true) > 2, "without limits more come at a time");
  const ofKey = good.requests.length;
  const seen = await run(5, { ...wide, concurrent: 2 });
  assert.ok(mostAtATime(ofKey, () => true) <= 2 && (seen.get("429") ?? 0) > 0);

  const subjects = ["provider:good", "provider:claude", "model:claude-open"];
  for (const subject of subjects) await callAdmin(gateway, "limits.set", { body: { subject, concurrent: 1 } });
  const ofProviders = good.requests.length;
  await run(6, wide);
  assert.deepEqual([mostAtATime(ofProviders, isClaude), mostAtATime(ofProviders, (url) => !isClaude(url))], [1, 1]);
  for (const subject of subjects) await callAdmin(gateway, "limits.remove", { query: { subject } });

  const before = await spentBy("claude");
  const { id } = await callAdmin(gateway, "budgets.set", {
    body: { subject: "provider:claude", period: "total", stop_usd: String(before + 0.05) },
  });
  takesMs = 0;
  await run(7, wide);
  const spent = (await spentBy("claude")) - before;
  assert.ok(spent > 0 && spent <= 0.05, `${spent} US dollars`);
  await callAdmin(gateway, "budgets.remove", { param: id });
});

async function spentBy(name: string): Promise<number> {
  const rows = (await gateway.rows()).filter(({ provider }) => provider === name);
  return rows.reduce((sum, { cost_nano_usd: cost }) => sum + Number(cost ?? 0), 0) / 1e9;
}

const askIn: Readonly<Record<string, (model: string, stream: boolean) => readonly [path: string, body: JsonObject]>> = {
  chat: (model, stream) => ["/v1/chat/completions", { model, max_tokens: 10, messages: say("Hello"), stream }],
  responses: (model, stream) => ["/v1/responses", { model, max_output_tokens: 10, input: "Hello", store: false, stream }],
  messages: (model, stream) => ["/v1/messages", { model, max_tokens: 10, messages: say("Hello"), stream }],
  gemini: (model, stream) => [
    `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    { contents: [{ role: "user", parts: [{ text: "Hello" }] }], generationConfig: { maxOutputTokens: 10 } },
  ],
};
const ways = Object.keys(askIn).flatMap((dialect) => [false, true].map((stream) => ({ dialect, stream })));

/** Status, attempts, and whose words the answer has. */
async function ask(key: string, { dialect, stream }: (typeof ways)[number], model: string): Promise<string> {
  const [path, body] = askIn[dialect]!(model, stream);
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const reply = await fetch(gateway.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return `${reply.status} ${reply.headers.get("x-tokligence-attempts") ?? "none"} ${/Late|Well/.exec(await reply.text())?.[0] ?? "-"}`;
}

test("a budget with room for one attempt pays for one: no second target is asked, in each dialect, and the next request is refused", async () => {
  const asked = good.requests.length;
  await Promise.all(
    ways.map(async (way) => {
      const { key, keyId } = await gateway.createKey();
      // An attempt costs 0.0105 dollars, and at most 0.0145 are reserved for one.
      await call("/budgets", { subject: keyId, period: "total", stop_usd: "0.015" });
      assert.deepEqual([await ask(key, way, "hedged"), await ask(key, way, "hedged")], ["200 1 Late", "402 0 -"], JSON.stringify(way));
    }),
  );
  assert.equal(good.requests.length, asked);
});

test("a request with two attempts takes one place of its key, and gives one back", async () => {
  takesMs = 60;
  lateMs = 300;
  const [first, second] = ways;
  const { key, keyId } = await gateway.createKey();
  await callAdmin(gateway, "limits.set", { body: { subject: keyId, concurrent: 1 } });
  for (let round = 0; round < 2; round++) {
    const known = good.requests.length;
    const hedged = ask(key, first!, "hedged");
    await good.waitForRequests(known + 1);
    assert.equal(await ask(key, second!, "open"), "429 0 -");
    assert.equal(await hedged, "200 2 Well");
  }
  assert.equal(await ask(key, second!, "open"), "200 1 Well");
  takesMs = 0;
  lateMs = 60;
});

test("a second target whose provider has no place free, or no money left, is not asked: the first one answers", async () => {
  takesMs = 250;
  const { key } = await gateway.createKey();
  await callAdmin(gateway, "limits.set", { body: { subject: "provider:claude", concurrent: 1 } });
  const known = good.requests.length;
  const taken = ask(key, ways[0]!, "claude-open");
  await good.waitForRequests(known + 1);
  assert.equal(await ask(key, ways[1]!, "hedged"), "200 1 Late");
  assert.equal(await taken, "200 1 Well");
  await callAdmin(gateway, "limits.remove", { query: { subject: "provider:claude" } });
  takesMs = 0;
  const { id } = await callAdmin(gateway, "budgets.set", { body: { subject: "provider:claude", period: "total", stop_usd: "0.000001" } });
  assert.deepEqual(
    await Promise.all(ways.map((way) => ask(key, way, "hedged"))),
    Array.from({ length: 8 }, () => "200 1 Late"),
  );
  await callAdmin(gateway, "budgets.remove", { param: id });
  assert.equal(await ask(key, ways[0]!, "hedged"), "200 2 Well");
});
