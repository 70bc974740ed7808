import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic, { NotFoundError as AnthropicNotFound } from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import type { GenerateContentResponse } from "@google/genai";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI, { NotFoundError } from "openai";
import type { Response } from "openai/resources/responses/responses";
import type { Caller, TestGateway } from "./harness.ts";
import { startGateway } from "./harness.ts";

const model = "loopback";
/** 20 bytes: five tokens. */
const said = "one two ✓ three 日本";
const asked = 'call weather {"city":"Zürich","days":[1,2.0]}';
const schema = { type: "object", properties: { city: { type: "string" } } } as const;

let gateway: TestGateway;
let caller: Caller;
let openai: OpenAI;
let anthropic: Anthropic;
let genai: GoogleGenAI;
before(async () => {
  // No provider, no key, no network.
  gateway = await startGateway({ config: "gateway: { work_mode: auto }\nmodels: { practice: { targets: [loopback] } }\n" });
  caller = await gateway.createKey("alice");
  openai = new OpenAI({ apiKey: caller.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  anthropic = new Anthropic({ apiKey: caller.key, baseURL: gateway.url, maxRetries: 0 });
  genai = new GoogleGenAI({ apiKey: caller.key, httpOptions: { baseUrl: gateway.url } });
});
after(() => gateway.stop());

/** Runs, and returns the ledger entries that it made. */
async function recorded<T>(run: () => Promise<T>): Promise<{ value: T; entries: unknown[] }> {
  const before = (await gateway.rows()).length;
  const value = await run();
  const entries = (await gateway.rows())
    .slice(before)
    .map((row) => [
      row.user_id === caller.user.id,
      row.dialect,
      row.provider,
      row.model_asked,
      row.status,
      row.input_tokens,
      row.output_tokens,
    ]);
  return { value, entries };
}

async function textOf(
  stream: AsyncIterable<GenerateContentResponse>,
): Promise<{ text: string; last: GenerateContentResponse | undefined; pieces: number }> {
  let text = "";
  let last: GenerateContentResponse | undefined;
  let pieces = 0;
  for await (const chunk of stream) {
    text += chunk.text ?? "";
    last = chunk;
    pieces += 1;
  }
  return { text, last, pieces };
}

test("Chat repeats the last text, streaming or not, and reports its usage", async () => {
  const messages = [{ role: "user" as const, content: said }];
  const { value, entries } = await recorded(async () => [
    await openai.chat.completions.create({ model, messages }),
    await openai.chat.completions.stream({ model, messages, stream_options: { include_usage: true } }).finalChatCompletion(),
  ]);
  const tokens = Math.ceil(Buffer.byteLength(said) / 4);
  for (const answer of value) {
    assert.deepEqual([answer.choices[0]?.message.content, answer.choices[0]?.finish_reason, answer.model], [said, "stop", model]);
    assert.deepEqual(
      [answer.usage?.prompt_tokens, answer.usage?.completion_tokens, answer.usage?.total_tokens],
      [tokens, tokens, 2 * tokens],
    );
  }
  const entry = [true, "openai-chat", "loopback", model, "ok", tokens, tokens];
  assert.deepEqual(entries, [entry, entry]);
});

test("a Chat stream comes in several pieces, and without usage where it is not asked for", async () => {
  const messages = [{ role: "user" as const, content: said }];
  const pieces: (string | null | undefined)[] = [];
  for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true })) {
    assert.equal(chunk.usage ?? null, null);
    assert.equal(chunk.choices.length, 1);
    if (chunk.choices[0]?.delta.content) pieces.push(chunk.choices[0].delta.content);
  }
  assert.equal(pieces.join(""), said);
  assert.ok(pieces.length > 1);
});

test("Chat calls a tool with the very text of the arguments, and repeats the result", async () => {
  for (const stream of [true, false]) {
    const given: string[] = [];
    const tool = {
      type: "function" as const,
      function: {
        name: "weather",
        description: "",
        parameters: schema,
        function: (text: string) => {
          given.push(text);
          return "sunny ✓";
        },
      },
    };
    const params = { model, messages: [{ role: "user" as const, content: asked }], tools: [tool] };
    const { completions } = openai.chat;
    const runner = stream ? completions.runTools({ ...params, stream: true }) : completions.runTools({ ...params, stream: false });
    assert.equal(await runner.finalContent(), "The tool answered: sunny ✓");
    assert.deepEqual(given, ['{"city":"Zürich","days":[1,2.0]}']);
  }
});

