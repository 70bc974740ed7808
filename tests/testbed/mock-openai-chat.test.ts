import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import type { RunnableFunctionWithParse } from "openai/lib/RunnableFunction";
import { createMockUpstream } from "./mock-upstream.ts";
import type { MockUpstream } from "./mock-upstream.ts";
import type { ScenarioUsage } from "./scenario.ts";

let mock: MockUpstream;
let client: OpenAI;
before(async () => {
  mock = await createMockUpstream();
  client = new OpenAI({ apiKey: "sk-test", baseURL: `${mock.url}/v1`, maxRetries: 0 });
});
afterEach(() => mock.reset());
after(() => mock.close());

const parameters: Record<string, unknown> = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 2 } },
  required: ["city", "days"],
};

function chatUsage(usage: ScenarioUsage): object {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

test("the stream helper of the SDK collects text, tool calls and usage", async () => {
  mock.enqueue({
    reasoning: ["hm"],
    text: ["Let ", "me ✓"],
    toolCalls: [
      { name: "weather", arguments: { city: "Zürich", days: 2 } },
      { name: "weather", arguments: { city: "東京", days: 3 }, fragments: ['{"city":"東', '京","days":3}'] },
    ],
    interleaveToolCalls: true,
    delayBetweenChunksMs: 0,
  });
  const stream = client.chat.completions.stream({
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    stream_options: { include_usage: true },
  });
  const completion = await stream.finalChatCompletion();
  const message = completion.choices[0]?.message;
  assert.equal(message?.content, "Let me ✓");
  assert.deepEqual(
    message?.tool_calls?.map((call) => (call.type === "function" ? [call.id, call.function.name, call.function.arguments] : [])),
    [
      ["call_0000000000010000", "weather", '{"city":"Zürich","days":2}'],
      ["call_0000000000010001", "weather", '{"city":"東京","days":3}'],
    ],
  );
  assert.equal(completion.choices[0]?.finish_reason, "tool_calls");
  const reported = mock.requests[0]?.reportedUsage;
  assert.ok(reported);
  assert.deepEqual(completion.usage, chatUsage(reported));
});

test("interleaved fragments take turns on the wire", async () => {
  mock.enqueue({
    toolCalls: [
      { name: "a", arguments: "{}", fragments: ["{", "}"] },
      { name: "b", arguments: "[]", fragments: ["[", "]"] },
    ],
    interleaveToolCalls: true,
  });
  const indexes: (number | undefined)[] = [];
  for await (const chunk of await client.chat.completions.create({
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    stream: true,
  })) {
    for (const call of chunk.choices[0]?.delta.tool_calls ?? []) indexes.push(call.index);
  }
  assert.deepEqual(indexes, [0, 0, 1, 1, 0, 1]);
});

test("usage stands on a last chunk without choices, and only where it is asked for", async () => {
  const usages = async (isAsked: boolean): Promise<unknown[]> => {
    const stream = await client.chat.completions.create({
      model: "m",
      messages: [{ role: "user", content: "hi" }],
      stream: true,
      ...(isAsked ? { stream_options: { include_usage: true } } : {}),
    });
    const seen: unknown[] = [];
    for await (const chunk of stream) seen.push([chunk.choices.length, "usage" in chunk ? chunk.usage : "absent"]);
    return seen;
  };
  const unasked = await usages(false);
  assert.deepEqual(new Set(unasked.map(String)), new Set(["1,absent"]));
  assert.equal(mock.requests[0]?.reportedUsage, null);
  const asked = await usages(true);
  const reported = mock.requests[1]?.reportedUsage;
  assert.ok(reported);
  assert.deepEqual(asked.at(-1), [0, chatUsage(reported)]);
  assert.deepEqual(new Set(asked.slice(0, -1).map((entry) => JSON.stringify(entry))), new Set(["[1,null]"]));
});

test("runTools calls the first tool once with arguments that fit its schema, streaming or not", async () => {
  for (const isStream of [false, true]) {
    mock.reset();
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
    const params = {
      model: "m",
      messages: [{ role: "user" as const, content: "weather?" }],
      tools: [{ type: "function" as const, function: weather }],
    };
    const { completions } = client.chat;
    const runner = isStream ? completions.runTools({ ...params, stream: true }) : completions.runTools({ ...params, stream: false });
    const text = await runner.finalContent();
    assert.deepEqual(given, [{ city: "Zürich", days: 2 }]);
    assert.equal(mock.requests.length, 2);
    assert.equal(text, mock.requests[1]?.scenario?.text.join(""));
  }
});

test("a JSON answer carries refusal, stop reason and usage", async () => {
  mock.enqueue(
    { refusal: "I can't.", stop: "filter" },
    { text: ["cut"], stop: "length", usage: { input: 7, cached: 3, output: 5, reasoning: 2, cacheWrite5m: 1 } },
  );
  const refused = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }] });
  assert.deepEqual(
    [refused.choices[0]?.message.refusal, refused.choices[0]?.message.content, refused.choices[0]?.finish_reason],
    ["I can't.", null, "content_filter"],
  );
  const cut = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }] });
  assert.equal(cut.choices[0]?.finish_reason, "length");
  assert.deepEqual(cut.usage?.prompt_tokens_details, { cached_tokens: 3, audio_tokens: 0, cache_write_tokens: 1 });
  assert.deepEqual(mock.requests[1]?.reportedUsage, { input: 7, cached: 3, cacheWrite5m: 1, cacheWrite1h: 0, output: 5, reasoning: 2 });
});

