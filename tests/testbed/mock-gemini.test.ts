import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { GoogleGenAI } from "@google/genai";
import type { GenerateContentResponse } from "@google/genai";
import { createMockUpstream } from "./mock-upstream.ts";
import type { MockUpstream } from "./mock-upstream.ts";
import type { Scenario } from "./scenario.ts";

let mock: MockUpstream;
let client: GoogleGenAI;
before(async () => {
  mock = await createMockUpstream();
  client = new GoogleGenAI({ apiKey: "g-test", httpOptions: { baseUrl: mock.url } });
});
afterEach(() => mock.reset());
after(() => mock.close());

const weather = { name: "weather", parametersJsonSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };

async function collect(stream: AsyncIterable<GenerateContentResponse>): Promise<GenerateContentResponse[]> {
  const chunks: GenerateContentResponse[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

test("generateContentStream yields thoughts, text, whole calls, the finish reason and the reported usage", async () => {
  mock.enqueue({
    reasoning: ["hm"],
    text: ["Hel", "lo ✓"],
    toolCalls: [{ name: "weather", arguments: { city: "Zürich" }, id: "c1" }],
    usage: { input: 100, cached: 40, output: 30, reasoning: 10 },
    delayBetweenChunksMs: 0,
  });
  const chunks = await collect(await client.models.generateContentStream({ model: "gemini-mock", contents: "hi" }));
  const signature = Buffer.from("gemini-signature-1").toString("base64");
  assert.deepEqual(plain(chunks.map((chunk) => chunk.candidates?.[0]?.content?.parts?.[0])), [
    { text: "hm", thought: true },
    { text: "Hel" },
    { text: "lo ✓" },
    { functionCall: { name: "weather", args: { city: "Zürich" }, id: "c1" }, thoughtSignature: signature },
    { text: "" },
  ]);
  assert.deepEqual(
    chunks.map((chunk) => chunk.candidates?.[0]?.finishReason),
    [undefined, undefined, undefined, undefined, "STOP"],
  );
  assert.deepEqual(plain(chunks.map((chunk) => chunk.usageMetadata).slice(-2)), [
    { promptTokenCount: 100, totalTokenCount: 100 },
    {
      promptTokenCount: 100,
      candidatesTokenCount: 20,
      totalTokenCount: 130,
      cachedContentTokenCount: 40,
      thoughtsTokenCount: 10,
      promptTokensDetails: [{ modality: "TEXT", tokenCount: 100 }],
    },
  ]);
  assert.deepEqual(mock.requests[0]?.reportedUsage, {
    input: 100,
    cached: 40,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output: 30,
    reasoning: 10,
  });
});

test("a chat runs its tool once and echoes the signature that Gemini 3 wants back", async () => {
  const chat = client.chats.create({
    model: "gemini-3.8-flash",
    config: { tools: [{ functionDeclarations: [weather] }], thinkingConfig: { includeThoughts: true } },
  });
  const calls = (await collect(await chat.sendMessageStream({ message: "weather?" }))).flatMap((chunk) => chunk.functionCalls ?? []);
  assert.deepEqual(
    calls.map((call) => [call.name, call.args]),
    [["weather", { city: "Zürich" }]],
  );
  const response = { functionResponse: { name: "weather", response: { output: "sunny" }, id: calls[0]?.id ?? "" } };
  const answer = await chat.sendMessage({ message: [response] });
  assert.equal(answer.text, mock.requests[1]?.scenario?.text.join(""));
  assert.equal(mock.requests.length, 2);
});

test("a text of Gemini 3 is signed where no call follows it: as JSON itself, in a stream on an empty text behind it", async () => {
  const partsOf = async (model: string, scenario: Scenario): Promise<unknown> => {
    mock.enqueue(scenario, scenario);
    const json = await client.models.generateContent({ model, contents: "hi" });
    const chunks = await collect(await client.models.generateContentStream({ model, contents: "hi" }));
    return plain([json, ...chunks].map((answer) => answer.candidates?.[0]?.content?.parts));
  };
  const signature = (serial: number): string => Buffer.from(`gemini-signature-${serial}`).toString("base64");
  assert.deepEqual(await partsOf("gemini-3-flash", { text: ["a"] }), [
    [{ text: "a", thoughtSignature: signature(1) }],
    [{ text: "a" }],
    [{ text: "", thoughtSignature: signature(2) }],
  ]);
  const toolCalls = [{ name: "weather", arguments: {}, id: "c1" }];
  assert.deepEqual(await partsOf("gemini-3-flash", { text: ["a"], toolCalls }), [
    [{ text: "a" }, { functionCall: { name: "weather", args: {}, id: "c1" }, thoughtSignature: signature(3) }],
    [{ text: "a" }],
    [{ functionCall: { name: "weather", args: {}, id: "c1" }, thoughtSignature: signature(4) }],
    [{ text: "" }],
  ]);
  assert.deepEqual(await partsOf("gemini-2.5-pro", { reasoning: ["hm"], text: ["a"] }), [
    [{ text: "hm", thought: true }, { text: "a" }],
    [{ text: "hm", thought: true }],
    [{ text: "a" }],
    [{ text: "" }],
  ]);
});

test("a call that comes back without its signature, or without its response, is refused", async () => {
  const call = { role: "model", parts: [{ functionCall: { name: "weather", args: {} } }] };
  const user = { role: "user", parts: [{ text: "hi" }] };
  const response = { role: "user", parts: [{ functionResponse: { name: "weather", response: {} } }] };
  const ask = (contents: object[]): Promise<unknown> => client.models.generateContent({ model: "gemini-3.8-flash", contents });
  await assert.rejects(ask([user, call, response]), /missing a thought_signature/);
  await assert.rejects(ask([user, call, user]), /number of function response parts is equal/);
  await assert.rejects(ask([user, response]), /number of function response parts is equal/);
  const signed = { role: "model", parts: [{ functionCall: { name: "weather", args: {} }, thoughtSignature: "c2ln" }] };
  // One chunk a content, as the Python SDK records it; only the first call of a step is signed.
  await ask([
    user,
    signed,
    call,
    { role: "model", parts: [{ text: "" }] },
    { role: "user", parts: [...response.parts, ...response.parts] },
  ]);
  // Two steps in one turn: each wants its own signature.
  await assert.rejects(ask([user, signed, response, call, response]), /missing a thought_signature/);
  // An earlier turn is not looked at.
  await ask([user, call, response, { role: "model", parts: [{ text: "done" }] }, user]);
  await assert.rejects(ask([]), /contents/);
});

test("without alt=sse the stream is one JSON array, and an error comes in an array", async () => {
  const url = `${mock.url}/v1beta/models/gemini-mock:streamGenerateContent`;
  const body = JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hi" }] }] });
  mock.enqueue({ text: ["a", "b"] });
  const whole = (await (await fetch(url, { method: "POST", body })).json()) as GenerateContentResponse[];
  assert.deepEqual(
    whole.map((chunk) => chunk.candidates?.[0]?.content?.parts?.[0]?.text),
    ["a", "b", ""],
  );
  mock.enqueue({ text: ["a", "b"], trouble: { kind: "error-event", afterPieces: 1, error: { status: 503 } } });
  const broken = (await (await fetch(url, { method: "POST", body })).json()) as { error?: unknown }[];
  assert.deepEqual(
    broken.map((element) => element.error),
    [undefined, { code: 503, message: "The model is overloaded. Please try again later.", status: "UNAVAILABLE" }],
  );
  const refused = await fetch(url, { method: "POST", body: "{}" });
  assert.equal(refused.status, 400);
  assert.deepEqual(await refused.json(), [
    { error: { code: 400, message: "* GenerateContentRequest.contents: contents is not specified\n", status: "INVALID_ARGUMENT" } },
  ]);
});

test("frames of an event stream end with CRLF", async () => {
  mock.enqueue({ text: ["a"] });
  const body = JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hi" }] }] });
  const text = await (await fetch(`${mock.url}/v1beta/models/gemini-mock:streamGenerateContent?alt=sse`, { method: "POST", body })).text();
  assert.match(text, /^(data: \{.*\}\r\n\r\n){2}$/);
});

test("structured output fits a schema in upper case; stop reasons are Gemini's", async () => {
  const config = {
    responseMimeType: "application/json",
    responseSchema: { type: "OBJECT", properties: { city: { type: "STRING" } }, required: ["city"] },
  };
  const answer = await client.models.generateContent({ model: "gemini-mock", contents: "hi", config });
  assert.deepEqual(JSON.parse(answer.text ?? ""), { city: "Zürich" });
  const stops = ["length", "filter", "malformed-call"] as const;
  mock.enqueue(...stops.map((stop) => ({ text: ["x"], stop })), { refusal: "no" });
  const seen: unknown[] = [];
  for (let at = 0; at < 4; at += 1) {
    seen.push((await client.models.generateContent({ model: "gemini-mock", contents: "hi" })).candidates?.[0]?.finishReason);
  }
  assert.deepEqual(seen, ["MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL", "SAFETY"]);
});

test("contents are embedded one by one and in batches, tokens are counted, models are listed", async () => {
  const batch = await client.models.embedContent({
    model: "gemini-embedding-001",
    contents: ["a", "b"],
    config: { outputDimensionality: 4 },
  });
  assert.deepEqual(
    batch.embeddings?.map((embedding) => embedding.values?.length),
    [4, 4],
  );
  assert.equal(batch.usageMetadata?.promptTokenCount, mock.requests[0]?.reportedUsage?.input);
  const single = await fetch(`${mock.url}/v1beta/models/e:embedContent`, {
    method: "POST",
    body: JSON.stringify({ content: { parts: [{ text: "a" }] } }),
  });
  assert.equal(((await single.json()) as { embedding: { values: number[] } }).embedding.values.length, 8);
  assert.ok(((await client.models.countTokens({ model: "m", contents: "hi" })).totalTokens ?? 0) > 40);
  const names: unknown[] = [];
  for await (const model of await client.models.list()) names.push(model.name);
  assert.deepEqual(names, ["models/mock-large", "models/mock-small"]);
  assert.equal((await client.models.get({ model: "mock-large" })).displayName, "Mock mock-large");
});

/** Without the SDK's classes. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