test("Responses repeats the last text, streaming or not, and reports its usage", async () => {
  const { value, entries } = await recorded(async () => [
    await openai.responses.create({ model, input: said }),
    await openai.responses.stream({ model, input: said }).finalResponse(),
  ]);
  const tokens = Math.ceil(Buffer.byteLength(said) / 4);
  for (const answer of value) {
    assert.deepEqual([answer.output_text, answer.status, answer.model], [said, "completed", model]);
    assert.deepEqual([answer.usage?.input_tokens, answer.usage?.output_tokens, answer.usage?.total_tokens], [tokens, tokens, 2 * tokens]);
  }
  const entry = [true, "openai-responses", "loopback", model, "ok", tokens, tokens];
  assert.deepEqual(entries, [entry, entry]);
});

test("Responses calls a tool with the very text of the arguments, and repeats the result", async () => {
  const tools = [{ type: "function" as const, name: "weather", strict: false, parameters: schema }];
  const whole: Response = await openai.responses.create({ model, input: asked, tools });
  const streamed: Response = await openai.responses.stream({ model, input: asked, tools }).finalResponse();
  for (const answer of [whole, streamed]) {
    const call = answer.output.find((item) => item.type === "function_call");
    assert.ok(call);
    assert.deepEqual([call.name, call.arguments], ["weather", '{"city":"Zürich","days":[1,2.0]}']);
    const { type, call_id, name, arguments: text } = call;
    const input = [
      { role: "user" as const, content: asked },
      { type, call_id, name, arguments: text },
      { type: "function_call_output" as const, call_id, output: "sunny ✓" },
    ];
    assert.equal((await openai.responses.create({ model, input, tools })).output_text, "The tool answered: sunny ✓");
  }
});

test("Messages repeats the last text, streaming or not, and reports its usage", async () => {
  const params = { model, max_tokens: 100, messages: [{ role: "user" as const, content: said }] };
  const { value, entries } = await recorded(async () => [
    await anthropic.messages.create(params),
    await anthropic.messages.stream(params).finalMessage(),
  ]);
  const tokens = Math.ceil(Buffer.byteLength(said) / 4);
  for (const answer of value) {
    assert.deepEqual(
      answer.content.map((block) => (block.type === "text" ? block.text : block.type)),
      [said],
    );
    assert.deepEqual(
      [answer.stop_reason, answer.model, answer.usage.input_tokens, answer.usage.output_tokens],
      ["end_turn", model, tokens, tokens],
    );
  }
  const entry = [true, "anthropic-messages", "loopback", model, "ok", tokens, tokens];
  assert.deepEqual(entries, [entry, entry]);
});

test("Messages calls a tool in the tool runner, and repeats the result", async () => {
  for (const stream of [true, false]) {
    const given: unknown[] = [];
    const run = (input: unknown): string => {
      given.push(input);
      return "sunny ✓";
    };
    const tool = betaTool({ name: "weather", description: "", inputSchema: schema, run });
    const params = { model, max_tokens: 100, messages: [{ role: "user" as const, content: asked }] };
    const message = await anthropic.beta.messages.toolRunner({ ...params, tools: [tool], stream }).runUntilDone();
    assert.deepEqual(given, [{ city: "Zürich", days: [1, 2] }]);
    assert.deepEqual(
      message.content.map((block) => (block.type === "text" ? block.text : block.type)),
      ["The tool answered: sunny ✓"],
    );
  }
});

test("Gemini repeats the last text, streaming or not, and reports its usage", async () => {
  const tokens = Math.ceil(Buffer.byteLength(said) / 4);
  const { value, entries } = await recorded(async () => ({
    whole: await genai.models.generateContent({ model, contents: said }),
    streamed: await textOf(await genai.models.generateContentStream({ model, contents: said })),
  }));
  assert.deepEqual([value.whole.text, value.streamed.text], [said, said]);
  assert.ok(value.streamed.pieces > 1);
  for (const answer of [value.whole, value.streamed.last]) {
    assert.equal(answer?.candidates?.[0]?.finishReason, "STOP");
    assert.deepEqual([answer.usageMetadata?.promptTokenCount, answer.usageMetadata?.candidatesTokenCount], [tokens, tokens]);
  }
  const entry = [true, "gemini-generate", "loopback", model, "ok", tokens, tokens];
  assert.deepEqual(entries, [entry, entry]);
});

