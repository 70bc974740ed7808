import assert from "node:assert/strict";
import { test } from "node:test";
import { asBytes, latin1OfUtf8, utf8OfLatin1 } from "../../core/index.ts";
import { Firewall, Placeholders, readFirewall, firewallSchema } from "../../policy/index.ts";
import { protocols } from "../../protocols/index.ts";
import { StreamOfTexts } from "./stream-of-texts.ts";

const { rules } = readFirewall(
  firewallSchema.parse({
    rules: {
      personal: { action: "mask", direction: "answer", detect: ["email", "card"], words: ["Project Aurora"] },
      keys: { action: "block", direction: "answer", detect: ["secret"] },
    },
  }),
);

function through(protocol: string, parts: readonly string[]): string {
  const placeholders = new Placeholders(() => false);
  placeholders.mask("ada@example.com", [{ start: 0, end: 15, kind: "email" }]);
  const check = new Firewall(rules).answerCheck("ada", "m", placeholders);
  const stream = new StreamOfTexts({ check, placeholders }, protocols.get(protocol as "openai-chat")!, {
    isEventStream: !parts[0]!.startsWith("["),
    watch: () => undefined,
  });
  return utf8OfLatin1(asBytes(parts.map((part) => stream.push(latin1OfUtf8(part))).join("") + stream.end()));
}

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
const chat = (delta: object, end: string | null = null): string => event({ choices: [{ index: 0, delta, finish_reason: end }] });
const part = (text: string, more: object = {}): object => ({ candidates: [{ index: 0, content: { parts: [{ text }] }, ...more }] });
const pieces = ["é [EMAI", "L_1] eve@", "example", ".org, Project ", "Aurora ", "4111 1111 1111 1111"];
const expected = "é ada@example.com [EMAIL_2], [WORD_1] [CARD_1]";

const streams: Readonly<Record<string, readonly [protocol: string, text: string]>> = {
  "OpenAI Chat": [
    "openai-chat",
    `${chat({ role: "assistant", content: "" })}: ping\n\n${pieces.map((content) => chat({ content }) + chat({})).join("")}${chat({}, "stop")}data: [DONE]\n\n`,
  ],
  "OpenAI Responses": [
    "openai-responses",
    pieces.map((delta) => event({ type: "response.output_text.delta", item_id: "m", output_index: 0, content_index: 0, delta })).join("") +
      event({ type: "response.output_text.done", item_id: "m", output_index: 0, content_index: 0, text: "" }),
  ],
  "Anthropic Messages": [
    "anthropic-messages",
    pieces
      .map((text) => event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }) + event({ type: "ping" }))
      .join("") + event({ type: "content_block_stop", index: 0 }),
  ],
  Gemini: ["gemini-generate", pieces.map((text, at) => event(part(text, at === 5 ? { finishReason: "STOP" } : {}))).join("")],
  "Gemini as one JSON array": ["gemini-generate", `[${pieces.map((text) => JSON.stringify(part(text))).join(",\n")}]`],
};

