import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { pipeline, Readable } from "node:stream";
import { createIdSource, systemClock } from "../core/index.ts";
import { protocols } from "../protocols/index.ts";
import type { FetchHandler } from "./fetch-handler.ts";
import { dialectOfPath } from "./http/dialect-of-path.ts";
import { bodyWasRead } from "./http/refusal.ts";

/*
 * The gateway's own server speaks HTTP/1.1. A host program with a server of `node:http2` reaches it through the handler for web requests.
 */

export function isHttp2(request: IncomingMessage | Http2ServerRequest): request is Http2ServerRequest {
  return request.httpVersionMajor === 2;
}

export interface Http2Deps {
  readonly fetch: FetchHandler;
  /** The gateway's own path of a URL: without the query, and without what the host program puts before it. */
  readonly pathOf: (url: string) => string;
}

/** The code of RFC 9113 for a stream that ends before its answer is whole: INTERNAL_ERROR. */
const internalError = 2;

/** Answers a request of HTTP/2. If the client resets its stream, the gateway's work for it ends, too. */
export function serveHttp2({ fetch, pathOf }: Http2Deps, request: Http2ServerRequest, response: Http2ServerResponse): void {
  if (hasBody(request) && request.readableDidRead) {
    refuseRead(pathOf(request.url), response, createIdSource(systemClock).next("req"));
    return;
  }
  const left = new AbortController();
  response.once("close", () => {
    if (!response.writableEnded) left.abort(new Error("The client has left."));
  });
  answer(fetch, request, response, left.signal).catch(() => {
    // The client has left, its body broke off, or it is no request for a web server, as CONNECT.
    response.stream.close(internalError);
  });
}

async function answer(fetch: FetchHandler, request: Http2ServerRequest, response: Http2ServerResponse, signal: AbortSignal): Promise<void> {
  const { remoteAddress = "" } = request.socket;
  const { status, headers, body } = await fetch(webRequestOf(request, signal), { remoteAddress });
  // A list, as several cookies must stay separate.
  response.writeHead(status, { ...Object.fromEntries(headers), "set-cookie": headers.getSetCookie() });
  if (body === null) response.end();
  // A failure on either side ends the other one.
  else pipeline(Readable.fromWeb(body), response, () => {});
}

function hasBody({ method }: Http2ServerRequest): boolean {
  return method !== "GET" && method !== "HEAD";
}

function webRequestOf(request: Http2ServerRequest, signal: AbortSignal): Request {
  const headers = new Headers();
  const { rawHeaders, scheme, url, method } = request;
  const host = request.authority === "" ? (request.headers.host ?? "localhost") : request.authority;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (!name.startsWith(":")) headers.append(name, rawHeaders[i + 1]!);
  }
  const body = hasBody(request) ? { body: Readable.toWeb(request as unknown as Readable) as ReadableStream, duplex: "half" as const } : {};
  return new Request(`${scheme}://${host}${url}`, { method, headers, signal, ...body });
}

function refuseRead(path: string, response: Http2ServerResponse, requestId: string): void {
  const { status, body } = protocols.get(dialectOfPath(path, protocols))!.renderError(bodyWasRead(), requestId);
  response.writeHead(status, { "content-type": "application/json", "x-request-id": requestId });
  response.end(body);
}
