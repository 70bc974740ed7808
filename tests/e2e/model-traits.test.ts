import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { startGateway, type Caller, type TestGateway } from "./harness.ts";
import { sendRaw } from "./raw-http.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  mock = await createMockUpstream({ validate: false });
  const provider = (models: string, more = ""): string => `{ base_url: "${mock.url}", api_key: k, models: [${models}]${more} }`;
  const config = `providers:
  google: ${provider("gemini-pro-latest, gemini-2.5-pro")}
  anthropic: ${provider("claude-private, claude-next")}
  openai: ${provider("prod-chat, prod-mini, gpt-5.6-sol, gpt-5.4, gpt-5.2")}
  plain: ${provider("plain-m", ", protocols: [openai-chat]")}
model_traits: { "claude-private": { like: claude-3-5-haiku-latest }, "openai/prod-c*": { like: gpt-4.1, max_output_tokens: 500 } }
`;
  gateway = await startGateway({ config });
  caller = await gateway.createKey("alice");
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

type Body = Record<string, unknown>;

/** Sends a body; returns the bytes that reached the provider, and the losses that the client's header names. */
async function sent(path: string, body: string): Promise<readonly [string, string | undefined]> {
  const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json", "anthropic-version", "2023-06-01"];
  const reply = await sendRaw(gateway.url, { path, headers, body });
  assert.equal(reply.status, 200, reply.body.toString());
  const request = mock.requests.find(({ method }) => method === "POST")!;
  return [request.body.toString(), reply.headers["x-tokligence-dropped-params"]?.toString()];
}

async function chat(body: Body): Promise<readonly [Body, string | undefined]> {
  const [bytes, dropped] = await sent("/v1/chat/completions", JSON.stringify(body));
  return [JSON.parse(bytes) as Body, dropped];
}

const messages = [{ role: "user", content: "hi" }];

test("a moving name of Gemini has the traits of the newest: calls that it did not sign get the placeholder, thinking a level", async () => {
  const call = { id: "call_1", type: "function", function: { name: "look", arguments: "{}" } };
  const loop = [
    ...messages,
    { role: "assistant", content: null, tool_calls: [call] },
    { role: "tool", tool_call_id: "call_1", content: "sun" },
  ];
  const [newest] = await chat({ model: "gemini-pro-latest", messages: loop, reasoning_effort: "high" });
  assert.match(JSON.stringify(newest["contents"]), /"thoughtSignature":"skip_thought_signature_validator"/);
  assert.deepEqual(newest["generationConfig"], { thinkingConfig: { thinkingLevel: "HIGH", includeThoughts: true } });
  mock.reset();
  const [older] = await chat({ model: "gemini-2.5-pro", messages: loop, reasoning_effort: "high", max_tokens: 200_000 });
  assert.doesNotMatch(JSON.stringify(older["contents"]), /thoughtSignature/);
  assert.deepEqual(older["generationConfig"], {
    maxOutputTokens: 65_536,
    thinkingConfig: { thinkingBudget: 24_576, includeThoughts: true },
  });
});

test("the configuration sets the traits of a model whose name says nothing", async () => {
  const [named] = await chat({ model: "claude-private", messages, reasoning_effort: "high", temperature: 0.5 });
  assert.deepEqual([named["max_tokens"], named["thinking"], named["temperature"]], [8192, undefined, 0.5]);
  mock.reset();
  const [unnamed, lost] = await chat({ model: "claude-next", messages, reasoning_effort: "high", temperature: 0.5 });
  assert.deepEqual([unnamed["thinking"], unnamed["temperature"], lost], [{ type: "adaptive" }, undefined, "temperature"]);
  const ask = { max_tokens: 9000, temperature: 0.5, messages };
  mock.reset();
  const [prod] = await sent("/v1/messages", JSON.stringify({ model: "prod-chat", ...ask }));
  const { temperature, max_output_tokens: limit } = JSON.parse(prod) as Body;
  assert.deepEqual([temperature, limit], [0.5, 500]);
  mock.reset();
  const [mini, dropped] = await sent("/v1/messages", JSON.stringify({ model: "prod-mini", ...ask }));
  assert.deepEqual([(JSON.parse(mini) as Body)["temperature"], dropped], [undefined, "temperature"]);
});

test("Cursor's Anthropic tools on the Chat path reach Claude, and a Chat server as they are", async () => {
  const tools = [{ name: "edit_file", description: "Edits.", input_schema: { type: "object", properties: { path: { type: "string" } } } }];
  const choice = { type: "tool", name: "edit_file" };
  const body = (model: string): string => JSON.stringify({ model, tools, tool_choice: choice, messages });
  const [claude, dropped] = await sent("/v1/chat/completions", body("claude-private"));
  const wire = JSON.parse(claude) as Body;
  assert.deepEqual([wire["tools"], wire["tool_choice"], dropped], [tools, choice, undefined]);
  mock.reset();
  assert.deepEqual(await sent("/v1/chat/completions", body("plain-m")), [body("plain-m"), undefined]);
});

test("functions for a model that refuses them in Chat while it reasons go over Responses, and all else stays in Chat", async () => {
  const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];
  const paths: Record<string, string> = {};
  const ask = async (name: string, body: Body): Promise<void> => {
    mock.reset();
    const text = JSON.stringify({ messages, ...body });
    const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];
    const reply = await sendRaw(gateway.url, { path: "/v1/chat/completions", headers, body: text });
    const { object } = JSON.parse(reply.body.toString()) as Body;
    const sent = mock.requests.find(({ method }) => method === "POST")!;
    paths[name] = `${sent.url} ${sent.body.toString() === text ? "as sent" : "translated"} ${String(object)}`;
  };
  await ask("asked", { model: "gpt-5.6-sol", tools, reasoning_effort: "high" });
  await ask("by default", { model: "gpt-5.6-sol", tools });
  await ask("at rest", { model: "gpt-5.6-sol", tools, reasoning_effort: "none" });
  await ask("without functions", { model: "gpt-5.6-sol", tools: [], reasoning_effort: "high" });
  await ask("5.4, asked", { model: "gpt-5.4", tools, reasoning_effort: "low" });
  await ask("5.4, by default", { model: "gpt-5.4", tools });
  await ask("older", { model: "gpt-5.2", tools, reasoning_effort: "high" });
  await ask("an unknown name", { model: "prod-mini", tools, reasoning_effort: "high" });
  const [inChat, overResponses] = ["/v1/chat/completions as sent chat.completion", "/v1/responses translated chat.completion"];
  assert.deepEqual(paths, {
    asked: overResponses,
    "by default": overResponses,
    "at rest": inChat,
    "without functions": inChat,
    "5.4, asked": overResponses,
    "5.4, by default": inChat,
    older: inChat,
    "an unknown name": inChat,
  });
});

test("the list of models has the output limit that a request gets", async () => {
  const reply = await sendRaw(gateway.url, { path: "/v1/models", method: "GET", headers: ["authorization", `Bearer ${caller.key}`] });
  const { data } = JSON.parse(reply.body.toString()) as { data: { id: string; top_provider?: { max_completion_tokens: number } }[] };
  const limits = data.map(({ id, top_provider: most }) => [id, most?.max_completion_tokens] as const);
  const known = new Map(limits);
  assert.deepEqual([known.get("prod-chat"), known.get("claude-private"), known.get("prod-mini")], [500, 8192, undefined]);
});
