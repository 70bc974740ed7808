import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { pipeline, Readable } from "node:stream";
import { nodeHttp } from "../core/index.ts";
import type { Edge } from "./edge-types.ts";
import { maxHeaderBytes } from "./http/listeners.ts";
import { PipeSocket } from "./http/pipe-socket.ts";

/** Who calls, as the host program knows it. */
export interface FetchCaller {
  /** The address that the request came from. If it is not given, the caller is not taken for a program on this machine. */
  readonly remoteAddress?: string;
}

export type FetchHandler = (request: Request, caller?: FetchCaller) => Promise<Response>;

/** These are about one connection (RFC 9110, section 7.6.1); the length is that of a body which may have been changed on its way. */
const ownHeaders = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Statuses whose answer has no body (Fetch Standard, "null body status"). */
const bodyless = new Set([204, 205, 304]);

/**
 * The edge for web requests. Each goes through a connection inside this process, so that the edge's server reads it as one from the network: limits, checks,
 * streaming, back-pressure and a client that leaves are the same.
 */
export function createFetchHandler(edge: Pick<Edge, "serve" | "refuseBroken">): FetchHandler {
  const http = nodeHttp();
  const server = new http.Server({ maxHeaderSize: maxHeaderBytes, requestTimeout: 0, requireHostHeader: false }, edge.serve);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    edge.refuseBroken(error, socket as Socket);
  });
  return async (request, { remoteAddress = "" } = {}) => {
    // A program without types may give the URL alone.
    if (typeof request !== "object" || !("signal" in request)) throw new TypeError("Give fetch a Request: new Request(url, options).");
    const { signal } = request;
    signal.throwIfAborted();
    const { client, server: served } = PipeSocket.connect(remoteAddress);
    server.emit("connection", served);
    const { pathname, search } = new URL(request.url);
    const sent = http.request({
      createConnection: () => client,
      method: request.method,
      path: pathname + search,
      headers: headersOf(request),
    });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once("response", resolve).on("error", reject);
    });
    let received: IncomingMessage | undefined;
    const leave = (): void => {
      (received ?? sent).destroy(signal.reason as Error);
    };
    signal.addEventListener("abort", leave, { once: true });
    client.once("close", () => {
      signal.removeEventListener("abort", leave);
    });
    sendBody(request, sent);
    received = await answer;
    return responseOf(received, request.method);
  };
}

function headersOf({ headers, url, method, body }: Request): string[] {
  const list: string[] = [];
  for (const [name, value] of headers) if (!ownHeaders.has(name)) list.push(name, value);
  if (!headers.has("host")) list.push("host", new URL(url).host);
  if (body !== null) list.push("transfer-encoding", "chunked");
  else if (method !== "GET" && method !== "HEAD") list.push("content-length", "0");
  return list;
}

/** If the answer comes before the whole body, the rest of the body is not sent. What breaks the request is reported by `sent` itself. */
function sendBody({ body }: Request, sent: NodeJS.WritableStream): void {
  if (body === null) sent.end();
  else pipeline(Readable.fromWeb(body), sent, () => {});
}

function responseOf(answer: IncomingMessage, method: string): Response {
  const headers = new Headers();
  const { rawHeaders, statusCode: status = 200 } = answer;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name === "content-length" || !ownHeaders.has(name)) headers.append(name, rawHeaders[i + 1]!);
  }
  const init = { status, statusText: answer.statusMessage ?? "", headers };
  if (method !== "HEAD" && !bodyless.has(status)) return new Response(Readable.toWeb(answer) as globalThis.ReadableStream, init);
  answer.resume();
  return new Response(null, init);
}