test("Gemini streams one JSON array where it is not asked for events", async () => {
  const response = await fetch(`${gateway.url}/v1beta/models/${model}:streamGenerateContent`, {
    method: "POST",
    headers: { "x-goog-api-key": caller.key },
    body: JSON.stringify({ contents: [{ role: "user", parts: [{ text: said }] }] }),
  });
  assert.equal(response.headers.get("content-type"), "application/json");
  const chunks = (await response.json()) as GenerateContentResponse[];
  assert.equal(chunks.map((chunk) => chunk.candidates?.[0]?.content?.parts?.[0]?.text ?? "").join(""), said);
});

test("Gemini calls a tool in a chat, and repeats the result", async () => {
  const config = { tools: [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: schema }] }] };
  for (const stream of [true, false]) {
    const chat = genai.chats.create({ model, config });
    const calls = [];
    if (stream) for await (const chunk of await chat.sendMessageStream({ message: asked })) calls.push(...(chunk.functionCalls ?? []));
    else calls.push(...((await chat.sendMessage({ message: asked })).functionCalls ?? []));
    assert.deepEqual(
      calls.map((call) => [call.name, call.args]),
      [["weather", { city: "Zürich", days: [1, 2] }]],
    );
    const response = { name: "weather", response: { output: "sunny ✓" }, ...(calls[0]?.id === undefined ? {} : { id: calls[0].id }) };
    const answer = await chat.sendMessage({ message: [{ functionResponse: response }] });
    assert.match(answer.text ?? "", /^The tool answered: .*sunny ✓/);
  }
});

test("an answer is cut at the bound that the client set, in every dialect", async () => {
  const long = "word ".repeat(40);
  const chat = await openai.chat.completions.create({ model, messages: [{ role: "user", content: long }], max_completion_tokens: 3 });
  const response = await openai.responses.create({ model, input: long, max_output_tokens: 3 });
  const message = await anthropic.messages.create({ model, max_tokens: 3, messages: [{ role: "user", content: long }] });
  const content = await genai.models.generateContent({ model, contents: long, config: { maxOutputTokens: 3 } });
  assert.deepEqual(
    [chat.choices[0]?.finish_reason, response.incomplete_details?.reason, message.stop_reason, content.candidates?.[0]?.finishReason],
    ["length", "max_output_tokens", "max_tokens", "MAX_TOKENS"],
  );
  assert.deepEqual([chat.usage?.completion_tokens, response.usage?.output_tokens, message.usage.output_tokens], [3, 3, 3]);
});

test("a call of a tool ends the turn with the dialect's word for it, streaming or not", async () => {
  const messages = [{ role: "user" as const, content: asked }];
  const chat = { model, messages, tools: [{ type: "function" as const, function: { name: "weather", parameters: schema } }] };
  const message = { model, max_tokens: 100, messages, tools: [{ name: "weather", input_schema: schema }] };
  assert.deepEqual(
    [
      (await openai.chat.completions.create(chat)).choices[0]?.finish_reason,
      (await openai.chat.completions.stream(chat).finalChatCompletion()).choices[0]?.finish_reason,
      (await anthropic.messages.create(message)).stop_reason,
      (await anthropic.messages.stream(message).finalMessage()).stop_reason,
    ],
    ["tool_calls", "tool_calls", "tool_use", "tool_use"],
  );
});

