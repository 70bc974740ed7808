import { setImmediate as nextTurn } from "node:timers/promises";
import type { Fault, FaultContext } from "./fault-wire.ts";
import { LAST_CHUNK, STREAM_HEADERS, chunk, errorEvent, head, healthyScript, scriptFrames, send, sendStream } from "./fault-wire.ts";
import type { Protocol } from "./scenario.ts";

/** Faults and oddities of an event stream whose HTTP is sound (HTML Standard, section 9.2, for what a parser has to take). */
export const streamFaults = {
  "sse-lf": reshaped((text) => text),
  "sse-cr": reshaped((text) => text.replaceAll("\n", "\r")),
  "sse-crlf": reshaped((text) => text.replaceAll("\n", "\r\n")),
  "sse-bom": reshaped((text) => `\uFEFF${text}`),
  /** Comment lines before, between and inside events. */
  "sse-comments": reshaped((text) => `: hello\n\n${text.replaceAll("\ndata:", "\n: inside\ndata:").replaceAll("\n\n", "\n\n:\n\n")}`),
  "sse-no-space": reshaped((text) => text.replaceAll("data: ", "data:").replaceAll("event: ", "event:")),
  /** Fields a parser does not need, and one it does not know. */
  "sse-extra-fields": reshaped((text) => text.replaceAll(/^data:/gm, "id: 7\nretry: 1000\nmystery: field\ndata:")),
  /** The JSON of each event on two `data:` lines. */
  "sse-multi-line": reshaped((text) => text.replaceAll(/^data: \{/gm, "data: {\ndata: ")),
  /** Each byte in a chunk and a write of its own. */
  "sse-every-byte": stream(async (context) => {
    await send(context, head(200, STREAM_HEADERS));
    for (const byte of Buffer.from(frames(context).join(""))) {
      if (!(await send(context, chunk(Buffer.of(byte))))) return;
      await nextTurn();
    }
    await send(context, LAST_CHUNK);
  }),
  /** An event that never ends, until `capBytes` are out or the client leaves. */
  "sse-endless-event": stream(async (context) => {
    await send(context, head(200, STREAM_HEADERS));
    await send(context, chunk('data: {"endless":"'));
    const block = chunk(Buffer.alloc(65_536, "a"));
    for (let sent = 0; sent < context.settings.capBytes; sent += 65_536) if (!(await send(context, block))) return;
    await send(context, LAST_CHUNK);
  }),
  /** The stop reason, then the end of the body: no `[DONE]`, no `message_stop`. Responses and Gemini have no such mark. */
  "sse-no-end-with-finish": stream((context) => {
    const script = healthyScript(context.protocol);
    return sendStream(context, scriptFrames({ ...script, end: "" }));
  }),
  /** The end of the body without a stop reason. */
  "sse-no-end-without-finish": stream((context) => {
    const script = healthyScript(context.protocol);
    return sendStream(context, scriptFrames({ ...script, finish: "", end: "" }));
  }),
  /** The mark of the end without a stop reason before it. */
  "sse-end-without-finish": stream((context) => sendStream(context, scriptFrames({ ...healthyScript(context.protocol), finish: "" }))),
  /** More content behind the end. */
  "sse-data-after-end": stream((context) => {
    const { pieces } = healthyScript(context.protocol);
    return sendStream(context, [...frames(context), pieces[1] ?? ""]);
  }),
  /** Events, types and fields from a future version, before, between and behind the known ones. */
  "sse-unknown-events": stream((context) =>
    sendStream(
      context,
      frames(context).flatMap((frame) => [unknownEvent(context.protocol), frame]),
    ),
  ),
  /** The deltas of a tool call, with all that would open them left out. Gemini has no openings: there it is a good stream. */
  "sse-delta-without-start": stream((context) => {
    const opened = scriptFrames(healthyScript(context.protocol, true))
      .join("")
      .split(/(?<=\n\n)/);
    return sendStream(
      context,
      opened.filter((frame) => !STARTS[context.protocol].test(frame)),
    );
  }),
  /** Status 200, and the first event is an overload. */
  "error-event-first": stream((context) => sendStream(context, [errorEvent(context.protocol, overloadStatus(context.protocol), true)])),
  /** An overload after two pieces; HTTP ends in order. */
  "error-event-later": stream((context) => {
    const { opening, pieces } = healthyScript(context.protocol);
    const before = [opening, ...pieces.slice(0, 2)].filter((frame) => frame !== "");
    return sendStream(context, [...before, errorEvent(context.protocol, overloadStatus(context.protocol), false)]);
  }),
} satisfies Readonly<Record<string, Fault>>;

/** What opens a message, a block, an item or a call. */
const STARTS: Readonly<Record<Protocol, RegExp>> = {
  "openai-chat": /"role":"assistant"|"type":"function"/,
  "openai-responses": /"type":"response\.(created|in_progress|output_item\.added|content_part\.added)"/,
  "anthropic-messages": /"type":"(message_start|content_block_start)"/,
  "gemini-generate": /^$/,
};

/** The status a vendor has for being overloaded. */
function overloadStatus(protocol: Protocol): number {
  return protocol === "anthropic-messages" ? 529 : 503;
}

function stream(play: Fault["play"]): Fault {
  return { on: "stream", play };
}

/** A good stream, its text rewritten from LF line ends, in one chunk. */
function reshaped(rewrite: (text: string) => string): Fault {
  return stream((context) => sendStream(context, [rewrite(frames(context).join("").replaceAll("\r\n", "\n"))]));
}

function frames(context: FaultContext): readonly string[] {
  return scriptFrames(healthyScript(context.protocol));
}

function unknownEvent(protocol: Protocol): string {
  switch (protocol) {
    case "openai-chat":
      return 'event: future\ndata: {"object":"chat.completion.future","choices":[],"future":{"a":1}}\n\n';
    case "openai-responses":
      return 'event: response.future.delta\ndata: {"type":"response.future.delta","sequence_number":9999,"delta":"x"}\n\n';
    case "anthropic-messages":
      return 'event: future_event\ndata: {"type":"future_event","index":0}\n\n';
    case "gemini-generate":
      return 'data: {"futureField":{"a":1}}\r\n\r\n';
  }
}
