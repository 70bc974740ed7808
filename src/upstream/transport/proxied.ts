// The only module that loads undici. Loading takes tens of milliseconds, so the client imports it if a request needs a proxy.
import { Socket } from "node:net";
import { Client, Pool, ProxyAgent, type buildConnector, type Dispatcher } from "undici";
import { connectTimeoutCode, errorWithCode } from "../http1/answer-error.ts";
import type { CarriedExchange, Carrier, OutgoingRequest } from "../http1/carrier.ts";
import { secureOptions, type ConnectorOptions } from "../http1/connector.ts";
import { outgoingBody } from "../http1/request-body.ts";
import type { CarrierFactory } from "./connections.ts";
import type { Destination } from "./egress.ts";

const keepAliveMs = 30_000;

/** The reason that undici gets when a request is abandoned; no other code sees it. */
const abandoned = new Error("the call was given up");

// undici's own timers are off: one sweep checks all calls. HTTP/1.1 only: aborting a call closes its connection, and affects no other call.
const clientOptions = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: keepAliveMs, pipelining: 1, allowH2: false } as const;

/** Connections through a proxy: in a tunnel if the origin is https. */
export function proxiedCarriers(destination: Destination, proxy: string, options: ConnectorOptions): CarrierFactory {
  return () => new ProxiedCarrier(destination.origin, proxy, options);
}

/** One proxy agent of undici for one request at a time. */
class ProxiedCarrier implements Carrier, Dispatcher.DispatchHandler {
  /** undici opens another connection if the last one is closed. */
  readonly isReusable = true;
  readonly #origin: string;
  readonly #dispatcher: Dispatcher;
  #exchange: CarriedExchange | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** Number of requests begun on the current connection. */
  #begun = 0;

  constructor(origin: string, proxy: string, options: ConnectorOptions) {
    const { connectMs } = options;
    this.#origin = origin;
    this.#dispatcher = new ProxyAgent({
      ...clientOptions,
      uri: proxy,
      connectTimeout: connectMs,
      connections: 1,
      proxyTls: secureOptions(options),
      requestTls: { rejectUnauthorized: true },
      // The proxy has the same time to connect as a server.
      clientFactory: (target: URL, more: object) => new Pool(target, { ...more, headersTimeout: connectMs, allowH2: false }),
      factory: (target: URL, more: Client.Options) =>
        new Client(target, {
          ...clientOptions,
          ...more,
          ...(typeof more.connect === "function" ? { connect: this.#watched(options, more.connect) } : {}),
        }),
    });
  }

  send(request: OutgoingRequest, exchange: CarriedExchange): void {
    this.#exchange = exchange;
    this.#controller = undefined;
    this.#dispatcher.dispatch(dispatchOptions(this.#origin, request), this);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** undici's own timer closes idle connections. */
  tick(): void {}

  destroy(): void {
    this.#exchange = undefined;
    this.#controller?.abort(abandoned);
    void this.#dispatcher.destroy();
  }

  close(): Promise<void> {
    return this.#dispatcher.close();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Abandoned while it waited for its connection: undici treats the thrown error as the end of the request, and sends nothing.
    if (this.#exchange === undefined) throw abandoned;
    this.#controller = controller;
    this.#exchange.onBegin(this.#begun++ > 0);
  }

  onResponseStarted(): void {
    this.#exchange?.onAnswering();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // Interim answers (1xx) are received here too.
    if (status >= 200) this.#exchange?.onHead(status, textHeaders(controller.rawHeaders));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#exchange?.onPiece(chunk);
  }

  onResponseEnd(): void {
    this.#take()?.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#take()?.onError(error);
  }

  #take(): CarriedExchange | undefined {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    return exchange;
  }

  /** A connector that counts the new connection, and aborts it in time: undici's own timer is exact only to a second. */
  #watched({ connectMs, lateMs }: ConnectorOptions, connect: Connect): buildConnector.connector {
    return (options, callback) => {
      this.#begun = 0;
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
        callback(errorWithCode(connectTimeoutCode, "connect timeout"), null);
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
}

/** undici's connectors return the socket that they open, although their types do not say so; the proxy agent's returns a promise. */
type Connect = (options: buildConnector.Options, callback: buildConnector.Callback) => unknown;

function dispatchOptions(origin: string, request: OutgoingRequest): Dispatcher.DispatchOptions {
  const { body, length } = outgoingBody(request.body);
  const headers: string[] = [];
  for (let i = 0; i < request.headers.length; i += 2) {
    const name = request.headers[i]!;
    if (!request.heldHeaders.has(name.toLowerCase())) headers.push(name, request.headers[i + 1]!);
  }
  for (const part of request.added.list) headers.push(part);
  if (length !== undefined) headers.push("content-length", String(length));
  return {
    origin,
    path: request.path,
    method: request.method,
    headers,
    // undici accepts any iterable of bytes, as its documentation and code say; its types name only streams.
    body: body as Buffer | null,
    idempotent: false,
    blocking: false,
  };
}

/** Name, value, … as received. undici passes Buffers for HTTP/1.1. */
function textHeaders(raw: Dispatcher.DispatchController["rawHeaders"]): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")));
}
