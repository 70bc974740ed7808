import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdits, latin1OfUtf8, utf8OfLatin1 } from "../../core/index.ts";
import { changeText, editTexts } from "./body-texts.ts";

const hide = (text: string): string => text.replaceAll("ann@example.com", "[EMAIL_1]");
const edited = (text: string): string => {
  const body = latin1OfUtf8(text);
  return utf8OfLatin1(
    applyEdits(
      body,
      editTexts(body, (each) => changeText(each, hide)),
    ),
  );
};

/** `@` is the address, and `!` the same where it must stay. */
const write = (value: unknown): string => JSON.stringify(value).replaceAll(/[@!]/g, "ann@example.com");
const expected = (value: unknown): string => JSON.stringify(value).replaceAll("@", "[EMAIL_1]").replaceAll("!", "ann@example.com");

const bodies: Readonly<Record<string, unknown>> = {
  "OpenAI Chat": {
    model: "!",
    user: "@",
    safety_identifier: "@",
    metadata: { ticket: "from @", id: "@" },
    messages: [
      { role: "system", content: "to @" },
      {
        role: "user",
        name: "!",
        content: [
          { type: "text", text: "é @ and @" },
          { type: "image_url", image_url: { url: "https://!" } },
        ],
      },
      {
        role: "assistant",
        reasoning_content: "@",
        tool_calls: [{ id: "!", type: "function", function: { name: "mail", arguments: '{"id":"@","n":1.0}' }, extra_content: { s: "!" } }],
      },
      { role: "tool", tool_call_id: "!", content: "sent to @" },
    ],
  },
  "OpenAI Responses": {
    instructions: "@",
    previous_response_id: "!",
    input: [
      { type: "message", role: "user", content: [{ type: "input_text", text: "@" }] },
      { type: "reasoning", id: "!", summary: [{ type: "summary_text", text: "@" }], encrypted_content: "!" },
      { type: "function_call", call_id: "!", name: "mail", arguments: '{"to":"@"}' },
      { type: "function_call_output", call_id: "!", output: "@" },
    ],
  },
  "an event of a Responses stream": {
    type: "response.completed",
    response: {
      id: "!",
      model: "!",
      metadata: { id: "@" },
      output: [{ type: "message", id: "!", content: [{ type: "output_text", text: "@" }] }],
    },
  },
  "OpenAI Responses with a plain text": { model: "m", input: "@" },
  "Anthropic Messages": {
    system: [{ type: "text", text: "@", cache_control: { type: "ephemeral" } }],
    metadata: { user_id: "@" },
    tools: [{ name: "mail", description: "@", input_schema: { type: "object", properties: { id: { description: "@", enum: ["!"] } } } }],
    messages: [
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "@", signature: "!" },
          { type: "redacted_thinking", data: "!" },
          { type: "tool_use", id: "!", name: "mail", input: { id: "@", deep: [{ type: "@", data: "@" }] } },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "!", content: [{ type: "text", text: "@" }] }] },
      { role: "user", content: [{ type: "document", source: { data: "@", type: "text", media_type: "text/plain" } }] },
      { role: "user", content: [{ type: "image", source: { type: "base64", data: "!" } }] },
    ],
  },
  Gemini: {
    systemInstruction: { parts: [{ text: "@" }] },
    contents: [
      { role: "model", parts: [{ thoughtSignature: "!", functionCall: { id: "!", name: "mail", args: { name: "@" } } }] },
      { role: "user", parts: [{ functionResponse: { id: "!", name: "mail", response: { id: "@" } } }, { inlineData: { data: "!" } }] },
    ],
  },
};

for (const [dialect, body] of Object.entries(bodies)) {
  test(`texts are changed, and ids, proofs and media are not: ${dialect}`, () => {
    assert.equal(edited(write(body)), expected(body));
  });
}

test("escapes hide no text, neither in a body nor in arguments inside a string", () => {
  const escaped = String.raw`ann\u0040example.com`;
  assert.equal(edited(`{"m\\u0073g": "${escaped}" , "n": 1.0}`), '{"m\\u0073g": "[EMAIL_1]" , "n": 1.0}');
  assert.equal(
    edited(JSON.stringify({ arguments: `{"to":"${escaped}","cc":[null,"é"],"n":12345678901234567890}` })),
    JSON.stringify({ arguments: '{"to":"[EMAIL_1]","cc":[null,"é"],"n":12345678901234567890}' }),
  );
  assert.equal(edited('{"\\u0069d":"ann@example.com"}'), '{"\\u0069d":"ann@example.com"}');
});

test("a text that is JSON is looked at whole, with the names of its members, and inside its strings at any depth", () => {
  const inner = JSON.stringify({ id: String.raw`ann\u0040example.com`, type: "x" }).replaceAll("\\\\", "\\");
  const text = JSON.stringify({ "ann@example.com": "\n", deep: JSON.stringify([inner]) });
  const changed = edited(JSON.stringify({ output: text }));
  const { output } = JSON.parse(changed) as { readonly output: string };
  const { deep, ...rest } = JSON.parse(output) as { readonly deep: string };
  assert.deepEqual(rest, { "[EMAIL_1]": "\n" });
  assert.deepEqual(JSON.parse((JSON.parse(deep) as readonly string[])[0]!), { id: "[EMAIL_1]", type: "x" });
});

test("a body in which nothing changes has no edits, and its texts are seen in order", () => {
  const seen: string[] = [];
  const body = latin1OfUtf8('{"a":["one",{"b":"two"},"three"],"c":[],"d":{},"id":"x","e":"four"}');
  const look = (text: string): string => {
    seen.push(text);
    return text;
  };
  assert.deepEqual(editTexts(body, look), []);
  assert.deepEqual(seen, ["one", "two", "three", "four"]);
});

test("an object of many members of one name is read in linear time", () => {
  const members = Array.from({ length: 20_000 }, (_, index) => `"data":"${index}"`).join(",");
  const started = performance.now();
  assert.deepEqual(editTexts(latin1OfUtf8(`{"source":{${members}}}`), hide), []);
  // It takes 10 ms; in quadratic time it took a minute.
  assert.ok(performance.now() - started < 5_000);
});
