import type { Dispatcher } from "undici";
import type { Clock, Logger } from "../../core/index.ts";
import { createCheckedLookup, systemResolve, type Resolve } from "./addresses.ts";
import { DispatchedCall, type CallDeps } from "./call.ts";
import type * as ConnectionsModule from "./connections.ts";
import { Egress, type CredentialHeader, type Destination } from "./egress.ts";
import type { ProxyEnv } from "./proxy.ts";
import { outgoingBody } from "./request-body.ts";
import { Sweep } from "./sweep.ts";
import type { Provider, UpstreamCall, UpstreamClient, UpstreamHandler, UpstreamRequest } from "../types.ts";

export interface UpstreamClientOptions {
  /** The providers to whose base URLs requests may be sent. No other destination is possible. */
  readonly providers: readonly Provider[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`; usually `process.env`. */
  readonly proxyEnv: ProxyEnv;
  /** `Protocol.credentialHeader` of the protocol. */
  readonly credentialHeader: CredentialHeader;
  readonly resolve?: Resolve;
  /** The interval between checks of time limits; by default a tenth of the shortest limit, between 10 and 250 ms. */
  readonly sweepMs?: number;
}

export interface PooledUpstreamClient extends UpstreamClient {
  /**
   * Applies the providers of a new configuration. Connections that still fit are kept. Active calls, and requests that still use a provider of the
   * old configuration, continue.
   */
  configure(providers: readonly Provider[]): void;
  /** Loads the code that the first request would otherwise wait for. */
  warmUp(): Promise<void>;
  /** Accepts no more requests, and resolves when the active ones are over and all connections are closed. */
  close(): Promise<void>;
}

/** The only way to the network, over undici. */
export function createUpstreamClient(options: UpstreamClientOptions): PooledUpstreamClient {
  return new UndiciClient(options);
}

type Connections = typeof ConnectionsModule;
type Channel = ConnectionsModule.Channel;

class UndiciClient implements PooledUpstreamClient {
  readonly #deps: CallDeps;
  readonly #egress: Egress;
  readonly #lookup: ReturnType<typeof createCheckedLookup>;
  readonly #channels = new Map<string, Channel>();
  readonly #sweepMs: number | undefined;
  #connections: Connections | undefined;
  #loading: Promise<Connections> | undefined;
  #closed = false;

  constructor(options: UpstreamClientOptions) {
    this.#sweepMs = options.sweepMs;
    this.#deps = {
      clock: options.clock,
      logger: options.logger,
      sweep: new Sweep(options.clock, this.#sweepMs ?? sweepMsFor(options.providers)),
    };
    this.#egress = new Egress(options);
    this.#lookup = createCheckedLookup(options.resolve ?? systemResolve);
    this.configure(options.providers);
  }

  configure(providers: readonly Provider[]): void {
    for (const provider of providers) this.#egress.register(provider);
    this.#deps.sweep.setInterval(this.#sweepMs ?? sweepMsFor(providers));
  }

  async warmUp(): Promise<void> {
    await this.#load();
  }

  dispatch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const destination = this.#egress.find(request.provider, request.protocol);
    const headers = destination?.headersByKey.get(request.key);
    if (destination === undefined || headers === undefined) return refuse(request, handler);
    const call = new DispatchedCall(this.#deps, request, destination, handler);
    if (this.#closed) {
      queueMicrotask(() => {
        call.fail("aborted", "was not called: the gateway is closing its connections.");
      });
      return call;
    }
    const dispatch = dispatchOptions(request, destination, headers);
    if (this.#connections === undefined) {
      this.#load().then(
        (connections) => {
          call.start(this.#channel(destination, connections), dispatch);
        },
        (error: unknown) => {
          this.#deps.logger.error({ error: String(error) }, "the HTTP client could not be loaded");
          call.fail("unreachable", "could not be called: the gateway's HTTP client could not be loaded. Reinstall the gateway.");
        },
      );
    } else {
      call.start(this.#channel(destination, this.#connections), dispatch);
    }
    return call;
  }

  async close(): Promise<void> {
    this.#closed = true;
    // The calls that waited have got the failure to load.
    await this.#loading?.catch(() => undefined);
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
  }

  #channel(destination: Destination, connections: Connections): Channel {
    let channel = this.#channels.get(destination.channelKey);
    if (channel === undefined) {
      channel = new connections.Channel(destination, this.#lookup);
      this.#channels.set(destination.channelKey, channel);
    }
    return channel;
  }

  #load(): Promise<Connections> {
    this.#loading ??= import("./connections.ts").then((connections) => {
      this.#connections = connections;
      return connections;
    });
    return this.#loading;
  }
}

function dispatchOptions(request: UpstreamRequest, destination: Destination, added: readonly string[]): Dispatcher.DispatchOptions {
  const { body, length } = outgoingBody(request.body);
  const headers: string[] = [];
  for (let i = 0; i < request.headers.length; i += 2) {
    const name = request.headers[i]!;
    if (!destination.heldHeaders.has(name.toLowerCase())) headers.push(name, request.headers[i + 1]!);
  }
  for (const part of added) headers.push(part);
  if (length !== undefined) headers.push("content-length", String(length));
  let path = destination.basePath + request.path;
  if (destination.query !== "") path += (path.includes("?") ? "&" : "?") + destination.query;
  return {
    origin: destination.origin,
    path,
    method: request.method,
    headers,
    // undici accepts any iterable of bytes, as its documentation and code say; its types name only streams.
    body: body as Buffer | null,
    idempotent: false,
    blocking: false,
  };
}

/** For a provider that was never registered, or a key that does not belong to the provider. */
function refuse(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
  let over = false;
  queueMicrotask(() => {
    if (over) return;
    over = true;
    const what = request.provider.builtin ? "answers in the gateway itself" : `is not configured for ${request.protocol} with this key`;
    handler.onFailure({ kind: "refused-destination", message: `Provider ${request.provider.name} ${what}; nothing was sent.` });
  });
  return {
    abort() {
      over = true;
    },
    pause() {},
    resume() {},
  };
}

function sweepMsFor(providers: readonly Provider[]): number {
  const shortest = Math.min(
    2_500,
    ...providers.map(({ timeouts }) => Math.min(timeouts.firstByteMs, timeouts.idleMs, timeouts.totalMs, timeouts.streamTotalMs)),
  );
  return Math.max(10, Math.floor(shortest / 10));
}
