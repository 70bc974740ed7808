import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { ClaudeCache } from "../testbed/claude-cache.ts";
import { asObjects, type JsonObject } from "../testbed/json.ts";
import type { TestGateway } from "./harness.ts";
import { startGateway } from "./harness.ts";

/** Sonnet 4.6 does not cache shorter prompts. */
const minTokens = 1024;
const model = "claude-sonnet-4-6";

let elapsedMs = 0;
const clock = { now: () => Date.now() + elapsedMs, monotonic: () => performance.now() + elapsedMs };
let upstream: MockUpstream;
let gateway: TestGateway;

before(async () => {
  const cache = new ClaudeCache(() => clock.monotonic(), minTokens);
  upstream = await createMockUpstream({
    choose: ({ body, url }, facts) => {
      const isClaude = url.startsWith("/v1/messages");
      const usage = { ...(isClaude ? cache.bill(JSON.parse(body.toString()) as JsonObject) : { input: 9 }), output: 60 };
      const [tool] = facts?.tools ?? [];
      if (tool === undefined) return { text: ["The answer."], usage };
      return { text: ["Let me look."], toolCalls: [{ name: tool.name, arguments: { command: "ls" } }], stop: "tool", usage };
    },
  });
  gateway = await startGateway({
    clock,
    config: `
providers:
  auto: { preset: anthropic, api_key: sk-ant-one, base_url: "${upstream.url}" }
  off: { preset: anthropic, api_key: sk-ant-two, base_url: "${upstream.url}", caching: off }
  marked: { preset: anthropic, api_key: sk-ant-three, base_url: "${upstream.url}", caching: auto }
  client: { preset: anthropic, api_key: sk-ant-four, base_url: "${upstream.url}", caching: client }
  openai: { api_key: sk-five, base_url: "${upstream.url}/v1" }
  google: { api_key: AIza-six, base_url: "${upstream.url}" }
models:
  unmarked: { targets: [auto/${model}], caching: off }
prices:
  ${model}: { input: "3", output: "15", cache_read: "0.3", cache_write_5m: "3.75", cache_write_1h: "6" }
`,
  });
});
after(async () => {
  await gateway.stop();
  await upstream.close();
});

const words = (seed: string, tokens: number): string => `${seed} `.repeat(Math.ceil((tokens * 4) / (seed.length + 1)));
const schema = { type: "object", properties: { command: { type: "string", description: words("a shell command", 150) } } };
const toolNames = Array.from({ length: 20 }, (_, at) => `tool_${at}`);

/** How an agent sends its requests, and what it adds to the next one. */
interface Agent {
  readonly path: string;
  first(name: string): JsonObject;
  /** The request after an answer, with the result of the tool that it calls. */
  next(request: JsonObject, answer: JsonObject, result: string): JsonObject;
}

const codex: Agent = {
  path: "/v1/responses",
  first: (name) => ({
    instructions: words("You are Codex, a coding agent.", 5000),
    input: [
      { type: "message", role: "developer", content: [{ type: "input_text", text: words("sandbox rules", 800) }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: words(name, 600) }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "Find the fault." }] },
    ],
    tools: toolNames.map((tool) => ({ type: "function", name: tool, parameters: schema, strict: false })),
    store: false,
    prompt_cache_key: name,
  }),
  next: (request, answer, result) => {
    const output = asObjects(answer["output"]);
    const results = output
      .filter(({ type }) => type === "function_call")
      .map(({ call_id: id }) => ({ type: "function_call_output", call_id: id, output: result }));
    return { ...request, input: [...asObjects(request["input"]), ...output, ...results] };
  },
};

const opencode: Agent = {
  path: "/v1/chat/completions",
  first: (name) => ({
    messages: [
      { role: "system", content: words("You are opencode.", 3000) },
      { role: "user", content: `${words(name, 500)} Find the fault.` },
    ],
    tools: toolNames.map((tool) => ({ type: "function", function: { name: tool, parameters: schema } })),
    max_completion_tokens: 32_000,
  }),
  next: (request, answer, result) => {
    const message = asObjects(answer["choices"])[0]!["message"] as JsonObject;
    const results = asObjects(message["tool_calls"]).map(({ id }) => ({ role: "tool", tool_call_id: id, content: result }));
    return { ...request, messages: [...asObjects(request["messages"]), message, ...results] };
  },
};

