import type { Protocol } from "../testbed/scenario.ts";

/** One way in which an upstream makes its answer costly. */
export interface AnswerShape {
  readonly name: string;
  readonly isStream: boolean;
  /** The whole answer, with `count` repetitions of its piece. */
  readonly build: (count: number) => string;
}

interface AnswerWords {
  /** An answer of these content blocks; `more`: further members. */
  readonly answer: (blocks: string, more?: string) => string;
  readonly text: (content: string) => string;
  readonly call: (id: string, args: string) => string;
  /** The events that begin a stream, with these further members in one of them. */
  readonly event: (more: string) => string;
}

const list = (count: number, piece: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => piece(index)).join(",");
const quoted = (text: string): string => JSON.stringify(text);

const wordsOf: Readonly<Record<Protocol, AnswerWords>> = {
  "openai-chat": {
    answer: (blocks, more = "") =>
      `{"id":"a","model":"m","created":1,"choices":[{"index":0,"message":{"role":"assistant",${blocks}},"finish_reason":"stop"}]${more}}`,
    text: (content) => `"content":${content}`,
    call: (id, args) => `{"id":"${id}","type":"function","function":{"name":"f","arguments":${quoted(args)}}}`,
    event: (more) => `data: {"id":"a","model":"m","created":1,"choices":[{"index":0,"delta":{"content":"a"}}]${more}}\n\n`,
  },
  "openai-responses": {
    answer: (blocks, more = "") => `{"id":"resp_a","model":"m","created_at":1,"status":"completed","output":[${blocks}]${more}}`,
    text: (content) =>
      `{"type":"message","id":"msg_a","role":"assistant","content":[{"type":"output_text","text":${content},"annotations":[]}]}`,
    call: (id, args) => `{"type":"function_call","id":"fc_${id}","call_id":"${id}","name":"f","arguments":${quoted(args)}}`,
    event: (more) =>
      `event: response.created\ndata: {"type":"response.created","response":{"id":"resp_a","model":"m","created_at":1,"output":[]${more}}}\n\n`,
  },
  "anthropic-messages": {
    answer: (blocks, more = "") =>
      `{"id":"msg_a","type":"message","role":"assistant","model":"m","content":[${blocks}],"stop_reason":"end_turn"${more}}`,
    text: (content) => `{"type":"text","text":${content}}`,
    call: (id, args) => `{"type":"tool_use","id":"${id}","name":"f","input":${args}}`,
    event: (more) => `event: message_start\ndata: {"type":"message_start","message":{"id":"msg_a","model":"m","content":[]${more}}}\n\n`,
  },
  "gemini-generate": {
    answer: (blocks, more = "") => `{"candidates":[{"content":{"role":"model","parts":[${blocks}]},"finishReason":"STOP"}]${more}}`,
    text: (content) => `{"text":${content}}`,
    call: (id, args) => `{"functionCall":{"id":"${id}","name":"f","args":${args}}}`,
    event: (more) => `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]}}]${more}}\n\n`,
  },
};

export function answerShapesOf(protocol: Protocol): readonly AnswerShape[] {
  const { answer, text, call, event } = wordsOf[protocol];
  const isChat = protocol === "openai-chat";
  const calls = (pieces: string): string => (isChat ? `"content":null,"tool_calls":[${pieces}]` : pieces);
  const ones = (count: number): string => list(count, () => "1");
  const whole = (name: string, build: AnswerShape["build"]): AnswerShape => ({ name, isStream: false, build });
  return [
    whole("numbers", (n) => answer(text('"a"'), `,"x":[${ones(n)}]`)),
    whole("members", (n) => answer(text('"a"'), `,"x":{${list(n, (i) => `"k${i}":1`)}}`)),
    whole("fields", (n) => answer(text('"a"'), `,${list(n, (i) => `"k${i}":1`)}`)),
    whole("calls", (n) => answer(calls(list(n, (i) => call(`c${i}`, "{}"))))),
    whole("arguments", (n) => answer(calls(call("c", `{"a":[${ones(n)}]}`)))),
    ...(isChat ? [] : [whole("blocks", (n) => answer(list(n, () => text('"a"'))))]),
    whole("long text", (n) => answer(text(`"${"word ".repeat(n)}"`))),
    whole("escaped text", (n) => answer(text(`"${"\\u00e9\\n".repeat(n)}"`))),
    { name: "one event of numbers", isStream: true, build: (n) => event(`,"x":[${ones(n)}]`) },
    { name: "one event of members", isStream: true, build: (n) => event(`,"x":{${list(n, (i) => `"k${i}":1`)}}`) },
    // With names so long that an event of the most bytes has about the most values.
    { name: "one event of long members", isStream: true, build: (n) => event(`,"x":{${list(n, (i) => `"member${i}":1`)}}`) },
    { name: "many events", isStream: true, build: (n) => event("").repeat(n) },
    { name: "many events, ends of lines of two characters", isStream: true, build: (n) => event("").repeat(n).replaceAll("\n", "\r\n") },
  ];
}
