import { promisify } from "node:util";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import { brotliCompress, gzip } from "node:zlib";
import type { Fault, FaultContext } from "./fault-wire.ts";
import {
  LAST_CHUNK,
  STREAM_HEADERS,
  chunk,
  head,
  healthyJson,
  healthyScript,
  reset,
  scriptFrames,
  send,
  sendHealthy,
  sendStream,
  sendWhole,
  untilClosed,
} from "./fault-wire.ts";

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** Faults of the connection, of HTTP framing and of the bytes of a body. */
export const httpFaults = {
  /** No fault at all. */
  healthy: both(sendHealthy),
  /** Reads the request and never says a word. */
  "hang-before-headers": both(untilClosed),
  /** Sends the headers and nothing more. */
  "stall-after-headers": both(async (context) => {
    await send(context, bodyHead(context));
    await untilClosed(context);
  }),
  /** Sends headers and the first half of the body, and nothing more. */
  "stall-in-body": both(async (context) => {
    await sendHalf(context);
    await untilClosed(context);
  }),
  /** The whole answer, headers and all, a byte a write. */
  "one-byte-at-a-time": both(async (context) => {
    for (const byte of healthyBytes(context)) {
      if (!(await send(context, Buffer.of(byte)))) return;
      await (context.settings.intervalMs > 0 ? wait(context.settings.intervalMs) : nextTurn());
    }
  }),
  "reset-before-headers": both(reset),
  /** Ends the connection in order, without a byte. */
  "close-before-headers": both(end),
  /** The first request of a connection is answered, the next one is met with a RST: a keep-alive race. */
  "reset-on-reuse": both((context) => (context.request.indexOnSocket === 0 ? sendHealthy(context) : resetNow(context))),
  "reset-mid-body": both(async (context) => {
    await sendHalf(context);
    await reset(context);
  }),
  /** The connection ends in order in the middle of the body. */
  "end-mid-body": both(async (context) => {
    await sendHalf(context);
    await end(context);
  }),
  /** Content-Length says 100 bytes more than there are, then the connection ends. */
  "content-length-too-long": both(async (context) => {
    const body = healthyBody(context);
    await send(context, head(200, { "content-type": contentType(context), "content-length": body.length + 100 }));
    await send(context, body);
    await end(context);
  }),
  /** Every chunk of the body, but not the one that ends it. */
  "chunked-without-last": both(async (context) => {
    await send(context, head(200, { ...STREAM_HEADERS, "content-type": contentType(context) }));
    await send(context, chunk(healthyBody(context)));
    await end(context);
  }),
  /** A chunk whose size is no number. */
  "chunked-bad-size": both(async (context) => {
    await send(context, head(200, { ...STREAM_HEADERS, "content-type": contentType(context) }));
    await send(context, chunk(healthyBody(context).subarray(0, 20)));
    await send(context, "zz\r\nnot a chunk\r\n");
    await end(context);
  }),
  /** A complete answer, then a second one without a request, in the same write. */
  "bytes-after-body": both(async (context) => {
    const poison = '{"poisoned":true}';
    await send(
      context,
      Buffer.concat([
        healthyBytes(context),
        Buffer.from(head(200, { "content-type": "application/json", "content-length": poison.length }) + poison),
      ]),
    );
  }),
  /** Bytes that are no HTTP. */
  garbage: both(async (context) => {
    await send(context, "\u0000\u0001SSH-2.0-this is no HTTP\r\n\r\n");
    await end(context);
  }),
  /** Status 200 and a page, as from a captive portal or a login wall. */
  "html-200": both((context) =>
    sendWhole(context, 200, { "content-type": "text/html; charset=utf-8" }, "<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"),
  ),
  /** Status 200 and no body at all. */
  "empty-200": both((context) => sendWhole(context, 200, { "content-type": contentType(context) }, "")),
  /** Half of a JSON document, with a length that is right for it. */
  "half-json": json((context) => {
    const body = Buffer.from(JSON.stringify(healthyJson(context.protocol)));
    return sendWhole(context, 200, {}, body.subarray(0, body.length >> 1));
  }),
  /** A byte sequence that is no UTF-8 inside a string. */
  "bad-utf8": both(async (context) => {
    const broken = Buffer.from(healthyBody(context).toString("latin1").replaceAll("\xe2\x9c\x93", "\xe2\x28\xa1"), "latin1");
    if (context.isStream) await sendStream(context, [broken]);
    else await sendWhole(context, 200, {}, broken);
  }),
  gzip: both(async (context) => sendEncoded(context, "gzip", await gzipAsync(healthyBody(context)))),
  brotli: both(async (context) => sendEncoded(context, "br", await brotliAsync(healthyBody(context)))),
  /** A gzip header, then bytes that do not inflate. */
  "bad-gzip": both(async (context) => {
    const packed = await gzipAsync(healthyBody(context));
    await sendEncoded(context, "gzip", Buffer.concat([packed.subarray(0, 10), Buffer.alloc(64, 0xff)]));
  }),
  /** A plain body that claims to be gzip. */
  "false-gzip": both((context) => sendEncoded(context, "gzip", healthyBody(context))),
  /** `bombBytes` of blanks, then a good answer, in about a thousandth of the bytes. */
  "gzip-bomb": both(async (context) =>
    sendEncoded(context, "gzip", await gzipAsync(Buffer.concat([Buffer.alloc(context.settings.bombBytes, " "), healthyBody(context)]))),
  ),
} satisfies Readonly<Record<string, Fault>>;

function both(play: Fault["play"]): Fault {
  return { on: "both", play };
}

function json(play: Fault["play"]): Fault {
  return { on: "json", play };
}

function healthyBody(context: FaultContext): Buffer {
  return Buffer.from(
    context.isStream ? scriptFrames(healthyScript(context.protocol)).join("") : JSON.stringify(healthyJson(context.protocol)),
  );
}

/** The bytes of a whole good answer. */
function healthyBytes(context: FaultContext): Buffer {
  const body = healthyBody(context);
  return Buffer.concat([Buffer.from(bodyHead(context)), ...(context.isStream ? [chunk(body), Buffer.from(LAST_CHUNK)] : [body])]);
}

function bodyHead(context: FaultContext): string {
  return context.isStream
    ? head(200, STREAM_HEADERS)
    : head(200, { "content-type": "application/json", "content-length": healthyBody(context).length });
}

/** Headers and the first half: for a stream the opening and two pieces, as whole frames. */
async function sendHalf(context: FaultContext): Promise<void> {
  await send(context, bodyHead(context));
  if (!context.isStream) {
    const body = healthyBody(context);
    await send(context, body.subarray(0, body.length >> 1));
    return;
  }
  const { opening, pieces } = healthyScript(context.protocol);
  for (const frames of [opening, ...pieces.slice(0, 2)]) if (frames !== "") await send(context, chunk(frames));
}

async function sendEncoded(context: FaultContext, encoding: string, body: Buffer): Promise<void> {
  const headers = { "content-type": contentType(context), "content-encoding": encoding };
  if (context.isStream) await sendStream(context, [body], { ...STREAM_HEADERS, ...headers });
  else await sendWhole(context, 200, headers, body);
}

function contentType(context: FaultContext): string {
  return context.isStream ? "text/event-stream; charset=utf-8" : "application/json";
}

async function end(context: FaultContext): Promise<void> {
  context.socket.end();
  await untilClosed(context);
}

async function resetNow(context: FaultContext): Promise<void> {
  context.socket.resetAndDestroy();
  await untilClosed(context);
}
