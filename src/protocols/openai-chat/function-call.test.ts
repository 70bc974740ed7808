import assert from "node:assert/strict";
import { test } from "node:test";
import { replay, type ChatResponse } from "../../ir/index.ts";
import { protocols } from "../index.ts";

// The retired `functions` of Chat, which agents of 2023 still send: their clients read `function_call`, and know no `tool_calls`.
const chat = protocols.get("openai-chat")!;
const route = { route: { method: "POST", path: "/v1/chat/completions", operation: "generate" }, param: "", query: "" } as const;
const functions = [{ name: "f", parameters: { type: "object", properties: { a: { type: "number" } } } }];
const wire = (more: object): object => ({ model: "m", messages: [{ role: "user", content: "Hi" }], ...more });
const answer: ChatResponse = {
  id: "1",
  model: "m",
  createdAt: 1,
  content: [
    { type: "text", text: "Let me see." },
    { type: "tool-call", id: "c1", name: "f", kind: "function", arguments: '{"a":1}' },
    { type: "tool-call", id: "c2", name: "f", kind: "function", arguments: '{"a":2}' },
  ],
  stopReason: "tool-calls",
  usage: {},
};

type Choice = {
  readonly message?: Record<string, unknown>;
  readonly delta?: Record<string, unknown>;
  readonly finish_reason: string | null;
};

/** The message, put together as the retired SDKs do, and the end. */
function told(more: object, stream: boolean): unknown {
  const request = chat.parseRequest(wire(more), route);
  const client = { model: "m", includeUsage: false, jsonArray: false, request };
  if (!stream) {
    const { choices } = JSON.parse(chat.renderResponse(answer, client)) as { choices: [Choice] };
    return [choices[0].message, choices[0].finish_reason];
  }
  const encoder = chat.createStreamEncoder(client);
  const chunks = replay(answer)
    .map((event) => encoder.push(event))
    .join("");
  const choices = [...chunks.matchAll(/^data: (\{.*)$/gm)].flatMap(([, data]) => (JSON.parse(data!) as { choices: Choice[] }).choices);
  const call: Record<string, string> = {};
  let content = "";
  for (const { delta = {} } of choices) {
    content += (delta["content"] as string | null | undefined) ?? "";
    assert.equal(delta["tool_calls"], undefined);
    for (const [key, piece] of Object.entries((delta["function_call"] ?? {}) as Record<string, string>))
      call[key] = (call[key] ?? "") + piece;
  }
  return [{ role: "assistant", content, refusal: null, function_call: call }, choices.at(-1)!.finish_reason];
}

test("a client that sends functions gets its call as function_call, in JSON and in a stream, and is asked for one call at a time", () => {
  const message = { role: "assistant", content: "Let me see.", refusal: null, function_call: { name: "f", arguments: '{"a":1}' } };
  for (const stream of [false, true]) assert.deepEqual(told({ functions }, stream), [message, "function_call"], String(stream));
  const request = chat.parseRequest(wire({ functions, function_call: "auto" }), route);
  const claude = protocols
    .get("anthropic-messages")!
    .upstream.renderRequest(request, { model: "claude-opus-5", stream: false, quirks: {} });
  assert.deepEqual(JSON.parse(claude.value).tool_choice, { type: "auto", disable_parallel_tool_use: true });
  assert.deepEqual(claude.losses, []);
});

test("a client that sends tools, too, gets tool_calls", () => {
  const tools = functions.map((each) => ({ type: "function", function: each }));
  for (const more of [{ tools }, { tools, functions }]) {
    const [message, end] = told(more, false) as [{ tool_calls: unknown[]; function_call?: unknown }, string];
    assert.deepEqual([message.tool_calls.length, message.function_call, end], [2, undefined, "tool_calls"]);
  }
});
