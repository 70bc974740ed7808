import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import type { NewApiKey } from "../../src/accounts/index.ts";
import type { Clock } from "../../src/core/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

let mock: MockUpstream;
let gateway: TestGateway;
const late = { ms: 0 };
/** Real time, and as much later as a test says. */
const clock: Clock = { now: () => Date.now() + late.ms, monotonic: () => performance.now() };
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url), clock });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  await gateway.gateway.accounts.createUser({ username: "alice" });
});
beforeEach(() => {
  mock.reset();
  late.ms = 0;
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

function makeKey(limits: { models?: string[]; expires?: string }): Promise<NewApiKey> {
  return gateway.gateway.accounts.createKey({ user: "alice", ...limits });
}

async function statusOf(key: string, model: string, path = "/v1/chat/completions"): Promise<unknown> {
  const body = {
    model,
    max_tokens: 5,
    messages: [{ role: "user", content: "Hello" }],
    input: "Hello",
    contents: [{ parts: [{ text: "Hello" }] }],
  };
  const { input, contents, messages, max_tokens, ...rest } = body;
  const ofOpenAi = path === "/v1/embeddings" ? { ...rest, input } : { ...rest, messages, max_tokens };
  const own = path.includes(":") ? { contents } : ofOpenAi;
  const reply = await fetch(gateway.url + path, { method: "POST", headers: { authorization: `Bearer ${key}` }, body: JSON.stringify(own) });
  const json = (await reply.json()) as { error?: { code?: unknown } };
  return reply.status === 200 ? 200 : [reply.status, json.error?.code];
}

const refused = [403, "model_not_allowed"];

test("a pattern of a provider holds for its models by their bare names and aliases, too", async () => {
  const names = ["gpt-mock", "openai/gpt-mock", "fast", "claude-mock", "anthropic/claude-mock", "clever"];
  const statuses = async (...models: string[]): Promise<unknown> => {
    const { key } = await makeKey({ models });
    const found: unknown[] = [];
    for (const name of names) found.push(await statusOf(key, name));
    return found;
  };
  assert.deepStrictEqual(await statuses("*", "!anthropic/*"), [200, 200, 200, refused, refused, refused]);
  assert.deepStrictEqual(await statuses("anthropic/*"), [refused, refused, refused, 200, 200, 200]);
});

test("a key with a list calls the models on it and no others, by whatever name", async () => {
  const { key } = await makeKey({ models: ["gpt-*", "loopback", "!gpt-5-pro"] });
  assert.deepStrictEqual(await statusOf(key, "gpt-mock"), 200);
  // An alias for `openai/gpt-mock`, and the model by its provider.
  assert.deepStrictEqual(await statusOf(key, "fast"), 200);
  assert.deepStrictEqual(await statusOf(key, "loopback"), 200);
  for (const model of ["claude-mock", "clever", "nearby", "org/local-model", "gpt-5-pro", "openai/gpt-5-pro", "no-such-model"]) {
    assert.deepStrictEqual(await statusOf(key, model), refused, model);
  }
  assert.deepStrictEqual(await statusOf(key, "text-embedding-mock", "/v1/embeddings"), refused);
  assert.deepStrictEqual(await statusOf(key, "", "/v1beta/models/gemini-mock:generateContent"), [403, 403]);
  assert.deepStrictEqual(
    mock.requests.map((request) => (JSON.parse(request.body.toString()) as { model: string }).model),
    ["gpt-mock", "gpt-mock"],
  );
  const rows = (await gateway.rows()).filter((row) => row.error_code === "model_not_allowed");
  assert.deepStrictEqual(rows.map((row) => [row.attempt, row.status, row.http_status, row.model_asked]).slice(0, 1), [
    [0, "refused", 403, "claude-mock"],
  ]);
});

test("what a list excludes stays excluded where the list takes everything else", async () => {
  const { key } = await makeKey({ models: ["*", "!claude-*", "!clever"] });
  assert.deepStrictEqual(await statusOf(key, "gpt-mock"), 200);
  for (const model of ["claude-mock", "clever", "anthropic/claude-mock"])
    assert.deepStrictEqual(await statusOf(key, model), refused, model);
});

test("the SDKs get a permission error of their dialect", async () => {
  const { key } = await makeKey({ models: ["loopback"] });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
  const anthropic = new Anthropic({ baseURL: `${gateway.url}/anthropic`, apiKey: key });
  const google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: gateway.url } });
  await assert.rejects(openai.responses.create({ model: "gpt-mock", input: "Hello" }), (error) => {
    assert.ok(error instanceof OpenAI.PermissionDeniedError);
    assert.deepStrictEqual([error.code, error.param], ["model_not_allowed", "model"]);
    return true;
  });
  await assert.rejects(
    anthropic.messages.create({ model: "claude-mock", max_tokens: 5, messages: [{ role: "user", content: "Hello" }] }),
    (error) => error instanceof Anthropic.PermissionDeniedError && error.type === "permission_error",
  );
  await assert.rejects(
    google.models.generateContent({ model: "gemini-mock", contents: "Hello" }),
    (error) => error instanceof ApiError && error.status === 403 && error.message.includes("PERMISSION_DENIED"),
  );
});

