import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import { sendRaw, type RawReply } from "./raw-http.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let alice: Caller;
let openai: OpenAI;
let genai: GoogleGenAI;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  alice = await gateway.createKey("alice");
  openai = new OpenAI({ apiKey: alice.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  genai = new GoogleGenAI({ apiKey: alice.key, httpOptions: { baseUrl: gateway.url } });
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

/** What the upstream itself answers to this body. */
async function upstreamVectors(path: string, key: string, body: object): Promise<readonly (readonly number[])[]> {
  const headers = { "content-type": "application/json", "x-goog-api-key": key, authorization: `Bearer ${key}` };
  const reply = await fetch(mock.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  const wire = (await reply.json()) as {
    embedding?: { values: number[] };
    embeddings?: { values: number[] }[];
    data?: { embedding: number[] }[];
  };
  return wire.data?.map(({ embedding }) => embedding) ?? (wire.embeddings ?? [wire.embedding!]).map(({ values }) => values);
}

async function lastRow(): Promise<object> {
  const row = (await gateway.rows()).at(-1)!;
  return {
    dialect: row.dialect,
    provider: row.provider,
    served: row.model_served,
    input: row.input_tokens,
    output: row.output_tokens,
    source: row.usage_source,
    status: row.status,
    http: row.http_status,
  };
}

const geminiPath = "/v1beta/models/gemini-embedding-mock";
const resource = "models/gemini-embedding-mock";

test("OpenAI's SDK gets the vectors of a Gemini model, as base64, as numbers and through the other base path", async () => {
  mock.reset();
  mock.enqueue({ usage: { input: 21 } }, { usage: { input: 21 } }, { usage: { input: 21 } });
  const params = { model: "gemini-embedding-mock", input: ["a", "b ✓ 日本"], dimensions: 4 };
  const packed = await openai.embeddings.create(params);
  const numbers = await openai.embeddings.create({ ...params, encoding_format: "float" });
  const google = new OpenAI({ apiKey: alice.key, baseURL: `${gateway.url}/v1beta/openai`, maxRetries: 0 });
  const text = await google.embeddings.create({ ...params, encoding_format: "base64" });
  const sent = {
    requests: params.input.map((input) => ({ model: resource, content: { parts: [{ text: input }] }, outputDimensionality: 4 })),
  };
  assert.deepEqual(
    mock.requests.map(({ url, body }) => [url, JSON.parse(body.toString("utf8")) as unknown]),
    Array.from({ length: 3 }, () => [`${geminiPath}:batchEmbedContents`, sent]),
  );
  const vectors = await upstreamVectors(`${geminiPath}:batchEmbedContents`, providerKeys.google, sent);
  const data = vectors.map((embedding, index) => ({ object: "embedding", index, embedding }));
  const expected = { object: "list", data, model: "gemini-embedding-mock", usage: { prompt_tokens: 21, total_tokens: 21 } };
  assert.deepEqual([packed, numbers], [expected, expected]);
  assert.deepEqual(
    text.data.map(({ embedding }) => embedding as unknown),
    vectors.map((vector) => Buffer.from(Float32Array.from(vector).buffer).toString("base64")),
  );
  assert.deepEqual(await lastRow(), {
    dialect: "openai-chat",
    provider: "google",
    served: "gemini-embedding-mock",
    input: 21,
    output: 0,
    source: "reported",
    status: "ok",
    http: 200,
  });
});

test("one text of OpenAI's SDK is one embedContent, and `user` has no place there", async () => {
  mock.reset();
  const { data, response } = await openai.embeddings.create({ model: "gemini-embedding-mock", input: "a", user: "u1" }).withResponse();
  const sent = { model: resource, content: { parts: [{ text: "a" }] } };
  assert.deepEqual(
    mock.requests.map(({ url, body }) => [url, JSON.parse(body.toString("utf8")) as unknown]),
    [[`${geminiPath}:embedContent`, sent]],
  );
  assert.deepEqual([data.data[0]?.embedding], await upstreamVectors(`${geminiPath}:embedContent`, providerKeys.google, sent));
  assert.equal(response.headers.get("x-tokligence-dropped-params"), "user");
  assert.equal(response.headers.get("x-tokligence-estimated"), null);
});

for (const [model, provider, key] of [
  ["text-embedding-mock", "openai", providerKeys.openai],
  ["local-embedding", "local", providerKeys.local],
] as const) {
  test(`Google's SDK gets the vectors of the ${provider} provider; what only Gemini has is named as lost`, async () => {
    mock.reset();
    mock.enqueue({ usage: { input: 9 } });
    const answer = await genai.models.embedContent({
      model,
      contents: ["a", "b ✓"],
      config: { outputDimensionality: 4, taskType: "RETRIEVAL_DOCUMENT", title: "T" },
    });
    const sent = { model, input: ["a", "b ✓"], encoding_format: "float", dimensions: 4 };
    assert.deepEqual(
      mock.requests.map(({ url, body }) => [url, JSON.parse(body.toString("utf8")) as unknown]),
      [["/v1/embeddings", sent]],
    );
    const vectors = await upstreamVectors("/v1/embeddings", key, sent);
    assert.deepEqual(
      answer.embeddings?.map(({ values }) => values),
      vectors,
    );
    assert.equal(answer.sdkHttpResponse?.headers?.["x-tokligence-dropped-params"], "taskType,title");
    assert.deepEqual(await lastRow(), {
      dialect: "gemini-generate",
      provider,
      served: model,
      input: 9,
      output: 0,
      source: "reported",
      status: "ok",
      http: 200,
    });
  });
}

test(":embedContent over an OpenAI upstream answers the form without a batch, with usage", async () => {
  mock.reset();
  mock.enqueue({ usage: { input: 5 } });
  const reply = await post("/v1beta/models/text-embedding-mock:embedContent", {
    content: { parts: [{ text: "a" }, { text: "b" }] },
    embedContentConfig: { outputDimensionality: 4, taskType: "CLUSTERING" },
  });
  const [vector] = await upstreamVectors("/v1/embeddings", providerKeys.openai, {
    model: "text-embedding-mock",
    input: "ab",
    dimensions: 4,
  });
  assert.deepEqual(JSON.parse(reply.body.toString()), {
    embedding: { values: vector },
    usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 },
  });
  assert.equal(reply.headers["x-tokligence-dropped-params"], "taskType");
});

test("arrays of tokens are refused clearly for a model that would read other words, and reach no provider", async () => {
  mock.reset();
  await assert.rejects(openai.embeddings.create({ model: "gemini-embedding-mock", input: [[1, 2, 3]] }), (error: unknown) => {
    assert.ok(error instanceof BadRequestError);
    assert.deepEqual([error.param, error.message.includes("Arrays of tokens")], ["input", true]);
    return true;
  });
  assert.equal(mock.requests.length, 0);
});

test("a model whose provider has no embeddings is a 404 that says so, in each dialect", async () => {
  mock.reset();
  await assert.rejects(openai.embeddings.create({ model: "claude-mock", input: "a" }), (error: unknown) => {
    assert.ok(error instanceof NotFoundError);
    assert.match(error.message, /which has no embeddings\. Choose an embedding model of another provider\./);
    return true;
  });
  const reply = await post("/v1beta/models/claude-mock:embedContent", { content: { parts: [{ text: "a" }] } });
  const { error } = JSON.parse(reply.body.toString()) as { error: { code: number; status: string; message: string } };
  assert.deepEqual([reply.status, error.code, error.status], [404, 404, "NOT_FOUND"]);
  assert.match(error.message, /which has no embeddings/);
  assert.equal(mock.requests.length, 0);
});

test("on_loss refuse: a request that loses something is refused, one that does not is served", async () => {
  mock.reset();
  const strict = await startGateway({ config: withMockUpstream(mock.url), env: { TOKLIGENCE_GATEWAY_ON_LOSS: "refuse" } });
  try {
    const { key } = await strict.createKey("alice");
    const client = new OpenAI({ apiKey: key, baseURL: `${strict.url}/v1`, maxRetries: 0 });
    await assert.rejects(client.embeddings.create({ model: "gemini-embedding-mock", input: "a", user: "u1" }), BadRequestError);
    assert.equal((await client.embeddings.create({ model: "gemini-embedding-mock", input: "a" })).data.length, 1);
  } finally {
    await strict.stop();
  }
});

test("an upstream's error is the client's error", async () => {
  mock.reset();
  mock.enqueue({ trouble: { kind: "error", error: { status: 400, message: "Too long." } } });
  await assert.rejects(openai.embeddings.create({ model: "gemini-embedding-mock", input: "a" }), /400 Too long\./);
});

test("a provider that reports no count: the tokens are estimated, and header and ledger say so; a wrong number of vectors is a 502", async () => {
  const two = '{"embeddings":[{"values":[0.5,0.25]},{"values":[1,2]}]}';
  const answers = [two, '{"embeddings":[{"values":[0.5,0.25]}]}', two];
  const bare = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(request.method === "POST" ? answers.shift() : '{"models":[]}');
    });
  });
  await new Promise<void>((resolve) => bare.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(bare.address() as AddressInfo).port}`;
  const other = await startGateway({ config: withMockUpstream(baseUrl) });
  try {
    const { key } = await other.createKey("alice");
    const body = { model: "gemini-embedding-mock", input: ["How is the weather today?", "Rain."], encoding_format: "float" };
    const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json"];
    const reply = await sendRaw(other.url, { path: "/v1/embeddings", headers, body: JSON.stringify(body) });
    const wire = JSON.parse(reply.body.toString()) as OpenAI.CreateEmbeddingResponse;
    assert.deepEqual(
      wire.data.map(({ embedding }) => embedding),
      [
        [0.5, 0.25],
        [1, 2],
      ],
    );
    // "How is the weather today?" and "Rain." have 6 and 2 tokens in OpenAI's o200k_base.
    assert.deepEqual(wire.usage, { prompt_tokens: 8, total_tokens: 8 });
    assert.equal(reply.headers["x-tokligence-estimated"], "true");
    const broken = await sendRaw(other.url, { path: "/v1/embeddings", headers, body: JSON.stringify(body) });
    assert.equal(broken.status, 502);
    assert.match(broken.body.toString(), /1 vectors for 2 texts/);
    const requests = body.input.map((text) => ({ model: resource, content: { parts: [{ text }] } }));
    const forwarded = await sendRaw(other.url, { path: `${geminiPath}:batchEmbedContents`, headers, body: JSON.stringify({ requests }) });
    assert.deepEqual([forwarded.status, forwarded.body.toString(), forwarded.headers["x-tokligence-estimated"]], [200, two, undefined]);
    const rows = (await other.rows()).map(({ status, input_tokens, output_tokens, usage_source }) => [
      status,
      input_tokens,
      output_tokens,
      usage_source,
    ]);
    assert.deepEqual(rows, [
      ["ok", 8, 0, "estimated"],
      ["error", null, null, "none"],
      // Forwarded as it is, by the texts in its body, with what surrounds them; vectors are no tokens.
      ["ok", 32, 0, "estimated"],
    ]);
  } finally {
    await other.stop();
    bare.closeAllConnections();
    bare.close();
  }
});

function post(path: string, body: object): Promise<RawReply> {
  const headers = ["x-goog-api-key", alice.key, "content-type", "application/json"];
  return sendRaw(gateway.url, { path, headers, body: JSON.stringify(body) });
}
