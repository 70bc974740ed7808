import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { Readable, Writable } from "node:stream";
import { MarketRefusal } from "../refusal.ts";
import { marketPrefix } from "../wire.ts";
import { nodeHttp2 } from "./node-http2.ts";

interface ForwardedCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly session: ClientHttp2Session;
  readonly method: "GET" | "POST";
  /** After the prefix. */
  readonly path: string;
  readonly onBytes: (direction: "request" | "answer", bytes: number) => void;
}

/** A call without a byte either way for this time is cut. */
const idleMs = 600_000;

/**
 * Passes a call on to a seller, and its answer back, as bytes. Of the heads only status and content type are passed on. Who does not read makes the other side wait.
 * Resolves when the call is over. @returns whether the whole answer was passed on. @throws MarketRefusal if the seller has not answered at all.
 */
export function forwardCall({ request, response, session, method, path, onBytes }: ForwardedCall): Promise<boolean> {
  const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = nodeHttp2().constants;
  const type = request.headers["content-type"];
  const headers = { ":method": method, ":path": marketPrefix + path, ...(type === undefined ? {} : { "content-type": type }) };
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(headers, { endStream: method === "GET" });
    } catch {
      // The connection has just ended.
      reject(lost());
      return;
    }
    stream.setTimeout(idleMs, () => {
      stream.close(NGHTTP2_CANCEL);
    });
    // What has failed is seen when it closes.
    stream.on("error", () => undefined);
    if (method === "POST") {
      pump(request, stream, (bytes) => onBytes("request", bytes));
      request.once("end", () => {
        if (!stream.closed) stream.end();
      });
    }
    stream.on("response", ({ ":status": status = 502, "content-type": answerType = "application/octet-stream" }) => {
      if (response.destroyed) return;
      response.writeHead(status, { "content-type": answerType });
      response.flushHeaders();
      pump(stream, response, (bytes) => onBytes("answer", bytes));
    });
    response.once("close", () => {
      // The caller has left.
      if (!stream.closed) stream.close(NGHTTP2_CANCEL);
    });
    stream.once("close", () => {
      const isWhole = stream.rstCode === NGHTTP2_NO_ERROR && response.headersSent;
      if (isWhole) response.end();
      else if (response.headersSent) response.destroy();
      if (response.headersSent || response.destroyed) resolve(isWhole);
      else reject(lost());
    });
  });
}

function lost(): MarketRefusal {
  return new MarketRefusal("unavailable", "The seller is not connected to its relay any more.");
}

/** Passes bytes on as fast as they are taken. It does not end what it writes to. */
function pump(from: Readable, to: Writable, onBytes: (bytes: number) => void): void {
  from.on("data", (chunk: Buffer) => {
    onBytes(chunk.length);
    if (to.destroyed || to.writableEnded) return;
    if (to.write(chunk)) return;
    from.pause();
    to.once("drain", () => {
      from.resume();
    });
  });
}