test("lists of models show what the key may call, in each dialect", async () => {
  const { key } = await makeKey({ models: ["gpt-*", "claude-*"] });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
  const anthropic = new Anthropic({ baseURL: `${gateway.url}/anthropic`, apiKey: key });
  const names = ["claude-mock", "clever", "fast", "gpt-mock"];
  assert.deepStrictEqual(
    (await openai.models.list()).data
      .map(({ id }) => id)
      .filter((id) => !id.endsWith("-mock-mini"))
      .toSorted(),
    names,
  );
  assert.deepStrictEqual(
    (await anthropic.models.list()).data
      .map(({ id }) => id)
      .filter((id) => !id.endsWith("-mock-mini"))
      .toSorted(),
    names,
  );
  assert.equal((await openai.models.retrieve("gpt-mock")).id, "gpt-mock");
  await assert.rejects(openai.models.retrieve("gemini-mock"), { status: 404 });
  const all = await makeKey({});
  const unlimited = await new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: all.key }).models.list();
  assert.ok(unlimited.data.some(({ id }) => id === "gemini-mock"));
});

test("an expired key is a 401 that says so, in each dialect, also where it has just been used", async () => {
  const { key } = await makeKey({ expires: "1h" });
  assert.deepStrictEqual(await statusOf(key, "loopback"), 200);
  late.ms = 3_600_000;
  assert.deepStrictEqual(await statusOf(key, "loopback"), [401, "expired_api_key"]);
  const anthropic = new Anthropic({ baseURL: `${gateway.url}/anthropic`, apiKey: key });
  await assert.rejects(
    anthropic.messages.create({ model: "loopback", max_tokens: 5, messages: [{ role: "user", content: "Hello" }] }),
    (error) => error instanceof Anthropic.AuthenticationError && /expired at 20\d\d-/.test(error.message),
  );
});

