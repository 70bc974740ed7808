import assert from "node:assert/strict";
import * as z from "zod";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import type { Ask, AskedTool, Outcome } from "./ask.ts";
import { models } from "./bench.ts";
import type { Sent } from "./read-sent.ts";

/** One request and its answer, with what every client must see of it and every upstream must be sent. */
export interface MatrixScenario {
  readonly name: string;
  readonly ask: Ask;
  readonly answer: (upstream: Protocol) => Scenario;
  /** What the outcome holds; what is not named is empty. */
  readonly expect: (client: Protocol, upstream: Protocol) => Expected;
  readonly checkSent?: (sent: Sent, pair: Pair, request: RecordedRequest) => void;
}

export interface Pair {
  readonly client: Protocol;
  readonly upstream: Protocol;
}

/** The parts of an outcome that a scenario speaks of. `calls` without ids: those have rules of their own. */
export interface Expected extends Partial<Pick<Outcome, "text" | "reasoning" | "parsed">> {
  readonly calls?: readonly { readonly name: string; readonly args: unknown }[];
  readonly stop: string;
}

/** Where a client's wire has no place for what a scenario asks. */
export const notPossible: Readonly<Record<string, Partial<Record<Protocol, string>>>> = {
  "a stop sequence": { "openai-responses": "Responses has no parameter for stop sequences" },
  "a system message in the conversation": { "gemini-generate": "contents have the roles user and model alone" },
};

/** A 1 by 1 PNG. */
export const image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export const weather: AskedTool = {
  name: "get_weather",
  description: "Tells the weather of a city.",
  schema: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city"] },
};
const clock: AskedTool = {
  name: "get_time",
  description: "Tells the time.",
  schema: { type: "object", properties: { zone: { type: "string" } } },
};

/** Why an answer ended, in the words of each dialect. */
export const ends: Readonly<Record<Protocol, Readonly<Record<"end" | "tool" | "length" | "filter", string>>>> = {
  "openai-chat": { end: "stop", tool: "tool_calls", length: "length", filter: "content_filter" },
  "openai-responses": { end: "completed", tool: "completed", length: "max_output_tokens", filter: "content_filter" },
  "anthropic-messages": { end: "end_turn", tool: "tool_use", length: "max_tokens", filter: "refusal" },
  "gemini-generate": { end: "STOP", tool: "STOP", length: "MAX_TOKENS", filter: "SAFETY" },
};

const user = { role: "user", text: "How is the weather? ✓ 日本" } as const;
const spoken = ["Grüße, ", "日本 ✓", "🚀 ", '"quoted" \\ back', "\nline\tand é\u2028."];

