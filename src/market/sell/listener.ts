import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { GatewayError, messageOf, nodeHttp, type Logger } from "../../core/index.ts";
import { MarketRefusal } from "../refusal.ts";
import { marketPrefix } from "../wire.ts";
import type { FrameWriter } from "./sealed-exchange.ts";
import type { NodeApi } from "./node-api.ts";
import { answerGet, answerPost, noSuchPath } from "./node-paths.ts";
import { serveRequest, type ServedConnection } from "./serve-request.ts";

/** Forwards calls to sellers that have connected to this node. */
export interface RelayPort {
  /** Connections that sellers may have open. */
  readonly mostConnections: number;
  /** A seller connects: `Upgrade`. It answers itself, also with a refusal. */
  attach(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** A call for a node. @param path after the node, as `/serve`. @throws MarketRefusal before anything was answered. */
  forward(request: IncomingMessage, response: ServerResponse, to: { readonly node: string; readonly path: string }): Promise<void>;
}

export interface MarketListenerDeps {
  readonly api: NodeApi;
  /** If omitted, nothing is forwarded. */
  readonly relay?: RelayPort;
  readonly logger: Logger;
  readonly now: () => number;
  /** The most plain bytes of a request. */
  readonly maxBodyBytes: () => number;
  /** Calls of one address in a second, of all nodes behind it: no more signatures are checked. */
  readonly callsPerSecond: () => number;
}

/** The market's own listening socket: only other nodes call it, and what they sign says who they are. */
export interface MarketListener {
  /** @returns the port. */
  listen(host: string, port: number): Promise<number>;
  close(): Promise<void>;
}

const maxSockets = 200;
const maxTextBytes = 65_536;
/** An opened answer and an opened request, in base64, with their documents. */
const maxOpenedBytes = 3 * 1024 * 1024;

/** What serves a call that has arrived over HTTP. */
export function createMarketHandler(deps: MarketListenerDeps): (request: IncomingMessage, response: ServerResponse) => void {
  const rate = new CallRate(deps);
  return (request, response) => {
    serve(deps, rate, { request, response }).catch((error: unknown) => {
      refuse(response, error, deps.logger);
    });
  };
}

export function createMarketListener(deps: MarketListenerDeps): MarketListener {
  const server = nodeHttp().createServer(
    // A node may upload slowly, but not hold a socket for ever.
    { maxHeaderSize: 8192, headersTimeout: 10_000, requestTimeout: 120_000, keepAliveTimeout: 75_000 },
    createMarketHandler(deps),
  );
  server.maxConnections = maxSockets + (deps.relay?.mostConnections ?? 0);
  const upgrades = new CallRate(deps);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Each of them has a signature that is checked.
    const isAllowed = deps.relay !== undefined && upgrades.take(request.socket.remoteAddress ?? "");
    if (isAllowed) deps.relay.attach(request, socket, head);
    else socket.destroy();
  });
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const fail = (error: NodeJS.ErrnoException): void => {
          reject(
            error.code === "EADDRINUSE"
              ? new GatewayError("conflict", `${host}:${port} is in use by another program. Set market.listen to a free address.`)
              : error,
          );
        };
        server.once("error", fail);
        server.listen(port, host, () => {
          server.off("error", fail);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
        setTimeout(() => {
          server.closeAllConnections();
        }, 5000).unref();
      }),
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const relayedPath = /^\/relay\/(tn1_[A-Za-z0-9_-]{43})(\/.*)?$/;

async function serve({ api, maxBodyBytes, relay }: MarketListenerDeps, rate: CallRate, { request, response }: Exchange): Promise<void> {
  if (!rate.take(request.socket.remoteAddress ?? ""))
    throw new MarketRefusal("too_many_requests", "Too many calls.", { retry_after_ms: 1000 });
  const url = request.url ?? "/";
  if (!url.startsWith(`${marketPrefix}/`)) throw noSuchPath();
  const [path = "", query = ""] = url.slice(marketPrefix.length).split("?", 2);
  const [, to, rest = ""] = relayedPath.exec(path) ?? [];
  if (to !== undefined && relay !== undefined) {
    await relay.forward(request, response, { node: to, path: rest });
  } else if (request.method === "GET") {
    const text = await answerGet(api, { path, url, query: new URLSearchParams(query), authorization: request.headers.authorization });
    // A reader that has this state of an exchange's book already needs no answer.
    const tag = path === "/book" && query.includes("after=") ? `"${await api.exchange.rev()}"` : undefined;
    if (tag !== undefined && request.headers["if-none-match"] === tag) response.writeHead(304, { etag: tag }).end();
    else answer(response, text, tag);
  } else if (request.method === "POST" && path === "/serve") {
    await serveRequest(api, connectionOf(request, response), maxBodyBytes());
  } else if (request.method === "POST") {
    answer(response, await answerPost(api, path, await readText(request, path.endsWith("/open") ? maxOpenedBytes : maxTextBytes)));
  } else throw noSuchPath();
}

/** The buyer may have left while its order was checked. */
function connectionOf(request: IncomingMessage, response: ServerResponse): ServedConnection {
  return {
    bytes: request as AsyncIterable<Buffer>,
    writer: writerOf(response),
    onClose(callback) {
      const close = (): void => {
        callback(response.writableFinished);
      };
      if (response.closed) close();
      else response.once("close", close);
    },
  };
}

function writerOf(response: ServerResponse): FrameWriter {
  const begin = (): void => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/octet-stream" });
  };
  return {
    get isClosed() {
      return response.destroyed || response.socket === null || response.socket.destroyed;
    },
    write(frame) {
      begin();
      return response.write(frame);
    },
    end(frames) {
      begin();
      response.end(frames);
    },
    destroy() {
      response.destroy();
    },
    onDrain(callback) {
      response.once("drain", callback);
    },
  };
}

async function readText(request: IncomingMessage, mostBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > mostBytes) throw new MarketRefusal("bad_document", `A call has at most ${mostBytes} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function answer(response: ServerResponse, text: string, etag?: string): void {
  response.writeHead(200, { "content-type": "application/json", ...(etag === undefined ? {} : { etag }) }).end(text);
}

function refuse(response: ServerResponse, error: unknown, logger: Logger): void {
  const refusal = error instanceof MarketRefusal ? error : new MarketRefusal("unavailable", "The node cannot answer at the moment.");
  if (refusal !== error) logger.error({ error: messageOf(error) }, "a call of another node failed");
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.writeHead(refusal.status, { "content-type": "application/json", connection: "close" }).end(refusal.text);
}

/** Counts the calls of each address in the current second. */
class CallRate {
  readonly #deps: Pick<MarketListenerDeps, "now" | "callsPerSecond">;
  readonly #counts = new Map<string, number>();
  #second = 0;

  constructor(deps: Pick<MarketListenerDeps, "now" | "callsPerSecond">) {
    this.#deps = deps;
  }

  take(address: string): boolean {
    const second = Math.floor(this.#deps.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts.clear();
    }
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, count);
    return count <= this.#deps.callsPerSecond();
  }
}
