// Helpers for the tests of the client: raw servers, providers that point to them, and complete answers of calls.
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { Secret, silentLogger, type Clock } from "../core/index.ts";
import type { ProviderSettings } from "./providers/build-providers.ts";
import { buildProviders } from "./providers/build-providers.ts";
import { createUpstreamClient, type PooledUpstreamClient, type UpstreamClientOptions } from "./transport/client.ts";
import type { Provider, Timeouts, UpstreamCall, UpstreamClient, UpstreamFailure, UpstreamHandler, UpstreamRequest } from "./types.ts";

/** A request that has arrived. */
export interface Arrived {
  readonly socket: Socket;
  /** The head with its blank line, and the body, as latin1. */
  readonly head: string;
  readonly body: string;
  /** Number of the connection, and of the request on it, from 0. */
  readonly connection: number;
  readonly turn: number;
}

export interface RawServer {
  readonly server: Server;
  readonly port: number;
  readonly origin: string;
  readonly sockets: readonly Socket[];
  readonly requests: readonly Arrived[];
  /** Resolves when `count` requests have arrived. */
  arrived(count: number): Promise<void>;
}

/** Listens on port 0 of 127.0.0.1. Every complete request (by Content-Length) is passed to `answer`, which may write anything. */
export async function rawServer(t: TestContext, answer: (request: Arrived) => void): Promise<RawServer> {
  const sockets: Socket[] = [];
  const requests: Arrived[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = sockets.push(socket) - 1;
    let turn = 0;
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (;;) {
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        const request = { socket, head: text.slice(0, end + 4), body: text.slice(end + 4, end + 4 + length), connection, turn: turn++ };
        text = text.slice(end + 4 + length);
        requests.push(request);
        for (const { count, resolve } of waiting) if (requests.length >= count) resolve();
        answer(request);
      }
    });
  });
  const { port, origin } = await listen(t, server);
  const arrived = (count: number): Promise<void> =>
    new Promise((resolve) => {
      if (requests.length >= count) resolve();
      else waiting.push({ count, resolve });
    });
  return { server, port, origin, sockets, requests, arrived };
}

export async function listen(t: TestContext, server: Server): Promise<{ port: number; origin: string }> {
  // A connection that is not read does not notice that its client has left.
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port, origin: `http://127.0.0.1:${port}` };
}

/** A JSON answer with its length. */
export function jsonAnswer(body = '{"ok":true}', head = "HTTP/1.1 200 OK"): string {
  return `${head}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export function providerAt(baseUrl: string, more: Partial<ProviderSettings> & { readonly wait?: Partial<Timeouts> } = {}): Provider {
  const { wait, ...settings } = more;
  return buildProviders([
    {
      name: "upstream",
      enabled: true,
      protocols: ["openai-chat"],
      baseUrl,
      keys: [new Secret("sk-upstream")],
      ...settings,
      ...(wait === undefined ? {} : { timeouts: wait }),
    },
  ]).at(-1)!;
}

/** Time that moves only when the test sets it. */
export class HandClock implements Clock {
  ms = 1_000;
  #readers: (() => void)[] = [];
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    const readers = this.#readers;
    this.#readers = [];
    for (const resolve of readers) resolve();
    return this.ms;
  }
  /** Resolves after the clock has been read again. Unless a request is dispatched meanwhile, the reader is a sweep. */
  swept(): Promise<void> {
    return new Promise((resolve) => {
      this.#readers.push(resolve);
    });
  }
}

export function clientFor(t: TestContext, providers: readonly Provider[], more: Partial<UpstreamClientOptions> = {}): PooledUpstreamClient {
  const client = createUpstreamClient({
    providers,
    clock: new HandClock(),
    logger: silentLogger,
    proxyEnv: {},
    credentialHeader: (_protocol, key) => ["authorization", `Bearer ${key.reveal()}`],
    sweepMs: 5,
    ...more,
  });
  t.after(() => client.close());
  return client;
}

/** A provider at a server, and a client that reaches it. */
export type Reach = (
  t: TestContext,
  upstream: RawServer,
  provider?: Parameters<typeof providerAt>[1],
  options?: Partial<UpstreamClientOptions>,
) => { readonly provider: Provider; readonly client: PooledUpstreamClient };

const reachDirectly: Reach = (t, upstream, more, options) => {
  const provider = providerAt(upstream.origin, more);
  return { provider, client: clientFor(t, [provider], options) };
};

/** The server itself acts as the proxy. */
const reachByProxy: Reach = (t, upstream, more, options) => {
  const provider = providerAt("http://api.test", more);
  return { provider, client: clientFor(t, [provider], { ...options, proxyEnv: { http_proxy: upstream.origin } }) };
};

/** Registers a test twice: over connections of our own, and over undici's, which are used through a proxy. */
export function testBothWays(name: string, body: (t: TestContext, reach: Reach) => Promise<void>): void {
  test(name, (t) => body(t, reachDirectly));
  test(`${name}, through a proxy`, (t) => body(t, reachByProxy));
}

export function requestTo(provider: Provider, more: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    provider,
    protocol: provider.protocols[0]!,
    method: "POST",
    path: "/chat/completions",
    headers: ["content-type", "application/json"],
    key: provider.keys[0],
    body: "{}",
    stream: false,
    ...more,
  };
}

/** Everything that a call received. */
export interface Gathered {
  status?: number;
  headers?: readonly string[];
  /** latin1 */
  body: string;
  failure?: UpstreamFailure;
}

export class Gatherer implements UpstreamHandler {
  readonly result: Gathered = { body: "" };
  readonly done: Promise<Gathered>;
  readonly head: Promise<void>;
  call: UpstreamCall | undefined;
  /** Number of calls after the last one that is allowed. */
  late = 0;
  heads = 0;
  #over = false;
  #done!: (result: Gathered) => void;
  #head!: () => void;

  constructor() {
    this.done = new Promise((resolve) => {
      this.#done = resolve;
    });
    this.head = new Promise((resolve) => {
      this.#head = resolve;
    });
  }

  onHead(status: number, headers: readonly string[]): void {
    this.#count();
    this.heads++;
    this.result.status = status;
    this.result.headers = headers;
    this.#head();
  }

  onData(chunk: Buffer): void {
    this.#count();
    this.result.body += chunk.toString("latin1");
  }

  onEnd(): void {
    this.#count();
    this.#over = true;
    this.#done(this.result);
  }

  onFailure(failure: UpstreamFailure): void {
    this.#count();
    this.#over = true;
    this.result.failure = failure;
    this.#done(this.result);
  }

  #count(): void {
    if (this.#over) this.late++;
  }
}

export function start(client: UpstreamClient, request: UpstreamRequest): Gatherer {
  const gatherer = new Gatherer();
  gatherer.call = client.dispatch(request, gatherer);
  return gatherer;
}

export function gather(client: UpstreamClient, request: UpstreamRequest): Promise<Gathered> {
  return start(client, request).done;
}
