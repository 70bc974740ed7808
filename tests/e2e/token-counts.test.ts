import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import { sendRaw, type RawReply } from "./raw-http.ts";

const said = "How is the weather today?";
const instructions = "Be brief.";
const schema = { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] };

let mock: MockUpstream;
let gateway: TestGateway;
let alice: Caller;
let clients: Readonly<Record<string, (model: string) => Promise<number>>>;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  alice = await gateway.createKey("alice");
  const anthropic = new Anthropic({ apiKey: alice.key, baseURL: gateway.url, maxRetries: 0 });
  const openai = new OpenAI({ apiKey: alice.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  const genai = new GoogleGenAI({ apiKey: alice.key, httpOptions: { baseUrl: gateway.url } });
  clients = {
    "anthropic-messages": async (model) =>
      (
        await anthropic.messages.countTokens({
          model,
          system: instructions,
          messages: [{ role: "user", content: said }],
          tools: [{ name: "weather", input_schema: schema }],
        })
      ).input_tokens,
    "openai-responses": async (model) =>
      (
        await openai.responses.inputTokens.count({
          model,
          instructions,
          input: said,
          tools: [{ type: "function", name: "weather", parameters: schema, strict: false }],
        })
      ).input_tokens,
    "gemini-generate": async (model) => (await genai.models.countTokens({ model, contents: said })).totalTokens ?? -1,
  };
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

interface Counter {
  readonly dialect: string;
  readonly path: string;
}

/** Who counts for a model, and where. */
const counters: Readonly<Record<string, Counter>> = {
  "claude-mock": { dialect: "anthropic-messages", path: "/v1/messages/count_tokens" },
  "gpt-mock": { dialect: "openai-responses", path: "/v1/responses/input_tokens" },
  "gemini-mock": { dialect: "gemini-generate", path: "/v1beta/models/gemini-mock:countTokens" },
};

async function shownRows(since: number): Promise<readonly unknown[]> {
  return (await gateway.rows())
    .slice(since)
    .map(({ attempt, status, http_status, usage_source, input_tokens, output_tokens, cost_nano_usd }) => [
      attempt,
      status,
      http_status,
      usage_source,
      input_tokens,
      output_tokens,
      cost_nano_usd,
    ]);
}

function post(path: string, body: object): Promise<RawReply> {
  const headers = ["authorization", `Bearer ${alice.key}`, "content-type", "application/json"];
  return sendRaw(gateway.url, { path, headers, body: JSON.stringify(body) });
}

const numberOf = (reply: RawReply): number => {
  const body = JSON.parse(reply.body.toString()) as { input_tokens?: number; totalTokens?: number };
  return body.input_tokens ?? body.totalTokens ?? -1;
};

for (const [model, counter] of Object.entries(counters)) {
  test(`a model of ${counter.dialect} is counted by its provider's counter for the SDK of every dialect, and costs nothing`, async () => {
    for (const [dialect, count] of Object.entries(clients)) {
      mock.reset();
      mock.enqueue({ usage: { input: 4711 } });
      const before = (await gateway.rows()).length;
      assert.equal(await count(model), 4711, dialect);
      const urls = mock.requests.map(({ url }) => url.split("?")[0]);
      assert.deepEqual(urls, [counter.path], dialect);
      const body = mock.requests[0]!.body.toString();
      assert.match(body, /How is the weather today\?/);
      if (dialect !== "gemini-generate")
        assert.match(body, /Be brief\.[^]*city|city[^]*Be brief\./, "instructions and tools are counted too");
      assert.deepEqual(await shownRows(before), [[1, "ok", 200, "none", null, null, 0]], dialect);
    }
  });
}

test("a model whose provider has no counter is estimated for every dialect, with instructions and tools, and marked so", async () => {
  for (const [dialect, count] of Object.entries(clients)) {
    mock.reset();
    const before = (await gateway.rows()).length;
    const tokens = await count("org/local-model");
    // The text alone has 6 tokens in OpenAI's o200k_base, the instructions 3, the tool's schema about 20.
    const [low, high] = dialect === "gemini-generate" ? [6, 14] : [30, 60];
    assert.ok(tokens >= low && tokens <= high, `${dialect}: ${tokens}`);
    assert.equal(mock.requests.length, 0);
    assert.deepEqual(await shownRows(before), [[1, "ok", 200, "none", null, null, 0]], dialect);
  }
  const reply = await post("/v1/messages/count_tokens", { model: "org/local-model", messages: [{ role: "user", content: said }] });
  assert.deepEqual([reply.status, reply.headers["x-tokligence-estimated"], reply.headers["x-tokligence-provider"]], [200, "true", "local"]);
});

test("Codex's search of tools, and the tools that it found, are counted", async () => {
  const found = { type: "function", name: "calendar_create_event", description: "Adds an event.", defer_loading: true, parameters: schema };
  const search = { type: "tool_search", execution: "client", description: "Finds tools.", parameters: schema };
  const input = [
    { role: "user", content: said },
    { type: "tool_search_call", call_id: "call_1", execution: "client", arguments: { query: "calendar" } },
    { type: "tool_search_output", call_id: "call_1", execution: "client", tools: [found] },
  ];
  mock.reset();
  mock.enqueue({ usage: { input: 4711 } });
  assert.equal(numberOf(await post("/v1/responses/input_tokens", { model: "claude-mock", input, tools: [search] })), 4711);
  const counted = JSON.parse(mock.requests[0]!.body.toString()) as { tools: { name: string }[] };
  assert.deepEqual(
    counted.tools.map(({ name }) => name),
    ["tool_search", "calendar_create_event"],
  );
  const whole = numberOf(await post("/v1/responses/input_tokens", { model: "org/local-model", input, tools: [search] }));
  const bare = numberOf(await post("/v1/responses/input_tokens", { model: "org/local-model", input: input.slice(0, 1) }));
  assert.ok(whole > bare + 60, `${whole} and ${bare}`);
});

const asked = { messages: [{ role: "user", content: said }] };

for (const [what, trouble] of [
  ["is not there", { status: 404, message: "Not found" }],
  ["does not take the method", { status: 405 }],
  ["fails", { status: 500 }],
  ["is overloaded", { status: 503 }],
] as const) {
  test(`a counter that ${what}: the estimate answers, in the dialect of the provider and in another`, async () => {
    for (const model of ["claude-mock", "gemini-mock"]) {
      mock.reset();
      mock.enqueue({ trouble: { kind: "error", error: trouble } });
      const before = (await gateway.rows()).length;
      const reply = await post("/v1/messages/count_tokens", { model, ...asked });
      assert.deepEqual([reply.status, reply.headers["x-tokligence-estimated"], reply.headers["x-tokligence-attempts"]], [200, "true", "2"]);
      assert.ok(numberOf(reply) >= 6 && numberOf(reply) <= 14, `${model}: ${numberOf(reply)}`);
      assert.equal(mock.requests.length, 1);
      assert.deepEqual(await shownRows(before), [
        [1, "error", trouble.status, "none", null, null, 0],
        [2, "ok", 200, "none", null, null, 0],
      ]);
    }
  });
}

test("a counter that does not answer in the provider's time, and one that answers no count: the estimate answers", async () => {
  mock.reset();
  const late = Promise.withResolvers<undefined>();
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (request.url === "/v1/messages/count_tokens") response.end('{"input_tokens":"many"}');
      else if (request.method === "GET") response.end('{"models":[]}');
      else void late.promise.then(() => response.end("{}"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = `providers:
  anthropic: { api_key: k, base_url: "${url}", models: [claude-mock] }
  google: { api_key: k, base_url: "${url}", models: [gemini-mock], timeouts: { total: 50ms } }`;
  const other = await startGateway({ config });
  try {
    const { key } = await other.createKey("alice");
    const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json"];
    for (const [model, status] of [
      ["claude-mock", 502],
      ["gemini-mock", 504],
    ] as const) {
      const path = "/v1/responses/input_tokens";
      const reply = await sendRaw(other.url, { path, headers, body: JSON.stringify({ model, input: said }) });
      assert.deepEqual([reply.status, reply.headers["x-tokligence-estimated"]], [200, "true"], reply.body.toString());
      const rows = (await other.rows()).slice(-2);
      assert.deepEqual(
        rows.map((row) => row.http_status),
        [status, 200],
      );
    }
  } finally {
    late.resolve(undefined);
    await other.stop();
    server.closeAllConnections();
    server.close();
  }
});

test("the provider's errors about a request in its own dialect, the gateway's key and the rate are passed on, and nothing is estimated", async () => {
  const refusals = [
    ["claude-mock", 400, 400],
    ["claude-mock", 413, 413],
    ["claude-mock", 429, 429],
    ["gemini-mock", 429, 429],
    ["claude-mock", 401, 502],
    ["gemini-mock", 401, 502],
  ] as const;
  for (const [model, status, expected] of refusals) {
    mock.reset();
    mock.enqueue({ trouble: { kind: "error", error: { status } } });
    const reply = await post("/v1/messages/count_tokens", { model, ...asked });
    assert.deepEqual([reply.status, reply.headers["x-tokligence-estimated"]], [expected, undefined], `${model} ${status}`);
  }
});

test("a translated request that the counter refuses is estimated: the client's own is not at fault", async () => {
  mock.reset();
  mock.enqueue({ trouble: { kind: "error", error: { status: 400, message: "messages.0: no such tool_use" } } });
  const reply = await post("/v1beta/models/claude-mock:countTokens", { contents: [{ role: "user", parts: [{ text: said }] }] });
  assert.deepEqual([reply.status, reply.headers["x-tokligence-estimated"]], [200, "true"]);
});

test("a provider that is known to have no counter is not asked, in its own dialect either", async () => {
  mock.reset();
  const config = `providers: { xai: { api_key: k, base_url: "${mock.url}/v1", models: [grok-mock] } }`;
  const other = await startGateway({ config });
  try {
    await announcementsOver(mock, 1);
    const { key } = await other.createKey("alice");
    mock.reset();
    const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json"];
    const body = JSON.stringify({ model: "grok-mock", input: said });
    const reply = await sendRaw(other.url, { path: "/v1/responses/input_tokens", headers, body });
    assert.deepEqual([reply.status, reply.headers["x-tokligence-estimated"], mock.requests.length], [200, "true", 0]);
  } finally {
    await other.stop();
  }
});

test("what agents count besides whole conversations: odd contents of Gemini's dialect are counted for a model behind any protocol", async () => {
  const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC";
  const response = {
    functionResponse: { id: "read_file__1", name: "read_file", response: { output: "Binary content provided (1 item(s))." } },
  };
  const bodies: readonly object[] = [
    { contents: [{ role: "user", parts: [] }] },
    { contents: [] },
    { contents: [{ role: "user", parts: [{ text: "" }] }] },
    { contents: [{ role: "user", parts: [response] }] },
    { contents: [{ role: "user", parts: [response, { inlineData: { mimeType: "image/png", data: pixel } }] }] },
    { contents: [{ role: "model", parts: [{ functionCall: { name: "read_file", args: { path: "a" } } }] }] },
    { contents: [{ role: "model", parts: [{ text: "thinking", thought: true }] }] },
    { contents: [{ role: "user", parts: [{ fileData: { mimeType: "application/pdf", fileUri: "https://example.com/a.pdf" } }] }] },
    { contents: [{ role: "user", parts: [{ executableCode: { language: "PYTHON", code: "print(1)" } }] }] },
    {
      contents: [{ role: "user", parts: [{ text: said }] }],
      tools: [{ functionDeclarations: [{ name: "weather" }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["missing"] } },
    },
    {
      generateContentRequest: {
        model: "models/MODEL",
        contents: [{ role: "user", parts: [{ text: said }] }],
        systemInstruction: { parts: [{ text: "x" }] },
      },
    },
  ];
  for (const model of ["claude-mock", "gpt-mock", "org/local-model", "loopback"]) {
    for (const body of bodies) {
      mock.reset();
      const text = JSON.stringify(body).replace("MODEL", model);
      const reply = await post(`/v1beta/models/${model}:countTokens`, JSON.parse(text) as object);
      assert.deepEqual([reply.status, numberOf(reply) >= 0], [200, true], `${model} ${text} ${reply.body.toString()}`);
    }
  }
});

test("a conversation that only another provider keeps is not counted without its beginning", async () => {
  mock.reset();
  const reply = await post("/v1beta/models/claude-mock:countTokens", {
    contents: [{ parts: [{ text: "x" }] }],
    cachedContent: "cachedContents/1",
  });
  assert.equal(reply.status, 400);
  assert.match(reply.body.toString(), /cachedContent/);
  assert.equal(mock.requests.length, 0);
});

test("a prompt of which the provider stores a part is not estimated: its own counter's failure is reported", async () => {
  mock.reset();
  mock.enqueue({ trouble: { kind: "error", error: { status: 404, message: "No such route." } } });
  const servers = [{ type: "url", url: "https://example.com/mcp", name: "docs" }];
  const reply = await post("/v1/messages/count_tokens", { model: "claude-mock", ...asked, mcp_servers: servers });
  assert.deepEqual([reply.status, reply.body.toString().includes("No such route.")], [404, true]);
});

test("what a provider counts of a conversation that it keeps teaches nothing about the request that continues it", async () => {
  mock.reset();
  mock.enqueue({ text: ["ok"] }, { text: ["ok"], usage: { input: 100_000 } }, { trouble: { kind: "error", error: { status: 404 } } });
  const input = said.repeat(100);
  const first = JSON.parse((await post("/v1/responses", { model: "gpt-mock", input: "hi" })).body.toString()) as { id: string };
  const second = await post("/v1/responses", { model: "gpt-mock", input, previous_response_id: first.id });
  assert.equal(second.status, 200, second.body.toString());
  const reply = await post("/v1/responses/input_tokens", { model: "gpt-mock", input });
  assert.deepEqual([reply.headers["x-tokligence-estimated"], numberOf(reply) < 700], ["true", true], reply.body.toString());
});

test("estimates come near what the provider reports, after it has reported it", async () => {
  const count = async (): Promise<number> =>
    numberOf(
      await post("/v1/messages/count_tokens", { model: "local-embedding", messages: [{ role: "user", content: said.repeat(100) }] }),
    );
  const first = await count();
  for (let turn = 0; turn < 4; turn++) {
    mock.reset();
    mock.enqueue({ text: ["ok"], usage: { input: 1200 } });
    const body = { model: "local-embedding", messages: [{ role: "user", content: said.repeat(100) }] };
    // Forwarded and translated, whole and streamed: all of them teach.
    const path = turn % 2 === 0 ? "/v1/chat/completions" : "/v1/messages";
    const reply = await post(path, { ...body, max_tokens: 9, stream: turn >= 2 });
    assert.equal(reply.status, 200, reply.body.toString());
  }
  assert.ok(first < 700, String(first));
  const learned = await count();
  assert.ok(Math.abs(learned - 1200) <= 60, String(learned));
  const other = await post("/v1/messages/count_tokens", { model: "org/local-model", ...asked });
  assert.ok(numberOf(other) <= 14, "each model by its own");
});

test("work_mode passthrough refuses a count that would have to be translated or estimated", async () => {
  const strict = await startGateway({ config: withMockUpstream(mock.url), env: { TOKLIGENCE_GATEWAY_WORK_MODE: "passthrough" } });
  try {
    const { key } = await strict.createKey("alice");
    const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json"];
    const body = JSON.stringify({ model: "gemini-mock", ...asked });
    const reply = await sendRaw(strict.url, { path: "/v1/messages/count_tokens", headers, body });
    assert.deepEqual([reply.status, reply.body.toString().includes("work_mode is passthrough")], [400, true]);
  } finally {
    await strict.stop();
  }
});

test("a counter is asked although the rate of the model is limited, and its own limits do not hold for the model", async () => {
  const limited = { trouble: { kind: "error", error: { status: 429, message: "slow down", headers: { "retry-after": "60" } } } } as const;
  const headers = ["authorization", `Bearer ${alice.key}`, "content-type", "application/json"];
  const body = JSON.stringify({ model: "claude-limited", max_tokens: 5, messages: [{ role: "user", content: said }] });
  const send = (path: string): Promise<RawReply> => sendRaw(gateway.url, { path, headers, body });
  mock.enqueue(limited);
  const [generate, count] = ["/v1/messages", "/v1/messages/count_tokens"] as const;
  const statuses: number[] = [];
  for (const path of [generate, generate, count]) statuses.push((await send(path)).status);
  assert.deepEqual(statuses, [429, 429, 200]);
  mock.enqueue(limited);
  const other = body.replace("claude-limited", "claude-counted");
  assert.equal((await sendRaw(gateway.url, { path: count, headers, body: other })).status, 429);
  assert.equal((await sendRaw(gateway.url, { path: generate, headers, body: other })).status, 200);
});