export const scenarios: readonly MatrixScenario[] = [
  {
    name: "plain text that is not ASCII",
    ask: { system: "Sei kurz. ✓", turns: [user], maxTokens: 321, temperature: 0.5 },
    answer: () => ({ text: spoken }),
    expect: (client) => ({ text: spoken.join(""), stop: ends[client].end }),
    checkSent(sent, { upstream }, request) {
      assert.equal(sent.model, models[upstream]);
      assert.equal(sent.system, "Sei kurz. ✓");
      assert.equal(sent.maxTokens, 321);
      assert.equal(sent.temperature, 0.5);
      assert.ok(request.body.includes(user.text));
    },
  },
  {
    name: "reasoning, then text",
    ask: { turns: [user], reasoning: true },
    answer: () => ({ reasoning: ["Let me ", "think ✓"], text: ["It is ", "sunny."] }),
    expect: (client) => ({ reasoning: "Let me think ✓", text: "It is sunny.", stop: ends[client].end }),
  },
  {
    name: "one tool call",
    ask: { turns: [user], tools: [weather, clock], forcedTool: weather.name },
    answer: () => ({
      toolCalls: [
        { name: weather.name, arguments: '{ "city": "Zürich", "days": 2 }', fragments: ['{ "city": "Z', 'ürich", "da', 'ys": 2 }'] },
      ],
    }),
    expect: (client) => ({ calls: [{ name: weather.name, args: { city: "Zürich", days: 2 } }], stop: ends[client].tool }),
    checkSent(sent) {
      assert.deepEqual(sent.tools, [
        { name: weather.name, properties: ["city", "days"] },
        { name: clock.name, properties: ["zone"] },
      ]);
      assert.equal(sent.forcedTool, weather.name);
    },
  },
  {
    name: "a tool call without arguments",
    ask: { turns: [user], tools: [clock] },
    answer: () => ({ toolCalls: [{ name: clock.name, arguments: "{}" }] }),
    expect: (client) => ({ calls: [{ name: clock.name, args: {} }], stop: ends[client].tool }),
  },
  {
    name: "text, then two tool calls at once",
    ask: { turns: [user], tools: [weather] },
    answer: (upstream) => ({
      text: ["I look ", "it up."],
      toolCalls: [
        { name: weather.name, arguments: '{"city":"Zürich"}', fragments: ['{"ci', 'ty":"Zü', 'rich"}'] },
        { name: weather.name, arguments: '{"city":"東京","days":3}', fragments: ['{"city"', ':"東', '京","days":3}'] },
      ],
      // Chat alone may tell two calls in turns.
      interleaveToolCalls: upstream === "openai-chat",
    }),
    expect: (client) => ({
      text: "I look it up.",
      calls: [
        { name: weather.name, args: { city: "Zürich" } },
        { name: weather.name, args: { city: "東京", days: 3 } },
      ],
      stop: ends[client].tool,
    }),
  },
  {
    name: "reasoning, then a tool call",
    ask: { turns: [user], tools: [weather], reasoning: true },
    answer: () => ({ reasoning: ["I need ", "a tool"], toolCalls: [{ name: weather.name, arguments: { city: "Bern" } }] }),
    expect: (client) => ({ reasoning: "I need a tool", calls: [{ name: weather.name, args: { city: "Bern" } }], stop: ends[client].tool }),
  },
  {
    name: "a refusal",
    ask: { turns: [user] },
    answer: () => ({ refusal: "I cannot help with that." }),
    expect: (client, upstream) => ({ text: "I cannot help with that.", stop: refusalEnd(client, upstream) }),
  },
  {
    name: "an answer that a filter ended",
    ask: { turns: [user] },
    answer: () => ({ text: ["Half of "], stop: "filter" }),
    expect: (client) => ({ text: "Half of ", stop: ends[client].filter }),
  },
  {
    name: "an answer that the limit ended",
    ask: { turns: [user], maxTokens: 16 },
    answer: () => ({ text: ["Half of ", "an an"], stop: "length" }),
    expect: (client) => ({ text: "Half of an an", stop: ends[client].length }),
    checkSent: (sent) => assert.equal(sent.maxTokens, 16),
  },
  {
    name: "a stop sequence",
    ask: { turns: [user], stop: ["###", "END"] },
    answer: () => ({ text: ["Until here"], stop: "stop-sequence" }),
    expect: (client, upstream) => ({
      text: "Until here",
      // Anthropic alone says which one matched.
      stop: client === "anthropic-messages" && upstream === client ? "stop_sequence: ###" : ends[client].end,
    }),
    checkSent: (sent, { upstream }) => assert.deepEqual(sent.stop, upstream === "openai-responses" ? [] : ["###", "END"]),
  },
  {
    name: "a turn that paused",
    ask: { turns: [user] },
    // Anthropic alone pauses.
    answer: (upstream) => ({ text: ["Wait."], ...(upstream === "anthropic-messages" ? { stop: "pause" } : {}) }),
    expect: (client, upstream) => ({
      text: "Wait.",
      stop: ownEnd(client, upstream, "anthropic-messages", "pause_turn", upstream === "anthropic-messages" ? "length" : "end"),
    }),
  },
  {
    name: "an answer that filled the context window",
    ask: { turns: [user] },
    answer: (upstream) => ({ text: ["Half of"], stop: upstream === "anthropic-messages" ? "context-window" : "length" }),
    expect: (client, upstream) => ({
      text: "Half of",
      stop: ownEnd(client, upstream, "anthropic-messages", "model_context_window_exceeded", "length"),
    }),
  },
  {
    name: "a structured answer",
    ask: { turns: [user], schema: z.object({ city: z.string(), days: z.number() }) },
    answer: () => ({ text: ['{"city":"Zü', 'rich",', '"days":3}'] }),
    expect: (client) => ({ text: '{"city":"Zürich","days":3}', parsed: { city: "Zürich", days: 3 }, stop: ends[client].end }),
    checkSent: (sent) => assert.deepEqual(sent.schema, ["city", "days"]),
  },
  {
    name: "a system message in the conversation",
    ask: {
      system: "Be short.",
      turns: [
        user,
        { role: "assistant", text: "Which city?" },
        { role: "system", text: "Now speak French." },
        { role: "user", text: "Bern" },
      ],
    },
    answer: () => ({ text: ["Il fait beau."] }),
    expect: (client) => ({ text: "Il fait beau.", stop: ends[client].end }),
    checkSent(sent, _pair, request) {
      assert.ok(sent.system.includes("Be short."));
      for (const text of ["Now speak French.", "Which city?", "Bern"]) assert.ok(request.body.includes(text), text);
    },
  },
  {
    name: "an image from the user",
    ask: { turns: [{ ...user, image }] },
    answer: () => ({ text: ["A dot."] }),
    expect: (client) => ({ text: "A dot.", stop: ends[client].end }),
    checkSent(_sent, _pair, request) {
      assert.ok(request.body.includes(image));
      assert.ok(request.body.includes("image/png"));
    },
  },
  {
    name: "all kinds of tokens",
    ask: { turns: [user] },
    answer: (upstream) => ({
      text: ["Counted."],
      usage: {
        input: 1000,
        cached: 300,
        // Gemini does not report tokens written to a cache, and OpenAI reports no lifetimes.
        cacheWrite5m: upstream === "gemini-generate" ? 0 : 200,
        cacheWrite1h: upstream === "anthropic-messages" ? 100 : 0,
        output: 50,
        reasoning: 20,
      },
    }),
    expect: (client) => ({ text: "Counted.", stop: ends[client].end }),
  },
];

/** OpenAI's refusals are texts of their own kind in an answer that ended well; the others' are texts in one that was stopped. */
function refusalEnd(client: Protocol, upstream: Protocol): string {
  return ends[client][client.startsWith("openai") && upstream.startsWith("openai") ? "end" : "filter"];
}

/** A vendor's own word for the end, for a client of its own; any other client gets its dialect's word. */
function ownEnd(client: Protocol, upstream: Protocol, vendor: Protocol, word: string, end: "end" | "length"): string {
  return client === vendor && upstream === vendor ? word : ends[client][end];
}
