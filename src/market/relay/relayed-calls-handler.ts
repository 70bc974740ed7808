import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { messageOf, type Logger } from "../../core/index.ts";
import { documentText } from "../documents/document.ts";
import { FrameError } from "../identity/frames.ts";
import type { SealingKey } from "../identity/market-keys.ts";
import { openCall, type CallAnswer, type CallRequest } from "../identity/sealed-call.ts";
import { SealError } from "../identity/sealing.ts";
import { MarketRefusal } from "../refusal.ts";
import type { NodeApi } from "../sell/node-api.ts";
import { answerGet, answerPost, noSuchPath } from "../sell/node-paths.ts";
import { serveRequest, type ServedConnection } from "../sell/serve-request.ts";
import { marketPrefix } from "../wire.ts";
import { nodeHttp2 } from "./node-http2.ts";

export interface RelayedHandlerDeps {
  readonly api: () => NodeApi;
  readonly sealing: () => Promise<readonly SealingKey[]>;
  readonly maxBodyBytes: () => number;
  readonly logger: Logger;
}

const mostCallBytes = 128 * 1024;
const idleMs = 600_000;

/** Serves a call that a relay has forwarded: the node's document, a sealed call, or a sealed request. */
export function serveRelayed(deps: RelayedHandlerDeps, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  // What has failed is seen when it closes.
  stream.on("error", () => undefined);
  stream.setTimeout(idleMs, () => {
    stream.close(nodeHttp2().constants.NGHTTP2_CANCEL);
  });
  serve(deps, stream, headers).catch((error: unknown) => {
    refuse(stream, error, deps.logger);
  });
}

async function serve(deps: RelayedHandlerDeps, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  const { ":method": method, ":path": path } = headers;
  const bytes = readStream(stream);
  if (method === "GET" && path === `${marketPrefix}/node`) {
    answer(stream, "application/json", documentText(await deps.api().document()));
  } else if (method === "POST" && path === `${marketPrefix}/serve`) {
    await serveRequest(deps.api(), connectionOf(stream, bytes), deps.maxBodyBytes());
  } else if (method === "POST" && path === `${marketPrefix}/sealed`) {
    answer(stream, "application/octet-stream", await answerSealed(deps, await readAll(bytes)));
  } else throw noSuchPath();
}

/** @throws MarketRefusal `bad_order` if the call cannot be opened. What the call itself is refused with is sealed. */
async function answerSealed({ api, sealing, logger }: RelayedHandlerDeps, bytes: Buffer): Promise<Buffer> {
  let opened: ReturnType<typeof openCall>;
  try {
    opened = openCall(bytes, await sealing());
  } catch (error) {
    const isMalformed = error instanceof SealError || error instanceof FrameError || error instanceof SyntaxError;
    if (isMalformed) throw new MarketRefusal("bad_order", "The call cannot be opened.");
    throw error;
  }
  return opened.seal(await answerCall(api(), opened.request, logger));
}

async function answerCall(api: NodeApi, { method, path: url, authorization, text }: CallRequest, logger: Logger): Promise<CallAnswer> {
  try {
    const [path = "", query = ""] = url.split("?", 2);
    const get = { path, url: marketPrefix + url, query: new URLSearchParams(query), authorization };
    return { status: 200, text: method === "GET" ? await answerGet(api, get) : await answerPost(api, path, text) };
  } catch (error) {
    const refusal = refusalOf(error, logger);
    return { status: refusal.status, text: refusal.text };
  }
}

function answer(stream: ServerHttp2Stream, type: string, body: Buffer | string): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ":status": 200, "content-type": type });
  stream.end(body);
}

function refusalOf(error: unknown, logger: Logger): MarketRefusal {
  if (error instanceof MarketRefusal) return error;
  logger.error({ error: messageOf(error) }, "a call of another node failed");
  return new MarketRefusal("unavailable", "The node cannot answer at the moment.");
}

function refuse(stream: ServerHttp2Stream, error: unknown, logger: Logger): void {
  const refusal = refusalOf(error, logger);
  if (stream.destroyed || stream.closed) return;
  if (stream.headersSent) {
    stream.close(nodeHttp2().constants.NGHTTP2_INTERNAL_ERROR);
    return;
  }
  stream.respond({ ":status": refusal.status, "content-type": "application/json" });
  stream.end(refusal.text);
}

function connectionOf(stream: ServerHttp2Stream, bytes: AsyncIterable<Buffer>): ServedConnection {
  const begin = (): void => {
    if (!stream.headersSent) stream.respond({ ":status": 200, "content-type": "application/octet-stream" });
  };
  const isOver = (): boolean => stream.destroyed || stream.closed;
  return {
    bytes,
    writer: {
      get isClosed() {
        return isOver();
      },
      write(frame) {
        if (isOver()) return false;
        begin();
        return stream.write(frame);
      },
      end(frames) {
        if (isOver()) return;
        begin();
        stream.end(frames);
      },
      destroy() {
        if (!isOver()) stream.close(nodeHttp2().constants.NGHTTP2_INTERNAL_ERROR);
      },
      onDrain(callback) {
        stream.once("drain", callback);
      },
    },
    onClose(callback) {
      const close = (): void => {
        callback(stream.writableFinished && stream.rstCode === nodeHttp2().constants.NGHTTP2_NO_ERROR);
      };
      if (stream.destroyed) close();
      else stream.once("close", close);
    },
  };
}

/** The stream's own iterator would end the stream with the request, before its answer. What is not asked for waits in the stream. */
function readStream(stream: ServerHttp2Stream): AsyncIterable<Buffer> {
  const waiting: Buffer[] = [];
  let isEnded = false;
  let wake: (() => void) | undefined;
  const change = (): void => {
    wake?.();
    wake = undefined;
  };
  stream.on("data", (chunk: Buffer) => {
    // Nobody reads once the answer is complete.
    if (stream.writableEnded) return;
    waiting.push(chunk);
    stream.pause();
    change();
  });
  const end = (): void => {
    isEnded = true;
    change();
  };
  stream.once("end", end);
  stream.once("close", end);
  // What follows the request must be read, or the stream does not close.
  stream.once("finish", () => stream.resume());
  const next = async (): Promise<IteratorResult<Buffer, undefined>> => {
    for (;;) {
      const value = waiting.shift();
      if (value !== undefined) return { value, done: false };
      if (isEnded) return { value: undefined, done: true };
      const arrived = new Promise<void>((resolve) => {
        wake = resolve;
      });
      stream.resume();
      await arrived;
    }
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

async function readAll(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of bytes) {
    size += part.length;
    if (size > mostCallBytes) throw new MarketRefusal("bad_document", `A sealed call has at most ${mostCallBytes} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
