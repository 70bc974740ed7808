import type { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { resolveScenario } from "./default-scenario.ts";
import { protocolMocks } from "./mock-protocols.ts";
import type { RawRequest } from "./raw-request.ts";
import type { Answer, Protocol, Scenario, ScenarioUsage, StreamScript } from "./scenario.ts";

/** Numbers a test may want smaller, larger or elsewhere. */
export type FaultSettings = {
  /** Between the bytes of `one-byte-at-a-time`. */
  readonly intervalMs: number;
  /** Bytes after which an endless event gives up. */
  readonly capBytes: number;
  /** Size of the gzip bomb when unpacked. */
  readonly bombBytes: number;
  /** What `Retry-After` says, in seconds from now. */
  readonly retryAfterSeconds: number;
  /** Where redirects point; default: `/redirected` on the fault server itself. */
  readonly location: string | undefined;
  /** Before a reset, so that what was written is read first. */
  readonly beforeResetMs: number;
};

/** What a fault works on: one request, the socket it came on, and ways to write. */
export type FaultContext = {
  readonly socket: Socket;
  readonly request: RawRequest;
  readonly protocol: Protocol;
  readonly isStream: boolean;
  readonly settings: FaultSettings;
  /** `http://127.0.0.1:PORT` of the fault server. */
  readonly origin: string;
};

/** A way to break an answer. `on`: the kind of request that it is meant for; it can be played for the other kind, too. */
export type Fault = { readonly on: "stream" | "json" | "both"; readonly play: (context: FaultContext) => Promise<void> };

/** The text of every answer the fault server gives, with characters of two, three and four bytes. */
export const FAULT_TEXT = ["Hello", " wörld ✓", " 🚀 and", " good bye."] as const;
/** The usage of every answer the fault server gives, where the fault is not the usage itself. */
export const FAULT_USAGE: ScenarioUsage = { input: 100, cached: 40, cacheWrite5m: 0, cacheWrite1h: 0, output: 30, reasoning: 0 };

/** A JSON answer without any fault. */
export function healthyJson(protocol: Protocol): object {
  return protocolMocks[protocol].renderJson(answerFor(protocol, { text: FAULT_TEXT, usage: FAULT_USAGE }));
}

/** A stream without any fault; with `withTool`, a tool call in place of the text. */
export function healthyScript(protocol: Protocol, withTool = false): StreamScript {
  const call = { name: "lookup", arguments: { city: "Zürich" } };
  const scenario: Scenario = { usage: FAULT_USAGE, ...(withTool ? { toolCalls: [call] } : { text: FAULT_TEXT }) };
  return protocolMocks[protocol].renderStream(answerFor(protocol, scenario));
}

/** All of a script in the order it is sent. */
export function scriptFrames(script: StreamScript): readonly string[] {
  return [script.opening, ...script.pieces, script.finish, script.end].filter((frames) => frames !== "");
}

/** An error in the vendor's words, as an event of a stream. */
export function errorEvent(protocol: Protocol, status: number, first: boolean): string {
  return protocolMocks[protocol].renderErrorEvent({ status }, answerFor(protocol, {}), first);
}

/** Status line and headers, ready to be followed by a body. */
export function head(status: number, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${status === 200 ? "OK" : "Fault"}\r\n${lines.join("")}\r\n`;
}

/** One chunk of a chunked body. */
export function chunk(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

/** The chunk that ends a chunked body. */
export const LAST_CHUNK = "0\r\n\r\n";

/** Headers of an event stream, chunked. */
export const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "transfer-encoding": "chunked",
} as const;

/** Writes and waits for room; false once the client has left. */
export async function send(context: FaultContext, data: string | Buffer): Promise<boolean> {
  const { socket } = context;
  if (socket.destroyed || socket.writableEnded) return false;
  if (socket.write(data)) return true;
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      socket.off("drain", settle);
      socket.off("close", settle);
      resolve();
    };
    socket.once("drain", settle);
    socket.once("close", settle);
  });
  return !socket.destroyed;
}

/** A whole answer with a length that is right; the connection stays open. */
export async function sendWhole(
  context: FaultContext,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  body: string | Buffer,
): Promise<void> {
  const bytes = Buffer.from(body);
  await send(
    context,
    Buffer.concat([Buffer.from(head(status, { "content-type": "application/json", ...headers, "content-length": bytes.length })), bytes]),
  );
}

/** A whole stream in these frames, each in a chunk of its own. */
export async function sendStream(
  context: FaultContext,
  frames: readonly (string | Buffer)[],
  headers: Readonly<Record<string, string | number>> = STREAM_HEADERS,
): Promise<void> {
  await send(context, head(200, headers));
  for (const frame of frames) await send(context, chunk(frame));
  await send(context, LAST_CHUNK);
}

/** The answer the client asked for, stream or JSON, without any fault. */
export async function sendHealthy(context: FaultContext): Promise<void> {
  if (context.isStream) await sendStream(context, scriptFrames(healthyScript(context.protocol)));
  else await sendWhole(context, 200, {}, JSON.stringify(healthyJson(context.protocol)));
}

/** Waits until the client has closed the connection. */
export async function untilClosed(context: FaultContext): Promise<void> {
  if (context.socket.destroyed) return;
  await new Promise<void>((resolve) => context.socket.once("close", () => resolve()));
}

/** Sends a RST, after a moment in which the client reads what came before. */
export async function reset(context: FaultContext): Promise<void> {
  if (context.settings.beforeResetMs > 0) await wait(context.settings.beforeResetMs);
  context.socket.resetAndDestroy();
}

function answerFor(protocol: Protocol, scenario: Scenario): Answer {
  const request = { model: "mock-large", stream_options: { include_usage: true } };
  const facts = protocolMocks[protocol].readFacts(request);
  const resolved = resolveScenario(scenario, { protocol, facts, body: Buffer.from("{}"), serial: 1 });
  return { serial: 1, createdAt: 1_795_443_310, model: "mock-large", request, facts, scenario: resolved };
}