const geminiCli: Agent = {
  path: "/v1beta/models/MODEL:generateContent",
  first: (name) => ({
    systemInstruction: { parts: [{ text: words("You are Gemini CLI.", 4000) }] },
    contents: [{ role: "user", parts: [{ text: words(name, 400) }, { text: "Find the fault." }] }],
    tools: [{ functionDeclarations: toolNames.map((tool) => ({ name: tool, parametersJsonSchema: schema })) }],
  }),
  next: (request, answer, result) => {
    const content = asObjects(answer["candidates"])[0]!["content"] as JsonObject;
    const results = asObjects(content["parts"]).flatMap(({ functionCall: call }) => {
      const { id, name } = (call ?? {}) as JsonObject;
      return name === undefined ? [] : [{ functionResponse: { ...(id === undefined ? {} : { id }), name, response: { output: result } } }];
    });
    return { ...request, contents: [...asObjects(request["contents"]), content, { role: "user", parts: results }] };
  },
};

const agents: Readonly<Record<string, Agent>> = { Codex: codex, opencode, "gemini-cli": geminiCli };

async function ask(path: string, key: string, asked: string, body: JsonObject): Promise<JsonObject> {
  const response = await fetch(gateway.url + path.replace("MODEL", asked), {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ ...(path.includes("MODEL") ? {} : { model: asked }), ...body }),
  });
  const answer = (await response.json()) as JsonObject;
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

async function costOf(keyId: string): Promise<number> {
  const rows = (await gateway.rows()).filter((row) => row.key_id === keyId);
  return rows.reduce((sum, { cost_nano_usd: cost }) => sum + Number(cost), 0);
}

async function playSession(agent: Agent, provider: string, turns: number): Promise<number> {
  const { key, keyId } = await gateway.createKey();
  let request = agent.first("session");
  for (let turn = 1; turn <= turns; turn++) {
    const answer = await ask(agent.path, key, `${provider}/${model}`, request);
    request = agent.next(request, answer, words(`line ${turn}`, 300));
    elapsedMs += 20_000;
  }
  return costOf(keyId);
}

for (const [name, agent] of Object.entries(agents)) {
  test(`a session of ${name} with 20 turns costs at most a quarter of what it costs without marks`, async (t) => {
    const plain = await playSession(agent, "off", 20);
    const cached = await playSession(agent, "auto", 20);
    assert.ok(plain > 0);
    const share = `${((100 * cached) / plain).toFixed(1)} %`;
    t.diagnostic(share);
    assert.ok(cached <= plain * 0.25, share);
  });
}

test("one-turn traffic never costs more than 5 % more than without marks", async () => {
  const kinds: Readonly<Record<string, (at: number) => JsonObject>> = {
    "prompts that share nothing": (at) => ({
      messages: [
        { role: "system", content: words(`system ${at}`, 2000) },
        { role: "user", content: words(`question ${at}`, 1500) },
      ],
    }),
    "prompts that share their instructions": (at) => ({
      messages: [
        { role: "system", content: words("system", 2000) },
        { role: "user", content: words(`question ${at}`, 1500) },
      ],
    }),
    "an agent's first turn, each of another project": (at) => codex.first(`project ${at}`),
  };
  for (const [kind, bodyOf] of Object.entries(kinds)) {
    const path = kind.includes("agent") ? codex.path : opencode.path;
    const costs: number[] = [];
    for (const provider of ["off", "auto"]) {
      const { key, keyId } = await gateway.createKey();
      for (let at = 0; at < 20; at++) {
        await ask(path, key, `${provider}/${model}`, bodyOf(at));
        // Some come together, others long after.
        elapsedMs += at % 4 < 2 ? 10_000 : 400_000;
      }
      costs.push(await costOf(keyId));
    }
    assert.ok(costs[1]! <= costs[0]! * 1.05, `${kind}: ${costs[1]! / costs[0]!}`);
  }
});

const markedBodies = (): readonly string[] =>
  upstream.requests.map(({ body }) => body.toString()).filter((body) => body.includes("cache_control"));

test("a client's own marks are kept and no others are set; caching: off sets none and sends none", async () => {
  const { key } = await gateway.createKey();
  const marked = {
    messages: [
      { role: "system", content: [{ type: "text", text: words("system", 2000), cache_control: { type: "ephemeral" } }] },
      { role: "user", content: "one" },
    ],
  };
  for (const [asked, count] of [
    [`auto/${model}`, 1],
    [`client/${model}`, 1],
    [`off/${model}`, 0],
    ["unmarked", 0],
  ] as const) {
    upstream.reset();
    await ask(opencode.path, key, asked, marked);
    await ask(opencode.path, key, asked, marked);
    const counts = upstream.requests.map(({ body }) => body.toString().split("cache_control").length - 1);
    assert.deepEqual(counts, [count, count], asked);
  }
});

