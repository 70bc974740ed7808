import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import type { RunnableFunctionWithParse } from "openai/lib/RunnableFunction";
import * as z from "zod";
import type { BothWays, Served } from "./both-ways.ts";
import { startBothWays } from "./both-ways.ts";

const chat: Served = { dialect: "openai-chat", provider: "openai" };
const responses: Served = { dialect: "openai-responses", provider: "openai" };
const messages = [{ role: "user" as const, content: "How is the weather? ✓ 日本" }];
const parameters: Record<string, unknown> = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 2 } },
  required: ["city", "days"],
  additionalProperties: false,
};
const everything = {
  reasoning: ["Let me ", "think"],
  text: ["Hel", "lo ✓ ", "🚀"],
  toolCalls: [
    { name: "weather", arguments: { city: "Zürich", days: 2 } },
    { name: "weather", arguments: { city: "東京", days: 3 }, fragments: ['{"city":"東', '京","days":3}'] },
  ],
  usage: { input: 100, cached: 40, output: 30, reasoning: 10 },
  delayBetweenChunksMs: 0,
};
const Trip = z.object({ city: z.string(), days: z.number() });

let ways: BothWays<OpenAI>;
before(async () => {
  ways = await startBothWays("openai", (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 }));
});
after(() => ways.stop());

test("Chat: a JSON answer, with all that a model can say", async () => {
  const { value } = await ways.compare(chat, [everything], (client) => client.chat.completions.create({ model: "gpt-mock", messages }));
  assert.equal(value.choices[0]?.message.content, "Hello ✓ 🚀");
});

test("Chat: refusal, length, filter", async () => {
  const scenarios = [{ refusal: "I can't." }, { text: ["cut"], stop: "length" as const }, { text: ["x"], stop: "filter" as const }];
  const { value } = await ways.compare(chat, scenarios, async (client) => {
    const answers = [];
    for (const _ of scenarios) answers.push(await client.chat.completions.create({ model: "gpt-mock", messages }));
    return answers;
  });
  assert.deepEqual(
    value.map((answer) => answer.choices[0]?.finish_reason),
    ["stop", "length", "content_filter"],
  );
});

for (const isAsked of [true, false]) {
  test(`Chat: the stream's accumulator, ${isAsked ? "with" : "without"} usage asked for`, async () => {
    const params = { model: "gpt-mock", messages, ...(isAsked ? { stream_options: { include_usage: true } } : {}) };
    const scenario = { ...everything, interleaveToolCalls: true };
    const { value, rows } = await ways.compare(chat, [scenario, scenario], async (client) => {
      const final = await client.chat.completions.stream(params).finalChatCompletion();
      const chunks = [];
      for await (const chunk of await client.chat.completions.create({ ...params, stream: true })) chunks.push(chunk);
      return { final, chunks };
    });
    assert.equal(value.final.choices[0]?.message.content, "Hello ✓ 🚀");
    assert.equal(value.final.usage?.prompt_tokens, isAsked ? 100 : undefined);
    assert.equal(rows[0]?.input_tokens, 100);
  });
}

for (const stream of [false, true]) {
  test(`Chat: runTools, ${stream ? "streaming" : "not streaming"}`, async () => {
    const scenarios = [{ toolCalls: [{ name: "weather", arguments: { city: "Zürich", days: 2 } }] }, { text: ["It is", " sunny."] }].map(
      (scenario) => ({ ...scenario, usage: { input: 50, cached: 7, output: 9, reasoning: 0 } }),
    );
    const { value, requests } = await ways.compare(chat, scenarios, async (client) => {
      const given: unknown[] = [];
      const weather: RunnableFunctionWithParse<object> = {
        name: "weather",
        description: "",
        parameters,
        parse: (text) => JSON.parse(text) as object,
        function: (input) => {
          given.push(input);
          return "sunny";
        },
      };
      const params = { model: "gpt-mock", messages, tools: [{ type: "function" as const, function: weather }] };
      const { completions } = client.chat;
      const runner = stream ? completions.runTools({ ...params, stream: true }) : completions.runTools({ ...params, stream: false });
      return { text: await runner.finalContent(), given, messages: runner.messages };
    });
    assert.equal(value.text, "It is sunny.");
    assert.deepEqual(value.given, [{ city: "Zürich", days: 2 }]);
    assert.equal(requests.length, 2);
  });
}

test("Chat: the structured parse", async () => {
  const { value } = await ways.compare(chat, [{}], (client) =>
    client.chat.completions.parse({ model: "gpt-mock", messages, response_format: zodResponseFormat(Trip, "trip") }),
  );
  assert.deepEqual(value.choices[0]?.message.parsed, { city: "Zürich", days: 1 });
});

test("Responses: a JSON answer, with all that a model can say", async () => {
  const { value } = await ways.compare(responses, [everything], (client) =>
    client.responses.create({ model: "gpt-mock", input: "hi", reasoning: { summary: "auto" }, include: ["reasoning.encrypted_content"] }),
  );
  assert.deepEqual(
    value.output.map((item) => item.type),
    ["reasoning", "message", "function_call", "function_call"],
  );
});

test("Responses: the stream's accumulator and its events", async () => {
  const { value } = await ways.compare(responses, [everything, everything], async (client) => {
    const final = await client.responses.stream({ model: "gpt-mock", input: "hi" }).finalResponse();
    const events = [];
    for await (const event of await client.responses.create({ model: "gpt-mock", input: "hi", stream: true })) events.push(event);
    return { final, events };
  });
  assert.equal(value.final.output_text, "Hello ✓ 🚀");
  assert.equal(value.events.at(-1)?.type, "response.completed");
});

