import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic, { NotFoundError as AnthropicNotFound } from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI, { NotFoundError } from "openai";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { startGateway, withMockUpstream } from "./harness.ts";

/** Names that must be found by themselves: built in, aliases, configured, one of them with a slash. */
const known = [
  ["loopback", "loopback"],
  ["fast", "openai"],
  ["clever", "anthropic"],
  ["quick", "google"],
  ["nearby", "local"],
  ["gpt-mock", "openai"],
  ["text-embedding-mock", "openai"],
  ["claude-mock", "anthropic"],
  ["gemini-mock", "google"],
  ["gemini-embedding-mock", "google"],
  ["org/local-model", "local"],
  ["local-embedding", "local"],
] as const;
const names: readonly string[] = known.map(([name]) => name);

let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
let openai: OpenAI;
let anthropic: Anthropic;
let genai: GoogleGenAI;
before(async () => {
  mock = await createMockUpstream();
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  caller = await gateway.createKey("alice");
  openai = new OpenAI({ apiKey: caller.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  anthropic = new Anthropic({ apiKey: caller.key, baseURL: gateway.url, maxRetries: 0 });
  genai = new GoogleGenAI({ apiKey: caller.key, httpOptions: { baseUrl: gateway.url } });
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

test("OpenAI's SDK lists every model that has a name, with its provider, each once", async () => {
  const { data } = await openai.models.list();
  assert.deepEqual(
    data.filter((model) => names.includes(model.id)).map((model) => [model.id, model.owned_by, model.object]),
    known.map(([name, provider]) => [name, provider, "model"]),
  );
  assert.equal(new Set(data.map((model) => model.id)).size, data.length);
});

test("Anthropic's SDK lists the same on both base paths", async () => {
  for (const client of [anthropic, new Anthropic({ apiKey: caller.key, baseURL: `${gateway.url}/anthropic`, maxRetries: 0 })]) {
    const ids: string[] = [];
    for await (const model of client.models.list()) {
      assert.equal(model.type, "model");
      ids.push(model.id);
    }
    assert.deepEqual(
      ids.filter((id) => names.includes(id)),
      names,
    );
  }
});

test("Google's SDK lists the same on both versions of the API", async () => {
  for (const apiVersion of ["v1beta", "v1"]) {
    const client = new GoogleGenAI({ apiKey: caller.key, apiVersion, httpOptions: { baseUrl: gateway.url } });
    const ids: (string | undefined)[] = [];
    for await (const model of await client.models.list()) ids.push(model.name);
    assert.deepEqual(
      ids.filter((id) => names.includes(id?.replace(/^models\//, "") ?? "")),
      names.map((name) => `models/${name}`),
    );
  }
});

test("`/v1/models` speaks the dialect that the headers tell", async () => {
  const shapeFor = async (headers: Record<string, string>): Promise<string[]> => {
    const response = await fetch(`${gateway.url}/v1/models`, { headers });
    return Object.keys((await response.json()) as object);
  };
  assert.deepEqual(await shapeFor({ authorization: `Bearer ${caller.key}` }), ["object", "data"]);
  assert.deepEqual(await shapeFor({ "x-api-key": caller.key }), ["object", "data"]);
  assert.deepEqual(await shapeFor({ "x-api-key": caller.key, "anthropic-version": "2023-06-01" }), [
    "data",
    "has_more",
    "first_id",
    "last_id",
  ]);
  assert.deepEqual(await shapeFor({ "x-goog-api-key": caller.key }), ["models"]);
});

test("a model is found by its name, also one with slashes, in every dialect", async () => {
  for (const [name, provider] of [
    ["org/local-model", "local"],
    ["fast", "openai"],
    ["loopback", "loopback"],
  ] as const) {
    assert.deepEqual(await openai.models.retrieve(name).then(({ id, owned_by }) => [id, owned_by]), [name, provider]);
    assert.equal((await anthropic.models.retrieve(name)).id, name);
    assert.equal((await genai.models.get({ model: name.includes("/") ? `models/${name}` : name })).name, `models/${name}`);
    // Slashes as they are, as people type them.
    const plain = await fetch(`${gateway.url}/v1/models/${name}`, { headers: { authorization: `Bearer ${caller.key}` } });
    assert.equal(((await plain.json()) as { id: string }).id, name);
  }
});

test("a name that is not known is a 404 in the dialect", async () => {
  await assert.rejects(
    openai.models.retrieve("nobody"),
    (error: unknown) => error instanceof NotFoundError && error.code === "model_not_found",
  );
  await assert.rejects(
    anthropic.models.retrieve("nobody"),
    (error: unknown) => error instanceof AnthropicNotFound && error.type === "not_found_error",
  );
  await assert.rejects(genai.models.get({ model: "nobody" }), (error: unknown) => error instanceof ApiError && error.status === 404);
});

test("listing models calls no provider and makes no entry in the ledger", async () => {
  await openai.models.list();
  assert.deepEqual(await gateway.rows(), []);
});

test("a model with slashes is called by its name, in the body and in the path", async () => {
  mock.enqueue({ text: ["hello"] });
  const messages = [{ role: "user" as const, content: "hi" }];
  const answer = await openai.chat.completions.create({ model: "org/local-model", messages });
  assert.equal(answer.choices[0]?.message.content, "hello");
  const calls = mock.requests.filter((request) => request.method === "POST");
  assert.deepEqual(
    calls.map((request) => (JSON.parse(request.body.toString()) as { model: string }).model),
    ["org/local-model"],
  );
  // It is found there, too, and its provider need not speak Gemini.
  mock.enqueue({ text: ["hello again"] });
  const translated = await genai.models.generateContent({ model: "models/org/local-model", contents: "hi" });
  assert.equal(translated.text, "hello again");
});