test("a cache key becomes marks at once with caching: client", async () => {
  const { key } = await gateway.createKey();
  upstream.reset();
  await ask(codex.path, key, `client/${model}`, codex.first("keyed"));
  assert.equal(markedBodies().length, 1);
});

test("in the provider's own protocol the body goes as it came, or with marks where the configuration says caching: auto", async () => {
  const body = (turns: number): JsonObject => ({
    max_tokens: 1000,
    system: words("own system", 2000),
    messages: Array.from({ length: turns }, (_, at) =>
      at % 2 === 0
        ? { role: "user", content: at === 0 ? words("one", 500) : [{ type: "text", text: `turn ${at}` }] }
        : { role: "assistant", content: "answer" },
    ),
  });
  const { key } = await gateway.createKey();
  upstream.reset();
  for (const turns of [1, 3, 5]) await ask("/v1/messages", key, `auto/${model}`, body(turns));
  assert.deepEqual(markedBodies(), []);
  upstream.reset();
  for (const turns of [1, 3, 5]) await ask("/v1/messages", key, `marked/${model}`, body(turns));
  const mark = { cache_control: { type: "ephemeral" } };
  const sent = upstream.requests.map(({ body: bytes }) => JSON.parse(bytes.toString()) as JsonObject);
  assert.deepEqual(sent[0], { model, ...body(1) });
  const [first, ...rest] = asObjects(body(5)["messages"]);
  assert.deepEqual(sent[2], {
    model,
    max_tokens: 1000,
    system: [{ type: "text", text: words("own system", 2000), ...mark }],
    messages: [
      first,
      ...rest.map((message, at) =>
        at === 1 || at === 3 ? { ...message, content: [{ type: "text", text: `turn ${at + 1}`, ...mark }] } : message,
      ),
    ],
  });
  const rows = await gateway.rows();
  assert.ok((rows.at(-1)?.cache_read_tokens ?? 0) > 2000);
});

test("OpenAI gets a cache key, the same for the requests of a conversation and another for another user's", async () => {
  const users = [await gateway.createKey(), await gateway.createKey()];
  const body = (turns: readonly string[]): JsonObject => ({
    max_tokens: 100,
    system: words("system", 2000),
    messages: turns.map((content, at) => ({ role: at % 2 === 0 ? "user" : "assistant", content })),
  });
  upstream.reset();
  for (const { key } of users) {
    await ask("/v1/messages", key, "openai/gpt-5", body(["one"]));
    await ask("/v1/messages", key, "openai/gpt-5", body(["one", "answer", "two"]));
  }
  await ask("/v1/messages", users[0]!.key, "openai/gpt-5", { ...body(["short"]), system: "short" });
  const keys = upstream.requests.map(({ body: sent }) => (JSON.parse(sent.toString()) as JsonObject)["prompt_cache_key"]);
  assert.match(keys[0] as string, /^[\w-]{43}$/);
  assert.deepEqual([keys[1], keys[3]], [keys[0], keys[2]]);
  assert.notEqual(keys[2], keys[0]);
  assert.equal(keys[4], undefined);
});

test("what is sent of a conversation begins with what was sent of its earlier turns, as providers cache by prefix", async () => {
  const { key } = await gateway.createKey();
  const partOf: Readonly<Record<string, string>> = {
    "google/gemini-2.5-flash": "contents",
    "openai/gpt-5": "input",
    [`auto/${model}`]: "messages",
  };
  for (const agent of Object.values(agents)) {
    for (const [asked, part] of Object.entries(partOf)) {
      let request = agent.first("stable");
      upstream.reset();
      for (let turn = 1; turn <= 4; turn++) request = agent.next(request, await ask(agent.path, key, asked, request), `result ${turn}`);
      const sent = upstream.requests.map(({ body }) => withoutMarks(JSON.parse(body.toString()) as JsonObject));
      for (const [at, body] of sent.entries()) {
        const turns = asObjects(body[part] ?? body["messages"]);
        const earlier = at === 0 ? [] : asObjects(sent[at - 1]![part] ?? sent[at - 1]!["messages"]);
        assert.deepEqual(turns.slice(0, earlier.length), earlier, `${agent.path} to ${asked}, turn ${at}`);
      }
    }
  }
});

function withoutMarks(body: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(body, (name, value: unknown) => (name === "cache_control" ? undefined : value))) as JsonObject;
}