test("Responses: what is stored is continued, read, listed and deleted", async () => {
  const { value } = await ways.compare(responses, [], async (client) => {
    const first = await client.responses.create({ model: "gpt-mock", input: "hi" });
    const streamed = await client.responses.stream({ model: "gpt-mock", input: "hi" }).finalResponse();
    const second = await client.responses.create({ model: "gpt-mock", input: "and?", previous_response_id: first.id });
    const third = await client.responses.create({ model: "gpt-mock", input: "and?", previous_response_id: streamed.id });
    return {
      previous: [second.previous_response_id === first.id, third.previous_response_id === streamed.id],
      all: [first, second, third],
      read: await client.responses.retrieve(first.id),
      items: (await client.responses.inputItems.list(second.id, { order: "asc" })).data,
      deleted: await client.responses.delete(second.id),
    };
  });
  assert.deepEqual(value.previous, [true, true]);
  assert.deepEqual(value.read, value.all[0]);
});

test("Responses: one in the background is cancelled, and is not billed for an answer that it has not given", async () => {
  const { client, gateway } = ways;
  const background = await client.responses.create({ model: "gpt-mock", input: "hi", background: true });
  assert.equal(background.status, "queued");
  assert.equal((await client.responses.cancel(background.id)).status, "cancelled");
  const rows = (await gateway.rows()).slice(-2);
  assert.deepEqual(
    rows.map((row) => [row.status, row.usage_source, row.input_tokens, row.output_tokens]),
    [
      ["ok", "none", null, null],
      ["ok", "none", null, null],
    ],
  );
});

test("Responses: what was deleted, or was not to be stored, is not found", async () => {
  const { client, mock } = ways;
  mock.reset();
  const kept = await client.responses.create({ model: "gpt-mock", input: "hi" });
  await client.responses.delete(kept.id);
  const unkept = await client.responses.create({ model: "gpt-mock", input: "hi", store: false });
  await assert.rejects(client.responses.retrieve(kept.id), NotFoundError);
  await assert.rejects(client.responses.retrieve(unkept.id), NotFoundError);
  // The gateway knows it by itself: two were made, one was deleted.
  assert.deepEqual(
    mock.requests.map(({ method }) => method),
    ["POST", "DELETE", "POST"],
  );
});

test("Responses: the structured parse, and a tool loop", async () => {
  const tools = [{ type: "function" as const, name: "weather", strict: true, parameters }];
  const { value } = await ways.compare(responses, [], async (client) => {
    const parsed = await client.responses.parse({ model: "gpt-mock", input: "hi", text: { format: zodTextFormat(Trip, "trip") } });
    const first = await client.responses.create({ model: "gpt-mock", input: "hi", tools });
    const call = first.output.find((item) => item.type === "function_call");
    assert.ok(call);
    const answer = { type: "function_call_output" as const, call_id: call.call_id, output: "sunny" };
    const input = [{ role: "user" as const, content: "hi" }, call, answer];
    const second = await client.responses.stream({ model: "gpt-mock", input, tools }).finalResponse();
    return { parsed: parsed.output_parsed, arguments: call.arguments, text: second.output_text };
  });
  assert.deepEqual(value.parsed, { city: "Zürich", days: 1 });
  assert.deepEqual(JSON.parse(value.arguments), { city: "Zürich", days: 2 });
  assert.match(value.text, /^The answer is /);
});

test("Responses: input tokens are counted by the upstream, and not billed", async () => {
  const { value } = await ways.compare(responses, [{ usage: { input: 4711 } }], (client) =>
    client.responses.inputTokens.count({ model: "gpt-mock", input: "hi" }),
  );
  assert.equal(value.input_tokens, 4711);
});

test("embeddings as numbers and as base64", async () => {
  const { value } = await ways.compare(chat, [], async (client) => {
    const params = { model: "text-embedding-mock", input: ["a", "b ✓"], dimensions: 4 };
    const packed = await client.embeddings.create(params);
    const numbers = await client.embeddings.create({ ...params, encoding_format: "float" });
    const text = await client.embeddings.create({ ...params, encoding_format: "base64" });
    return { packed, numbers, text };
  });
  assert.deepEqual(value.packed.data, value.numbers.data);
  assert.equal(typeof value.text.data[0]?.embedding, "string");
});

test("the base path that Google gives to OpenAI's SDKs", async () => {
  const { gateway, caller, mock } = ways;
  mock.reset();
  mock.enqueue({ text: ["hello"] });
  const client = new OpenAI({ apiKey: caller.key, baseURL: `${gateway.url}/v1beta/openai/`, maxRetries: 0 });
  const answer = await client.chat.completions.create({ model: "gpt-mock", messages });
  assert.equal(answer.choices[0]?.message.content, "hello");
  const { data } = await client.embeddings.create({ model: "text-embedding-mock", input: "a" });
  assert.equal(data[0]?.embedding.length, 8);
  const ids = (await client.models.list()).data.map((model) => model.id);
  assert.ok(ids.includes("gpt-mock"));
});

test("an upstream's error is the SDK's error, with the upstream's words", async () => {
  const { mock, client, gateway } = ways;
  mock.reset();
  mock.enqueue({ trouble: { kind: "error", error: { status: 400, message: "Too hot.", param: "temperature", code: "too_hot" } } });
  await assert.rejects(client.chat.completions.create({ model: "gpt-mock", messages, temperature: 9 }), (error: unknown) => {
    assert.ok(error instanceof BadRequestError);
    assert.deepEqual(error.error, { message: "Too hot.", type: "invalid_request_error", param: "temperature", code: "too_hot" });
    return true;
  });
  const row = (await gateway.rows()).at(-1);
  assert.deepEqual([row?.status, row?.http_status, row?.cost_nano_usd], ["error", 400, 0]);
});