test("structured output fits the schema", async () => {
  const schema = {
    type: "object",
    properties: { a: { type: "string" }, n: { type: ["integer", "null"] }, list: { type: "array", items: { enum: ["x", "y"] } } },
    required: ["a", "n", "list"],
  };
  const completion = await client.chat.completions.create({
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    response_format: { type: "json_schema", json_schema: { name: "s", schema } },
  });
  assert.deepEqual(JSON.parse(completion.choices[0]?.message.content ?? ""), { a: "some a", n: 1, list: ["x"] });
});

test("wrong requests get OpenAI's 400", async () => {
  const cases: readonly (readonly [object, string, string | null])[] = [
    [{ messages: [{ role: "user", content: "x" }] }, "you must provide a model parameter", null],
    [{ model: "m" }, "Missing required parameter: 'messages'.", "messages"],
    [
      { model: "m", messages: [{ role: "user", content: "x" }], tools: [] },
      "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      "tools",
    ],
    [
      { model: "gpt-5.5", messages: [{ role: "user", content: "x" }], max_tokens: 5 },
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      "max_tokens",
    ],
    [
      { model: "m", messages: [{ role: "tool", tool_call_id: "a", content: "x" }] },
      "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
      "messages.[0].role",
    ],
    [
      {
        model: "m",
        messages: [
          { role: "assistant", tool_calls: [{ id: "a" }, { id: "b" }] },
          { role: "tool", tool_call_id: "a", content: "x" },
          { role: "user", content: "x" },
        ],
      },
      "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: b",
      "messages.[2].role",
    ],
  ];
  for (const [body, message, param] of cases) {
    await assert.rejects(client.chat.completions.create(body as never), (error: unknown) => {
      assert.ok(error instanceof BadRequestError);
      assert.deepEqual([(error.error as { message: string }).message, error.param], [message, param]);
      return true;
    });
  }
});

test("embeddings agree in base64 and in numbers; models are listed and found", async () => {
  const packed = await client.embeddings.create({ model: "e", input: ["a", "b"], dimensions: 4 });
  const plain = await client.embeddings.create({ model: "e", input: ["a", "b"], dimensions: 4, encoding_format: "float" });
  assert.deepEqual(packed.data, plain.data);
  assert.equal(packed.data[0]?.embedding.length, 4);
  assert.notDeepEqual(packed.data[0]?.embedding, packed.data[1]?.embedding);
  assert.equal(packed.usage.prompt_tokens, mock.requests[0]?.reportedUsage?.input);
  const listed = await client.models.list();
  assert.deepEqual(
    listed.data.map((model) => model.id),
    ["mock-large", "mock-small"],
  );
  assert.equal((await client.models.retrieve("mock-small")).owned_by, "mock");
  await assert.rejects(client.models.retrieve("nope"), NotFoundError);
});