/** The pieces of all texts, joined. */
function joined(out: string): string {
  return [...out.matchAll(/"(?:content|delta|text)":("(?:[^"\\]|\\.)*")/g)].map(([, text]) => JSON.parse(text!) as string).join("");
}

for (const [name, [protocol, text]] of Object.entries(streams)) {
  test(`a stream that is cut at any byte gives what the whole gives: ${name}`, () => {
    const whole = through(protocol, [text]);
    assert.equal(joined(whole), expected);
    for (let cut = 1; cut < text.length; cut += 7) assert.equal(through(protocol, [text.slice(0, cut), text.slice(cut)]), whole);
    assert.equal(through(protocol, text.split("")), whole);
  });
}

test("texts of one answer that are interleaved, as arguments of two calls, do not end each other; reasoning ends where the answer begins", () => {
  const call = (index: number, args: string): string => chat({ tool_calls: [{ index, function: { arguments: args } }] });
  const out = through("openai-chat", [
    chat({ reasoning_content: "about eve@example.org" }) + chat({ content: "Hello" }),
    call(0, '{"a":"eve@exa') + call(1, '{"b":"[EMA') + call(0, 'mple.org"}') + call(1, 'IL_1]"}') + chat({}, "tool_calls"),
  ]);
  const texts: Record<string, string> = {};
  const order: string[] = [];
  for (const [, data] of out.matchAll(/^data: (.*)$/gm)) {
    const [{ delta }] = (
      JSON.parse(data!) as { choices: [{ delta: Record<string, string | [{ index: number; function: { arguments: string } }]> }] }
    ).choices;
    for (const [key, value] of Object.entries(delta)) {
      const [member, piece] = typeof value === "string" ? [key, value] : [`call ${value[0].index}`, value[0].function.arguments];
      if (piece !== "") order.push(member);
      texts[member] = (texts[member] ?? "") + piece;
    }
  }
  assert.deepEqual(texts, {
    reasoning_content: "about [EMAIL_2]",
    content: "Hello",
    "call 0": '{"a":"[EMAIL_2]"}',
    "call 1": '{"b":"ada@example.com"}',
  });
  assert.ok(order.lastIndexOf("reasoning_content") < order.indexOf("content"), order.join());
});

/** The objects in a stream's events. */
const objectsIn = (out: string): object[] => [...out.matchAll(/^data: *(\{.*)$/gm)].map(([, data]) => JSON.parse(data!) as object);

test("what waits of a text is sent without the calls, names and counts of the event that it came in", () => {
  const find = { index: 0, id: "call_1", type: "function", function: { name: "find", arguments: "" } };
  const pieceOf = (args: string): object => ({ tool_calls: [{ index: 0, function: { arguments: args } }] });
  const choice = (delta: object, finish_reason: string | null = null): object => ({ index: 0, delta, finish_reason });
  const first = { id: "c", usage: { total_tokens: 3 }, choices: [choice({ role: "assistant", content: "Look up", tool_calls: [find] })] };
  const out = through("openai-chat", [event(first), chat(pieceOf('{"a":"b@c')), chat({}, "tool_calls")]);
  assert.deepEqual(objectsIn(out), [
    { ...first, choices: [choice({ role: "assistant", content: "Look ", tool_calls: [find] })] },
    { id: "c", choices: [choice({ role: "assistant", content: "up" })] },
    { choices: [choice(pieceOf('{"a":"'))] },
    { choices: [choice(pieceOf("b@c"))] },
    { choices: [choice({}, "tool_calls")] },
  ]);
});

test("a call of Gemini's comes behind the text before it, once, in events and in an array", () => {
  const call = { functionCall: { name: "f", args: {} } };
  const one = (...parts: object[]): object => ({ candidates: [{ index: 0, content: { role: "model", parts } }] });
  const end = { candidates: [{ index: 0, finishReason: "STOP" }], usageMetadata: { totalTokenCount: 3 } };
  const given = [one({ text: "Mail eve@example.org" }), one(call), one({ text: "to me" }, call), one({ text: "now " }), end];
  const expected = [one({ text: "Mail " }), one({ text: "[EMAIL_2]" }), ...given.slice(1)];
  assert.deepEqual(objectsIn(through("gemini-generate", given.map(event))), expected);
  const array = through("gemini-generate", [`[${given.map((each) => JSON.stringify(each)).join(",\n")}]`]);
  assert.deepEqual(JSON.parse(array), expected);
  const cut = through("gemini-generate", [JSON.stringify([one({ text: "Mail eve@example.org" })])]);
  assert.deepEqual(JSON.parse(cut), expected.slice(0, 2));
});

test("arguments of a call that Vertex AI sends in pieces are each one text, also if two take turns", () => {
  const pieces = (...partialArgs: object[]): string =>
    event({ candidates: [{ index: 0, content: { role: "model", parts: [{ functionCall: { partialArgs, willContinue: true } }] } }] });
  const arg = (jsonPath: string, stringValue: string, willContinue = true): object => ({ jsonPath, stringValue, willContinue });
  const streams = [
    [pieces(arg("$.to", "eve@exam")), pieces(arg("$.to", "ple.org", false)), pieces(arg("$.of", "[EMAIL_1]", false))],
    [
      pieces(arg("$.to", "eve@exam"), arg("$.of", "[EMA")),
      pieces(arg("$.to", "ple.org"), arg("$.of", "IL_1]", false)),
      pieces({ jsonPath: "$.n", numberValue: 1 }),
    ],
  ];
  for (const stream of streams) {
    const call = { functionCall: { name: "mail", willContinue: true } };
    const begin = event({ candidates: [{ index: 0, content: { role: "model", parts: [{ text: "Mail" }, call] } }] });
    const end = event({ candidates: [{ index: 0, content: { role: "model", parts: [{ functionCall: {} }] }, finishReason: "STOP" }] });
    const out = through("gemini-generate", [begin, ...stream, end]);
    const values = new Map<string, string>();
    JSON.parse(JSON.stringify(objectsIn(out)), function read(this: { jsonPath?: string }, key, value: unknown) {
      if (key === "stringValue") values.set(this.jsonPath!, (values.get(this.jsonPath!) ?? "") + String(value));
      return value;
    });
    assert.deepEqual(Object.fromEntries(values), { "$.to": "[EMAIL_2]", "$.of": "ada@example.com" }, out);
    assert.equal(out.split('"name":"mail"').length, 2, out);
  }
});

test("a reason is no end if it is empty or the text goes on, lists of parts have texts, and spaces before an event's JSON hide nothing", () => {
  const thought = (text: string): object => ({ content: [{ type: "thinking", thinking: [{ type: "text", text }] }] });
  const text = (each: string): object => ({ content: [{ type: "text", text: each }] });
  const streams: Readonly<Record<string, readonly string[]>> = {
    reason: [chat({ content: "eve@exam" }, ""), chat({ content: "ple.org" }, "")],
    parts: [chat(text("eve@exam")), chat(text("ple.org"))],
    thoughts: [chat(thought("eve@exam")), chat(thought("ple.org"))],
    spaces: [event({ choices: [{ index: 0, delta: { content: "eve@example.org" } }] }).replace("data: ", "data:   ")],
  };
  const stop = { finishReason: "STOP" };
  const each = through("gemini-generate", [event(part("eve@exam", stop)), event(part("ple.org", stop)), event(part("", stop))]);
  assert.equal(joined(each), "[EMAIL_2]");
  for (const [name, given] of Object.entries(streams)) {
    assert.equal(joined(through("openai-chat", [...given, chat({}, "stop")])), "[EMAIL_2]", name);
  }
});

test("nothing comes out from the place on that a rule blocks", () => {
  const out = through("openai-chat", [
    chat({ content: "The key AKIAIOSFODNN7EXAMPLE" }),
    chat({ content: " is" }),
    chat({ content: " it." }),
  ]);
  assert.equal(joined(out), "The key ");
});
