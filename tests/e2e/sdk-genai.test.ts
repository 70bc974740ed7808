import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { GenerateContentResponse } from "@google/genai";
import { ApiError, GoogleGenAI } from "@google/genai";
import type { BothWays, Served } from "./both-ways.ts";
import { plain, startBothWays } from "./both-ways.ts";

const served: Served = { dialect: "gemini-generate", provider: "google" };
const model = "gemini-mock";
const contents = "How is the weather? ✓ 日本";
const weather = { name: "weather", parametersJsonSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const everything = {
  reasoning: ["Let me ", "think"],
  text: ["Hel", "lo ✓ ", "🚀"],
  toolCalls: [
    { name: "weather", arguments: { city: "Zürich" }, id: "c1" },
    { name: "weather", arguments: { city: "東京" }, id: "c2" },
  ],
  usage: { input: 100, cached: 40, output: 30, reasoning: 10 },
  delayBetweenChunksMs: 0,
};

let ways: BothWays<GoogleGenAI>;
before(async () => {
  ways = await startBothWays("google", (baseUrl, apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl } }));
});
after(() => ways.stop());

/** The SDK hands out the answer's headers too; those are the gateway's own and tested elsewhere. */
function body<T extends object>(response: T): Omit<T, "sdkHttpResponse"> {
  const copy: T & { sdkHttpResponse?: unknown } = plain(response);
  delete copy.sdkHttpResponse;
  return copy;
}

async function collect(stream: AsyncIterable<GenerateContentResponse>): Promise<GenerateContentResponse[]> {
  const chunks: GenerateContentResponse[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

test("a JSON answer, with all that a model can say", async () => {
  const { value } = await ways.compare(served, [everything], async (client) =>
    body(await client.models.generateContent({ model, contents })),
  );
  assert.equal(value.candidates?.[0]?.content?.parts?.length, 4);
});

test("a stream", async () => {
  const { value } = await ways.compare(served, [everything], async (client) => {
    const chunks = await collect(await client.models.generateContentStream({ model, contents }));
    return { chunks: chunks.map(body), text: chunks.map((chunk) => chunk.candidates?.[0]?.content?.parts?.[0]?.text ?? "").join("") };
  });
  assert.equal(value.text, "Let me thinkHello ✓ 🚀");
  assert.equal(value.chunks.at(-1)?.candidates?.[0]?.finishReason, "STOP");
});

test("every stop reason", async () => {
  const stops = ["end", "length", "filter"] as const;
  const { value } = await ways.compare(
    served,
    stops.map((stop) => ({ text: ["x"], stop })),
    async (client) => {
      const reasons = [];
      for (const _ of stops) reasons.push((await client.models.generateContent({ model, contents })).candidates?.[0]?.finishReason);
      return reasons;
    },
  );
  assert.deepEqual(value, ["STOP", "MAX_TOKENS", "SAFETY"]);
});

for (const stream of [false, true]) {
  test(`a chat with a tool loop, ${stream ? "streaming" : "not streaming"}`, async () => {
    const { value, requests } = await ways.compare(served, [], async (client) => {
      const config = { tools: [{ functionDeclarations: [weather] }], thinkingConfig: { includeThoughts: true } };
      const chat = client.chats.create({ model, config });
      const send = async (message: Parameters<typeof chat.sendMessage>[0]["message"]): Promise<GenerateContentResponse[]> =>
        stream ? collect(await chat.sendMessageStream({ message })) : [await chat.sendMessage({ message })];
      const calls = (await send("weather?")).flatMap((chunk) => chunk.functionCalls ?? []);
      const answer = await send([{ functionResponse: { id: calls[0]?.id ?? "", name: "weather", response: { output: "sunny" } } }]);
      return { calls, answer: answer.map(body), history: chat.getHistory() };
    });
    assert.deepEqual(
      value.calls.map(({ name, args }) => ({ name, args })),
      [{ name: "weather", args: { city: "Zürich" } }],
    );
    assert.equal(requests.length, 2);
  });
}

test("structured output", async () => {
  const config = { responseMimeType: "application/json", responseJsonSchema: weather.parametersJsonSchema };
  const { value } = await ways.compare(
    served,
    [],
    async (client) => (await client.models.generateContent({ model, contents, config })).text,
  );
  assert.deepEqual(JSON.parse(value ?? ""), { city: "Zürich" });
});

test("tokens are counted by the upstream, and not billed", async () => {
  const { value } = await ways.compare(served, [{ usage: { input: 4711 } }], async (client) =>
    body(await client.models.countTokens({ model, contents })),
  );
  assert.equal(value.totalTokens, 4711);
});

test("contents are embedded", async () => {
  const { value } = await ways.compare(served, [], async (client) => {
    const params = { model: "gemini-embedding-mock", config: { outputDimensionality: 4 } };
    return [
      body(await client.models.embedContent({ ...params, contents: ["a", "b ✓"] })),
      body(await client.models.embedContent({ ...params, contents: "a" })),
    ];
  });
  assert.deepEqual(
    value.map((answer) => answer.embeddings?.map((embedding) => embedding.values?.length)),
    [[4, 4], [4]],
  );
});

test("an older SDK's version of the API in the path is served alike", async () => {
  const { gateway, caller, mock } = ways;
  mock.reset();
  mock.enqueue({ text: ["hello"] }, { text: ["again"] });
  for (const apiVersion of ["v1beta", "v1"]) {
    const client = new GoogleGenAI({ apiKey: caller.key, apiVersion, httpOptions: { baseUrl: gateway.url } });
    const answer = await client.models.generateContent({ model, contents });
    assert.equal(answer.text, apiVersion === "v1beta" ? "hello" : "again");
  }
});

test("an upstream's error is the SDK's error, with the upstream's words", async () => {
  const { mock, client, gateway } = ways;
  mock.reset();
  mock.enqueue({ trouble: { kind: "error", error: { status: 400, message: "Too hot." } } });
  await assert.rejects(client.models.generateContent({ model, contents }), (error: unknown) => {
    assert.ok(error instanceof ApiError);
    const { error: wire } = JSON.parse(error.message) as { error: { code: number; message: string; status: string } };
    assert.deepEqual([error.status, wire.code, wire.message, wire.status], [400, 400, "Too hot.", "INVALID_ARGUMENT"]);
    return true;
  });
  const row = (await gateway.rows()).at(-1);
  assert.deepEqual([row?.status, row?.http_status, row?.cost_nano_usd], ["error", 400, 0]);
});
