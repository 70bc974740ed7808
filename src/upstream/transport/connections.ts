// The only module that loads undici. Loading takes tens of milliseconds, so the client imports it when the first request is sent.
import { Socket, type LookupFunction } from "node:net";
import { buildConnector, Client, type Dispatcher, Pool, ProxyAgent } from "undici";
import type { Destination } from "./egress.ts";
import { lateMs } from "./sweep.ts";

/** Carries one request at a time, over one connection that it opens when needed and keeps. */
export interface Carrier {
  readonly dispatcher: Dispatcher;
  /** Number of requests begun on the current connection. */
  begun: number;
}

/** Idle carriers beyond this number are closed. A carrier without a connection is small, so a burst may leave many. */
const mostIdle = 512;
const keepAliveMs = 30_000;

/**
 * The connections to one origin, as a stack: the carrier used last is used next, so that unneeded connections become idle and close. This is undici's
 * Pool without its queue and events. It distinguishes a new connection from a used one, knows the connection of a call, and saves 2 to 3 of 20 µs of
 * CPU per request.
 */
export class Channel {
  readonly #idle: Carrier[] = [];
  readonly #all = new Set<Carrier>();
  readonly #make: () => Carrier;
  #closed = false;

  constructor(destination: Destination, lookup: LookupFunction) {
    this.#make =
      destination.proxy === undefined ? directCarriers(destination, lookup) : proxiedCarriers(destination, destination.proxy, lookup);
  }

  /** A carrier for the caller alone, until it is released or discarded. */
  acquire(): Carrier {
    return this.#idle.pop() ?? this.acquireFresh();
  }

  /** A carrier that opens a new connection. */
  acquireFresh(): Carrier {
    const carrier = this.#make();
    this.#all.add(carrier);
    return carrier;
  }

  /** The request is over and the connection can be used again. */
  release(carrier: Carrier): void {
    if (this.#idle.length < mostIdle && !this.#closed) this.#idle.push(carrier);
    else if (this.#all.delete(carrier)) void carrier.dispatcher.close();
  }

  /** Closes the connection at once; a connection that is being opened, as soon as it is open. */
  discard(carrier: Carrier): void {
    this.#all.delete(carrier);
    void carrier.dispatcher.destroy();
  }

  /** Closes idle connections now, and the others after their requests; resolves when all are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#idle.length = 0;
    const open = [...this.#all];
    this.#all.clear();
    await Promise.all(open.map((carrier) => carrier.dispatcher.close()));
  }
}

// undici's own timers are off: one sweep checks all calls. HTTP/1.1 only: aborting a call closes its connection, and affects no other call.
const clientOptions = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: keepAliveMs, pipelining: 1, allowH2: false } as const;

/** Of an answer whose client does not read, less is kept in memory than with Node's 64 KiB. */
const socketOptions = { highWaterMark: 16_384 };

function tlsOptions(lookup: LookupFunction, connectMs: number): buildConnector.BuildOptions {
  return {
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED cannot disable it.
    rejectUnauthorized: true,
    lookup,
    autoSelectFamily: true,
    // Node's default of 250 ms per address is too short for distant hosts.
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.min(1_000, Math.ceil(connectMs / 3))),
  };
}

function directCarriers(destination: Destination, lookup: LookupFunction): () => Carrier {
  const { connectMs } = destination.timeouts;
  // One connector for all, so that TLS sessions are resumed.
  const connect = buildConnector({ ...tlsOptions(lookup, connectMs), ...socketOptions, allowH2: false, timeout: connectMs });
  return () => {
    const carrier = { begun: 0 };
    return Object.assign(carrier, {
      dispatcher: new Client(destination.origin, { ...clientOptions, connect: watched(carrier, connectMs, connect) }),
    });
  };
}

function proxiedCarriers(destination: Destination, proxy: string, lookup: LookupFunction): () => Carrier {
  const { connectMs } = destination.timeouts;
  const tls = tlsOptions(lookup, connectMs);
  return () => {
    const carrier = { begun: 0 };
    const dispatcher = new ProxyAgent({
      ...clientOptions,
      uri: proxy,
      connectTimeout: connectMs,
      connections: 1,
      proxyTls: tls,
      requestTls: { rejectUnauthorized: true },
      // The proxy has the same time to connect as a server.
      clientFactory: (origin: URL, options: object) => new Pool(origin, { ...options, headersTimeout: connectMs, allowH2: false }),
      factory: (origin: URL, options: Client.Options) =>
        new Client(origin, {
          ...clientOptions,
          ...options,
          ...(typeof options.connect === "function" ? { connect: watched(carrier, connectMs, options.connect) } : {}),
        }),
    });
    return Object.assign(carrier, { dispatcher });
  };
}

/** A connector that counts the new connection, and aborts it in time: undici's own timer is exact only to a second. */
function watched(carrier: { begun: number }, connectMs: number, connect: Connect): buildConnector.connector {
  return (options, callback) => {
    carrier.begun = 0;
    let over = false;
    let opening: unknown;
    let dueMs = performance.now() + connectMs;
    const timer = setTimeout(() => {
      const nowMs = performance.now();
      if (nowMs - dueMs > lateMs) {
        // The process did not run: the connection may be there, and nobody has looked.
        dueMs = nowMs + connectMs;
        timer.refresh();
        return;
      }
      over = true;
      if (opening instanceof Socket) opening.destroy();
      callback(Object.assign(new Error("connect timeout"), { code: "UND_ERR_CONNECT_TIMEOUT" }), null);
    }, connectMs);
    opening = connect(options, (error, socket) => {
      if (over) {
        socket?.destroy();
        return;
      }
      clearTimeout(timer);
      if (error === null) callback(null, socket);
      else callback(error, null);
    });
  };
}

/** undici's connectors return the socket that they open, although their types do not say so; the proxy agent's returns a promise. */
type Connect = (options: buildConnector.Options, callback: buildConnector.Callback) => unknown;