test("the API makes keys with limits; a limited key makes none that may do more", async () => {
  const post = async (key: string, path: string, body: object): Promise<{ status: number; json: Record<string, unknown> }> => {
    const reply = await fetch(`${gateway.url}/api/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
    return { status: reply.status, json: (await reply.json()) as Record<string, unknown> };
  };
  const made = await post(gateway.adminKey, "/keys", { user: "alice", expires: "2d", models: ["gpt-*"] });
  assert.equal(made.status, 201);
  assert.deepStrictEqual(made.json["models"], ["gpt-*"]);
  const key = made.json["key"] as string;
  const child = await post(key, "/me/keys", {});
  assert.deepStrictEqual([child.json["models"], child.json["expires_at"]], [["gpt-*"], made.json["expires_at"]]);
  const shorter = await post(key, "/me/keys", { expires: "1d" });
  assert.ok(Date.parse(shorter.json["expires_at"] as string) < Date.parse(made.json["expires_at"] as string));
  for (const [body, param] of [
    [{ expires: "3d" }, "expires"],
    [{ models: ["*"] }, "models"],
    [{ models: ["gpt-mock"] }, "models"],
  ] as const) {
    const { status, json } = await post(key, "/me/keys", body);
    assert.deepStrictEqual([status, (json["error"] as { param: string }).param], [400, param]);
  }
  const free = await post((await makeKey({})).key, "/me/keys", { models: ["claude-*"], expires: "1h" });
  assert.deepStrictEqual([free.status, free.json["models"]], [201, ["claude-*"]]);
});

test("every model that a body names is checked, in its own protocol and translated; bodies that name allowed ones pass as they are", async () => {
  const { key } = await makeKey({ models: ["gpt-*", "claude-mock", "gemini-mock", "anthropic/claude-small"] });
  const send = async (path: string, body: string): Promise<unknown> => {
    const reply = await fetch(gateway.url + path, { method: "POST", headers: { authorization: `Bearer ${key}` }, body });
    const json = (await reply.json()) as { error?: { code?: unknown; param?: unknown; message?: string } };
    return reply.status === 200 ? 200 : [reply.status, json.error?.param ?? json.error?.message];
  };
  const chat = (more: string, model = "gpt-mock"): string => `{"model":"${model}","messages":[{"role":"user","content":"hi"}],${more}}`;
  const messages = (more: string): string => `{"model":"claude-mock","max_tokens":5,"messages":[{"role":"user","content":"hi"}],${more}}`;
  const responses = (more: string): string => `{"model":"gpt-mock","input":"hi",${more}}`;
  const contents = (more: string): string => `{"contents":[{"role":"user","parts":[{"text":"hi"}]}],${more}}`;
  const gemini = "/v1beta/models/gemini-mock:generateContent";
  const secret = [
    ["/v1/chat/completions", chat('"Model":"secret"'), "Model"],
    ["/v1/chat/completions", chat('"models":"secret"'), "models"],
    ["/v1/chat/completions", chat('"fallbacks":["secret"]', "claude-mock"), "fallbacks"],
    ["/v1/chat/completions", chat('"tools":[{"type":"openrouter:advisor","parameters":{"model":"secret"}}]'), "model"],
    ["/v1/responses", responses('"tools":[{"type":"image_generation","model":"secret"}]'), "model"],
    ["/v1/embeddings", '{"model":"gpt-mock","input":"hi","fallback_models":["secret"]}', "fallback_models"],
  ] as const;
  for (const [path, body, param] of secret) assert.deepStrictEqual(await send(path, body), [403, param], body);
  const advisor = '"tools":[{"type":"advisor_20260301","name":"advisor","model":"secret"}]';
  for (const [path, body] of [
    ["/v1/messages", messages(advisor)],
    ["/v1/messages", messages('"fallbacks":[{"model":"secret"}]')],
    ["/v1/messages/count_tokens", messages(advisor)],
    [gemini, contents('"routingConfig":{"manualMode":{"modelName":"secret"}}')],
  ] as const) {
    const [status, message] = (await send(path, body)) as [number, string];
    assert.equal(status, 403, body);
    assert.match(message, /may not call the model "secret"/);
  }
  assert.equal(mock.requests.length, 0);
  const allowed = chat('"models":["gpt-mock","secret"],"metadata":{"model":"secret"},"route":"fallback"');
  assert.equal(await send("/v1/chat/completions", allowed), 200);
  assert.equal(await send("/v1/messages", messages('"fallbacks":[{"model":"claude-small"}]')), 200);
  assert.deepStrictEqual(
    mock.requests.map((request) => request.body.toString()),
    // The gateway acts on `models` itself: those that the key may not call are passed over, and the list is cut out.
    [chat('"metadata":{"model":"secret"}'), messages('"fallbacks":[{"model":"claude-small"}]')],
  );
  const all = await makeKey({});
  const free = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${all.key}` },
    body: chat('"models":["secret"]'),
  });
  assert.equal(free.status, 200);
});

test("a response that the gateway keeps is not read with a key that may not call its model", async () => {
  const ask = (key: string, path: string, body?: object): Promise<Response> =>
    fetch(`${gateway.url}/v1/responses${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const all = await makeKey({});
  const { id } = (await (await ask(all.key, "", { model: "claude-mock", input: "hi" })).json()) as { id: string };
  const statuses: number[] = [];
  for (const models of [["claude-*"], ["gpt-*"]]) statuses.push((await ask((await makeKey({ models })).key, `/${id}`)).status);
  assert.deepStrictEqual(statuses, [200, 403]);
});