test("embeddings: the same vector in every dialect and encoding, longer for who asks", async () => {
  const { value, entries } = await recorded(async () => ({
    packed: await openai.embeddings.create({ model, input: ["a b", "c"], dimensions: 8 }),
    numbers: await openai.embeddings.create({ model, input: ["a b", "c"], dimensions: 8, encoding_format: "float" }),
    gemini: await genai.models.embedContent({ model, contents: ["a b", "c"], config: { outputDimensionality: 8 } }),
    usual: await openai.embeddings.create({ model, input: "a b" }),
  }));
  const vectors = value.numbers.data.map((item) => item.embedding);
  const rounded = (list: readonly (readonly number[] | undefined)[] | undefined): unknown =>
    list?.map((vector) => vector?.map(Math.fround));
  assert.deepEqual(rounded(value.packed.data.map((item) => item.embedding)), rounded(vectors));
  assert.deepEqual(
    value.gemini.embeddings?.map((embedding) => embedding.values),
    vectors,
  );
  assert.notDeepEqual(vectors[0], vectors[1]);
  assert.equal(value.usual.data[0]?.embedding.length, 256);
  assert.deepEqual(
    [value.packed, value.numbers, value.usual].map((answer) => answer.usage),
    [
      { prompt_tokens: 2, total_tokens: 2 },
      { prompt_tokens: 2, total_tokens: 2 },
      { prompt_tokens: 1, total_tokens: 1 },
    ],
  );
  assert.deepEqual(entries, [
    [true, "openai-chat", "loopback", model, "ok", 2, 0],
    [true, "openai-chat", "loopback", model, "ok", 2, 0],
    [true, "gemini-generate", "loopback", model, "ok", 2, 0],
    [true, "openai-chat", "loopback", model, "ok", 1, 0],
  ]);
});

test("tokens are counted as an answer's usage would tell them, and not billed", async () => {
  const tokens = Math.ceil(Buffer.byteLength(said) / 4);
  const { value, entries } = await recorded(async () => [
    (await openai.responses.inputTokens.count({ model, input: said })).input_tokens,
    (await anthropic.messages.countTokens({ model, messages: [{ role: "user", content: said }] })).input_tokens,
    (await genai.models.countTokens({ model, contents: said })).totalTokens,
  ]);
  assert.deepEqual(value, [tokens, tokens, tokens]);
  assert.deepEqual(entries, [
    [true, "openai-responses", "loopback", model, "ok", null, null],
    [true, "anthropic-messages", "loopback", model, "ok", null, null],
    [true, "gemini-generate", "loopback", model, "ok", null, null],
  ]);
});

test("names that begin with loopback- are the same model", async () => {
  const answer = await openai.chat.completions.create({ model: "loopback-large", messages: [{ role: "user", content: said }] });
  assert.deepEqual([answer.model, answer.choices[0]?.message.content], ["loopback-large", said]);
});

test("an unknown model is a 404 in the dialect, and makes a row without cost", async () => {
  const { entries } = await recorded(async () => {
    const messages = [{ role: "user" as const, content: "hi" }];
    await assert.rejects(openai.chat.completions.create({ model: "gpt-5", messages }), (error: unknown) => {
      assert.ok(error instanceof NotFoundError);
      assert.deepEqual([error.code, error.param, error.type], ["model_not_found", "model", "invalid_request_error"]);
      return true;
    });
    await assert.rejects(openai.responses.create({ model: "gpt-5", input: "hi" }), (error: unknown) => {
      return error instanceof NotFoundError && error.code === "model_not_found";
    });
    await assert.rejects(anthropic.messages.create({ model: "claude-5", max_tokens: 5, messages }), (error: unknown) => {
      return error instanceof AnthropicNotFound && error.type === "not_found_error";
    });
    await assert.rejects(genai.models.generateContent({ model: "gemini-5", contents: "hi" }), (error: unknown) => {
      return error instanceof ApiError && error.status === 404 && /"status":"NOT_FOUND"/.test(error.message);
    });
    await assert.rejects(openai.embeddings.create({ model: "text-embedding-3-small", input: "a" }), NotFoundError);
  });
  assert.deepEqual(entries, [
    [true, "openai-chat", "", "gpt-5", "refused", null, null],
    [true, "openai-responses", "", "gpt-5", "refused", null, null],
    [true, "anthropic-messages", "", "claude-5", "refused", null, null],
    [true, "gemini-generate", "", "gemini-5", "refused", null, null],
    [true, "openai-chat", "", "text-embedding-3-small", "refused", null, null],
  ]);
});

test("an entry names the built-in model as the one that served, whatever name was asked for", async () => {
  await recorded(() => openai.chat.completions.create({ model: "practice", messages: [{ role: "user", content: said }] }));
  await recorded(() => anthropic.messages.create({ model: "practice", max_tokens: 100, messages: [{ role: "user", content: said }] }));
  const named = (await gateway.rows()).slice(-2).map((row) => [row.model_asked, row.model_served]);
  assert.deepEqual(named, [
    ["practice", "loopback"],
    ["practice", "loopback"],
  ]);
});
