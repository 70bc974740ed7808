import assert from "node:assert/strict";
import { test } from "node:test";
import { asBytes, latin1OfUtf8, type Bytes } from "../../core/index.ts";
import { JoinedTurns, runsTools } from "./joined-turns.ts";

const body = '{"model":"m","messages":[{"role":"user","content":"Hi [1]"}],"tools":[{"type":"web_search_20250305","name":"web_search"}]}';
type Event = Readonly<Record<string, unknown>> & { readonly type: string };

const print = (events: readonly Event[]): Bytes =>
  asBytes(events.map((event) => `event: ${event.type}\ndata: ${latin1OfUtf8(JSON.stringify(event))}\n\n`).join(""));
const start = (input: number): Event => ({
  type: "message_start",
  message: { id: "msg_1", content: [], usage: { input_tokens: input, output_tokens: 1 } },
});
const opened = (index: number, block: object): Event => ({ type: "content_block_start", index, content_block: block });
const delta = (index: number, piece: object): Event => ({ type: "content_block_delta", index, delta: piece });
const closed = (index: number): Event => ({ type: "content_block_stop", index });
const ended = (reason: string, output: number, calls: object): Event[] => [
  { type: "message_delta", delta: { stop_reason: reason }, usage: { output_tokens: output, server_tool_use: calls } },
  { type: "message_stop" },
];
const call = { type: "server_tool_use", id: "srvtoolu_1", name: "web_search" };
const cited = { type: "web_search_result_location", url: "https://a.example" };

const first: readonly Event[] = [
  start(10),
  opened(0, { type: "text", text: "", citations: null }),
  delta(0, { type: "text_delta", text: "Straße ✓" }),
  delta(0, { type: "citations_delta", citation: cited }),
  closed(0),
  opened(1, { ...call, input: {} }),
  // Numbers that a parse would change.
  delta(1, { type: "input_json_delta", partial_json: '{"n":12345678901234567890,' }),
  delta(1, { type: "input_json_delta", partial_json: '"f":1.0}' }),
  closed(1),
  opened(2, { type: "text", text: "" }),
  closed(2),
  ...ended("pause_turn", 7, { web_search_requests: 2 }),
];
const second: readonly Event[] = [
  start(20),
  { type: "ping" },
  opened(0, { type: "text", text: "" }),
  delta(0, { type: "text_delta", text: "Done." }),
  closed(0),
  ...ended("end_turn", 3, { web_search_requests: 1 }),
];

const turn =
  `{"role":"assistant","content":[{"type":"text","text":"Straße ✓","citations":[${JSON.stringify(cited)}]},` +
  '{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"n":12345678901234567890,"f":1.0}}]}';
const noCache = {
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
};
const joined: readonly Event[] = [
  ...first.slice(0, -2),
  { type: "ping" },
  opened(3, { type: "text", text: "" }),
  delta(3, { type: "text_delta", text: "Done." }),
  closed(3),
  {
    type: "message_delta",
    delta: { stop_reason: "end_turn" },
    usage: {
      input_tokens: 20,
      ...noCache,
      output_tokens: 3,
      server_tool_use: { web_search_requests: 3 },
      iterations: [{ input_tokens: 10, output_tokens: 7, server_tool_use: { web_search_requests: 2 }, type: "paused_turn" }],
    },
  },
  { type: "message_stop" },
];

/** What is passed on of two turns, each in two chunks, and the request between them. */
function played(cutFirst: number, cutSecond: number): { readonly passed: string; readonly asked: (string | undefined)[] } {
  const turns = new JoinedTurns(body);
  let passed = "";
  const asked: (string | undefined)[] = [];
  for (const [events, cut] of [
    [first, cutFirst],
    [second, cutSecond],
  ] as const) {
    const bytes = print(events);
    for (const chunk of [bytes.slice(0, cut), bytes.slice(cut)]) passed += turns.push(asBytes(chunk));
    passed += turns.endTurn();
    asked.push(turns.nextRequest());
  }
  return { passed: passed + turns.endStream(), asked };
}

test("two turns of a stream are one, wherever they are split; the request between them has the first as it was", () => {
  const request = body.replace("}],", `},${turn}],`);
  const [a, b] = [print(first).length, print(second).length];
  for (let at = 0; at <= Math.max(a, b); at++) {
    const { passed, asked } = played(Math.min(at, a), Math.min(at, b));
    assert.equal(passed, print(joined), `split at ${at}`);
    if (at % 100 === 0) assert.deepEqual(asked, [request, undefined]);
  }
});

test("an answer that does not pause passes byte for byte, and so does what is none", () => {
  const turns = new JoinedTurns(body);
  const bytes = asBytes(print(second).replaceAll("\n", "\r\n"));
  assert.equal(turns.push(bytes) + turns.endTurn() + turns.endStream(), bytes);
  assert.equal(turns.nextRequest(), undefined);
  for (const whole of ['{ "content" : [] , "stop_reason":"end_turn" }', "<html>", '{"error":{"message":"no"}}'])
    assert.equal(new JoinedTurns(body).pushWhole(asBytes(whole)), whole);
});

test("an event without an end ends the stream with an error, and nothing is asked again", () => {
  const turns = new JoinedTurns(body);
  const passed = turns.push(print(first)) + turns.push(asBytes(`data: ${"x".repeat(5 * 1024 * 1024)}`));
  assert.match(passed, /event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"[^"]+"\}\}\n\n$/);
  assert.deepEqual([turns.nextRequest(), turns.endStream()], [undefined, ""]);
});

test("only a request with tools that the vendor runs is watched", () => {
  assert.deepEqual(
    [
      body,
      '{"tools":[{"name":"f","input_schema":{}},{"type":"code_execution_20250825","name":"code_execution"}],"messages":[]}',
      '{"messages":[{"content":"\\"tools\\":[{\\"type\\":\\"web_search_20250305\\"}]"}],"tools":[{"name":"f"}]}',
      '{"messages":[]}',
    ].map((text) => runsTools(text)),
    [true, true, false, false],
  );
});
