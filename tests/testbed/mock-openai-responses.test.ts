import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import OpenAI, { NotFoundError } from "openai";
import { createMockUpstream } from "./mock-upstream.ts";
import type { MockUpstream } from "./mock-upstream.ts";

let mock: MockUpstream;
let client: OpenAI;
before(async () => {
  mock = await createMockUpstream();
  client = new OpenAI({ apiKey: "sk-test", baseURL: `${mock.url}/v1`, maxRetries: 0 });
});
afterEach(() => mock.reset());
after(() => mock.close());

const parameters = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 2 } },
  required: ["city", "days"],
};

test("the stream helper collects reasoning, text and calls, and the usage is the reported one", async () => {
  mock.enqueue({
    reasoning: ["think ", "hard"],
    text: ["Hel", "lo"],
    toolCalls: [{ name: "weather", arguments: { city: "Zürich", days: 2 } }],
    delayBetweenChunksMs: 0,
  });
  const stream = client.responses.stream({
    model: "m",
    input: "hi",
    reasoning: { summary: "auto" },
    include: ["reasoning.encrypted_content"],
  });
  const types: string[] = [];
  const sequence: number[] = [];
  stream.on("event", (event) => {
    types.push(event.type);
    sequence.push(event.sequence_number);
  });
  const response = await stream.finalResponse();
  assert.equal(response.output_text, "Hello");
  assert.deepEqual(
    response.output.map((item) => item.type),
    ["reasoning", "message", "function_call"],
  );
  const usage = mock.requests[0]?.reportedUsage;
  assert.ok(usage && usage.reasoning > 0);
  assert.deepEqual(response.usage, {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: 0 },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  });
  assert.deepEqual(
    sequence,
    sequence.map((_, at) => at),
  );
  assert.deepEqual(
    [...new Set(types)],
    [
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.reasoning_summary_part.added",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_text.done",
      "response.reasoning_summary_part.done",
      "response.output_item.done",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.completed",
    ],
  );
});

test("a tool loop ends after one call; the stream and the JSON answer hold the same output", async () => {
  const tools = [{ type: "function" as const, name: "weather", strict: true, parameters }];
  const first = await client.responses.create({ model: "m", input: "hi", tools });
  const call = first.output.find((item) => item.type === "function_call");
  assert.deepEqual(call && JSON.parse(call.arguments), { city: "Zürich", days: 2 });
  const input = [
    { role: "user" as const, content: "hi" },
    ...(call ? [call, { type: "function_call_output" as const, call_id: call.call_id, output: "sunny" }] : []),
  ];
  const second = await client.responses.stream({ model: "m", input, tools }).finalResponse();
  assert.equal(second.output_text, mock.requests[1]?.scenario?.text.join(""));
});

test("tools that come as an input item are called in their namespace, freeform ones with free text", async () => {
  const added = {
    type: "additional_tools",
    role: "developer",
    tools: [{ type: "namespace", name: "functions", tools: [{ type: "custom", name: "exec" }] }],
  };
  const stream = client.responses.stream({ model: "m", input: [added, { role: "user", content: "hi" }] as never });
  const events: unknown[] = [];
  stream.on("event", (event) => {
    if (!event.type.startsWith("response.custom")) return;
    const input = "input" in event ? event.input : null;
    events.push("delta" in event ? event.delta : input);
  });
  const { output } = await stream.finalResponse();
  const text = "printf '%s' \"ok ✓\"";
  assert.deepEqual(output, [
    {
      id: "ctc_0000000000010000",
      type: "custom_tool_call",
      call_id: "call_0000000000010000",
      name: "exec",
      namespace: "functions",
      input: text,
    },
  ]);
  assert.equal(events.pop(), text);
  assert.equal(events.join(""), text);
});

test("refusal and incomplete answers", async () => {
  mock.enqueue({ text: ["a"], refusal: "no" }, { text: ["a"], stop: "length" });
  const refused = await client.responses.stream({ model: "m", input: "hi" }).finalResponse();
  const message = refused.output[0];
  assert.deepEqual(message?.type === "message" ? message.content : null, [
    { type: "output_text", annotations: [], logprobs: [], text: "a", parsed: null },
    { type: "refusal", refusal: "no", parsed: null },
  ] as object);
  const cut = await client.responses.create({ model: "m", input: "hi" });
  assert.deepEqual([cut.status, cut.incomplete_details], ["incomplete", { reason: "max_output_tokens" }]);
});

test("what is stored can be read, listed, continued, cancelled and deleted", async () => {
  const first = await client.responses.create({ model: "m", input: "hi" });
  assert.deepEqual(await client.responses.retrieve(first.id), first);
  const items = await client.responses.inputItems.list(first.id);
  assert.deepEqual(
    items.data.map((item) => ("content" in item ? item.content : null)),
    [[{ type: "input_text", text: "hi" }]],
  );
  const next = await client.responses.create({
    model: "m",
    previous_response_id: first.id,
    input: [{ type: "item_reference", id: first.output[0]?.id ?? "" }],
  });
  assert.equal(next.previous_response_id, first.id);
  await assert.rejects(client.responses.cancel(first.id), /Cannot cancel a synchronous response/);
  const unkept = await client.responses.create({ model: "m", input: "hi", store: false });
  await assert.rejects(client.responses.retrieve(unkept.id), NotFoundError);
  const background = await client.responses.create({ model: "m", input: "hi", background: true });
  assert.equal(background.status, "queued");
  assert.equal((await client.responses.cancel(background.id)).status, "cancelled");
  await client.responses.delete(first.id);
  await assert.rejects(client.responses.retrieve(first.id), NotFoundError);
  await assert.rejects(
    client.responses.create({ model: "m", input: "hi", previous_response_id: first.id }),
    /previous_response_not_found|not found/,
  );
});

test("the input token count, and outputs without a call refused", async () => {
  const counted = await client.responses.inputTokens.count({ model: "m", input: "hi" });
  assert.equal(counted.object, "response.input_tokens");
  assert.ok(counted.input_tokens > 40);
  await assert.rejects(
    client.responses.create({ model: "m", input: [{ type: "function_call_output", call_id: "call_x", output: "" }] }),
    /No tool call found for function call output with call_id call_x/,
  );
  await assert.rejects(
    client.responses.create({ model: "m", input: [{ type: "function_call", call_id: "call_y", name: "f", arguments: "{}" }] }),
    /No tool output found for function call call_y/,
  );
});
