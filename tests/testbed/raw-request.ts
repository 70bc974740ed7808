import type { Socket } from "node:net";
import type { Protocol } from "./scenario.ts";

/** A connection of the fault server. Times are on the clock of `performance.now()`. */
export type SocketRecord = {
  readonly openedAtMs: number;
  /** Null while it is open. */
  closedAtMs: number | null;
  /** Requests read from it. */
  requests: number;
  /** Resolves with `closedAtMs`. */
  readonly closed: Promise<number>;
};

/** A request as read from the bytes of a connection. */
export type RawRequest = {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Lower-case names; of repeated ones the last. */
  readonly headers: Readonly<Record<string, string>>;
  /** Request line and headers as sent. */
  readonly rawHead: string;
  readonly body: Buffer;
  /** 0 for the first request of its connection. */
  readonly indexOnSocket: number;
  readonly socket: SocketRecord;
  readonly protocol: Protocol;
  /** Whether a streamed answer was asked for. */
  readonly isStream: boolean;
  readonly receivedAtMs: number;
};

/** Reads requests from a socket, one after the other. */
export type RequestReader = { readonly next: () => Promise<RawRequest | null> };

/** A reader that keeps the socket flowing, so that a client that leaves is noticed while a fault plays. */
export function createRequestReader(socket: Socket, record: SocketRecord): RequestReader {
  let pending: Buffer = Buffer.alloc(0);
  let isOver = false;
  let wake: (() => void) | undefined;
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    wake?.();
  });
  socket.on("close", () => {
    isOver = true;
    wake?.();
  });
  const next = async (): Promise<RawRequest | null> => {
    for (;;) {
      const parsed = parseRequest(pending);
      if (parsed !== null) {
        pending = pending.subarray(parsed.length);
        const indexOnSocket = record.requests;
        record.requests += 1;
        const shape = readShape(parsed.target, parsed.body);
        const { method, target, headers, rawHead, body } = parsed;
        return { method, target, headers, rawHead, body, indexOnSocket, socket: record, ...shape, receivedAtMs: performance.now() };
      }
      if (isOver) return null;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return { next };
}

type Parsed = Pick<RawRequest, "method" | "target" | "headers" | "rawHead" | "body"> & { readonly length: number };

function parseRequest(bytes: Buffer): Parsed | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const rawHead = bytes.toString("latin1", 0, headEnd);
  const [requestLine = "", ...lines] = rawHead.split("\r\n");
  const [method = "", target = ""] = requestLine.split(" ");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const start = headEnd + 4;
  const body =
    headers["transfer-encoding"] === "chunked"
      ? parseChunked(bytes, start)
      : parseSized(bytes, start, Number(headers["content-length"] ?? 0));
  return body === null ? null : { method, target, headers, rawHead, ...body };
}

function parseSized(bytes: Buffer, start: number, size: number): { body: Buffer; length: number } | null {
  return bytes.length < start + size ? null : { body: bytes.subarray(start, start + size), length: start + size };
}

function parseChunked(bytes: Buffer, start: number): { body: Buffer; length: number } | null {
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error("not a chunk's size");
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return null;
    if (size === 0) return { body: Buffer.concat(parts), length: end };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = end;
  }
}

function readShape(target: string, body: Buffer): { protocol: Protocol; isStream: boolean } {
  if (/\/models\/.+:/.test(target)) return { protocol: "gemini-generate", isStream: target.includes(":streamGenerateContent") };
  const isStream = /"stream"\s*:\s*true/.test(body.toString("latin1"));
  if (target.includes("/messages")) return { protocol: "anthropic-messages", isStream };
  return { protocol: target.includes("/responses") ? "openai-responses" : "openai-chat", isStream };
}
