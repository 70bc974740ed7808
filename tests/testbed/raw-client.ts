import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Protocol } from "./scenario.ts";

/** The state of a connection: open after a complete answer, open after a part of one, or over. */
type Outcome = "complete" | "open" | "ended" | "reset";

/** An answer as its bytes tell it; `body` is without chunk framing. */
export type RawAnswer = {
  readonly bytes: Buffer;
  readonly how: Outcome;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** What came behind the body. */
  readonly rest: Buffer;
};

/** A connection that shows what a server really sends. */
export type RawClient = {
  readonly socket: Socket;
  /** Sends a request of the protocol. */
  readonly send: (protocol: Protocol, isStream: boolean) => void;
  /** Resolves when an answer is whole or the connection is over, and forgets what it returned. */
  readonly receive: () => Promise<RawAnswer>;
  /** What came so far, without waiting. */
  readonly peek: () => RawAnswer;
  readonly leave: () => void;
};

/** Connects to a port of 127.0.0.1. */
export function createRawClient(port: number): RawClient {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  let over: "ended" | "reset" | undefined;
  let wake: (() => void) | undefined;
  let tail = "";
  const notice = (): void => wake?.();
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    // A stream that comes byte by byte is not parsed anew for each byte, but only where an answer can end.
    tail = (tail + chunk.toString("latin1")).slice(-5);
    if (chunk.length <= 16 && tail !== "0\r\n\r\n" && !tail.endsWith("}")) return;
    notice();
  });
  socket.on("error", () => (over = "reset"));
  socket.on("close", () => {
    over ??= "ended";
    notice();
  });
  const peek = (): RawAnswer => {
    const bytes = Buffer.concat(chunks);
    const parsed = parseAnswer(bytes);
    return { ...parsed, bytes, how: over ?? (parsed.isComplete ? "complete" : "open") };
  };
  return {
    socket,
    send: (protocol, isStream) => {
      const { path, body } = requestFor(protocol, isStream);
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    },
    receive: async () => {
      for (;;) {
        const seen = peek();
        if (seen.how !== "open") {
          chunks.length = 0;
          return seen;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    peek,
    leave: () => socket.destroy(),
  };
}

function requestFor(protocol: Protocol, isStream: boolean): { path: string; body: string } {
  const messages = [{ role: "user", content: "hi" }];
  switch (protocol) {
    case "openai-chat":
      return { path: "/v1/chat/completions", body: JSON.stringify({ model: "m", messages, stream: isStream }) };
    case "openai-responses":
      return { path: "/v1/responses", body: JSON.stringify({ model: "m", input: "hi", stream: isStream }) };
    case "anthropic-messages":
      return { path: "/v1/messages", body: JSON.stringify({ model: "m", max_tokens: 10, messages, stream: isStream }) };
    case "gemini-generate": {
      const verb = isStream ? "streamGenerateContent?alt=sse" : "generateContent";
      return { path: `/v1beta/models/m:${verb}`, body: JSON.stringify({ contents: [{ parts: [{ text: "hi" }] }] }) };
    }
  }
}

function parseAnswer(bytes: Buffer): Omit<RawAnswer, "bytes" | "how"> & { readonly isComplete: boolean } {
  const headEnd = bytes.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, Math.max(headEnd, 0)).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(statusLine)?.[1] ?? 0);
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  if (status === 0) return { status, headers, body: Buffer.alloc(0), rest: bytes, isComplete: false };
  const payload = bytes.subarray(headEnd + 4);
  if (headers["transfer-encoding"] === "chunked") return { status, headers, ...parseChunks(payload) };
  const length = Number(headers["content-length"]);
  return { status, headers, body: payload.subarray(0, length), rest: payload.subarray(length), isComplete: payload.length >= length };
}

function parseChunks(payload: Buffer): { body: Buffer; rest: Buffer; isComplete: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = payload.indexOf("\r\n", at);
    const size = Number.parseInt(payload.toString("latin1", at, Math.max(lineEnd, at)), 16);
    const end = lineEnd + 4 + size;
    if (lineEnd < 0 || Number.isNaN(size) || payload.length < end)
      return { body: Buffer.concat(parts), rest: payload.subarray(at), isComplete: false };
    if (size === 0) return { body: Buffer.concat(parts), rest: payload.subarray(end), isComplete: true };
    parts.push(payload.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}
