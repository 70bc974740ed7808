import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { GatewayError, messageOf, nodeHttp, type Logger } from "../../core/index.ts";
import { documentText } from "../documents/document.ts";
import { MarketRefusal } from "../refusal.ts";
import { marketPrefix } from "../wire.ts";
import type { FrameWriter } from "./sealed-exchange.ts";
import type { NodeApi } from "./node-api.ts";
import { RequestFrames } from "./read-frames.ts";

export interface MarketListenerDeps {
  readonly api: NodeApi;
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
  server.maxConnections = maxSockets;
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

async function serve({ api, maxBodyBytes }: MarketListenerDeps, rate: CallRate, { request, response }: Exchange): Promise<void> {
  if (!rate.take(request.socket.remoteAddress ?? ""))
    throw new MarketRefusal("too_many_requests", "Too many calls.", { retry_after_ms: 1000 });
  const url = request.url ?? "/";
  if (!url.startsWith(`${marketPrefix}/`)) throw notFound();
  const [path = "", query = ""] = url.slice(marketPrefix.length).split("?", 2);
  if (request.method === "GET") {
    const text = await get(api, { path, url, query: new URLSearchParams(query), authorization: request.headers.authorization });
    // A reader that has this state of an exchange's book already needs no answer.
    const tag = path === "/book" && query.includes("after=") ? `"${await api.exchange.rev()}"` : undefined;
    if (tag !== undefined && request.headers["if-none-match"] === tag) response.writeHead(304, { etag: tag }).end();
    else answer(response, text, tag);
  } else if (request.method === "POST" && path === "/serve") {
    await serveRequest(api, { request, response }, maxBodyBytes());
  } else if (request.method === "POST") {
    answer(response, await post(api, path, await readText(request)));
  } else throw notFound();
}

interface Get {
  readonly path: string;
  readonly url: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

async function get(api: NodeApi, { path, url, query, authorization }: Get): Promise<string> {
  const node = await api.caller(authorization, url);
  const after = Number(query.get("after") ?? "0");
  if (!Number.isSafeInteger(after) || after < 0) throw new MarketRefusal("bad_document", "`after` must be a number.");
  if (path === "/book" && query.has("after")) return await api.exchange.book(node, after, query.get("model") ?? undefined);
  if (path === "/book") return await api.book(node);
  if (path === "/statement") return documentText(await api.statement(node));
  if (path === "/entries") return await api.entries(node, after);
  const lease = /^\/leases\/(lse_[0-9a-f]{32})\/receipts$/.exec(path)?.[1];
  if (lease === undefined) throw notFound();
  return JSON.stringify({ receipts: (await api.seller.receipts(lease, after, node)).map((text) => JSON.parse(text) as unknown) });
}

async function post({ seller, exchange, join, node }: NodeApi, path: string, text: string): Promise<string> {
  if (path === "/join") return await join(text);
  if (path === "/offers") return await exchange.offers(text);
  if (path === "/leases") return await (exchange.isStarted && isOfOther(text, node) ? exchange.lease(text) : seller.lease(text));
  const [, lease, action] = /^\/leases\/(lse_[0-9a-f]{32})\/(ack|contest|settle)$/.exec(path) ?? [];
  if (lease === undefined) throw notFound();
  if (await exchange.has(lease)) {
    if (action === "settle") return await exchange.settle(lease, text);
    return action === "ack" ? await exchange.acknowledge(lease, text) : await exchange.contest(lease, text);
  }
  if (action === "settle") throw notFound();
  return action === "ack" ? await seller.close(lease, text) : await seller.contest(lease, text);
}

/** A lease request for an offer of another node: this one is asked as an exchange. What is wrong with it is said later. */
function isOfOther(text: string, node: string): boolean {
  try {
    const { body } = JSON.parse(text) as { readonly body?: { readonly seller?: unknown } };
    return typeof body?.seller === "string" && body.seller !== node;
  } catch {
    return false;
  }
}

/** A sealed request: its frames in, the frames of its answer out. What is wrong before the head of the answer is a plain refusal. */
async function serveRequest({ seller }: NodeApi, { request, response }: Exchange, mostBytes: number): Promise<void> {
  const frames = new RequestFrames(request as AsyncIterable<Buffer>);
  const accepted = await seller.accept(await frames.open());
  let plain: Buffer;
  try {
    plain = await frames.request(accepted.opener, mostBytes);
  } catch (error) {
    await accepted.fail();
    throw error;
  }
  await accepted.run(plain, writerOf(response), (over) => {
    const close = (): void => {
      over(response.writableFinished);
    };
    // The buyer may have left while its order was checked.
    if (response.closed) close();
    else response.once("close", close);
  });
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

async function readText(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxTextBytes) throw new MarketRefusal("bad_document", `A call has at most ${maxTextBytes} bytes.`);
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

function notFound(): MarketRefusal {
  return new MarketRefusal("not_found", "There is no such path.");
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
