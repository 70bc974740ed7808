import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { AzureOpenAI } from "openai";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { startGateway, withMockUpstream, type TestGateway } from "./harness.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let apiKey: string;
before(async () => {
  mock = await createMockUpstream({ validate: true });
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  apiKey = (await gateway.createKey("alice")).key;
  await mock.waitForRequests(4);
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

const messages = [{ role: "user" as const, content: "Hello" }];

test("OpenAI's SDK: a base URL without /v1, with it twice, and Azure's newer one", async () => {
  for (const base of ["", "/", "/v1/v1", "/openai/v1"]) {
    const client = new OpenAI({ apiKey, baseURL: `${gateway.url}${base}`, maxRetries: 0 });
    const chat = await client.chat.completions.create({ model: "gpt-mock", messages });
    assert.equal(chat.choices[0]?.finish_reason, "stop", base);
    assert.equal((await client.responses.create({ model: "gpt-mock", input: "Hello" })).status, "completed", base);
    assert.ok(
      (await client.models.list()).data.some(({ id }) => id === "gpt-mock"),
      base,
    );
  }
});

test("Anthropic's SDK: a base URL with a /v1 too many", async () => {
  for (const base of ["/v1", "/anthropic/v1"]) {
    const client = new Anthropic({ apiKey, baseURL: `${gateway.url}${base}`, maxRetries: 0 });
    assert.equal((await client.messages.create({ model: "claude-mock", max_tokens: 16, messages })).stop_reason, "end_turn", base);
  }
});

test("Google's SDK: a base URL with a version too many", async () => {
  const client = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: `${gateway.url}/v1beta` } });
  const answer = await client.models.generateContent({ model: "gemini-mock", contents: "Hello" });
  assert.equal(answer.candidates?.[0]?.finishReason, "STOP");
});

test("Azure's client of OpenAI: the deployment in the path is the model, in every dialect behind it, and its version goes no further", async () => {
  const client = new AzureOpenAI({ endpoint: gateway.url, apiKey, apiVersion: "2024-10-21", maxRetries: 0 });
  for (const model of ["gpt-mock", "claude-mock", "gemini-mock", "nearby"]) {
    const chat = await client.chat.completions.create({ model, messages });
    assert.equal(chat.choices[0]?.finish_reason, "stop", model);
    let text = "";
    for await (const chunk of await client.chat.completions.create({ model, messages, stream: true }))
      text += chunk.choices[0]?.delta.content ?? "";
    assert.match(text, /^The answer is /, model);
  }
  assert.equal((await client.embeddings.create({ model: "text-embedding-mock", input: "Hello" })).data.length, 1);
  assert.equal((await client.responses.create({ model: "gpt-mock", input: "Hello" })).status, "completed");
  for (const { url } of mock.requests) assert.doesNotMatch(url, /api-version|deployments/);
});

test("a deployment in the path wins over the body's model, which may be missing, and a key's models hold for it", async () => {
  const headers = { "api-key": apiKey, "content-type": "application/json" };
  const ask = (path: string, body: object, key = apiKey): Promise<Response> =>
    fetch(`${gateway.url}${path}?api-version=2024-10-21`, {
      method: "POST",
      headers: { ...headers, "api-key": key },
      body: JSON.stringify(body),
    });
  mock.reset();
  assert.equal((await ask("/openai/deployments/fast/chat/completions", { messages })).status, 200);
  assert.equal((await ask("/openai/deployments/org%2Flocal-model/chat/completions", { model: "gpt-mock", messages })).status, 200);
  assert.equal((await ask("/openai/deployments/gpt-mock/responses", { input: "Hello" })).status, 200);
  assert.deepEqual(
    mock.requests.map(({ body }) => (JSON.parse(body.toString()) as { model: string }).model),
    ["gpt-mock", "org/local-model", "gpt-mock"],
  );
  const { user } = await gateway.createKey("bob");
  const limited = await gateway.gateway.accounts.createKey({ user: user.id, models: ["gpt-*"] });
  const refused = await ask("/openai/deployments/claude-mock/chat/completions", { model: "gpt-mock", messages }, limited.key);
  assert.equal(refused.status, 403);
  assert.equal((await ask("/openai/deployments/gpt-mock/chat/completions", { messages }, "tok_none")).status, 401);
});
