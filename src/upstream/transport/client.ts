import type { Clock, Every, Logger } from "../../core/index.ts";
import type { OutgoingRequest } from "../http1/carrier.ts";
import { createCheckedLookup, systemResolve, type Resolve } from "./addresses.ts";
import { DispatchedCall, type CallDeps } from "./call.ts";
import { Channel, directCarriers, type CarrierFactory } from "./connections.ts";
import { Egress, type CredentialHeader, type Destination } from "./egress.ts";
import type * as ProxiedModule from "./proxied.ts";
import type { ProxyEnv } from "./proxy.ts";
import { lateMs, Sweep } from "./sweep.ts";
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
  /** Calls at intervals for the connections that are idle; the process's timer by default. */
  readonly every?: Every;
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

/** The only way to the network: HTTP/1.1 over connections of our own, and over undici's through a proxy. */
export function createUpstreamClient(options: UpstreamClientOptions): PooledUpstreamClient {
  return new ConnectedClient(options);
}

type Proxied = typeof ProxiedModule;

class ConnectedClient implements PooledUpstreamClient {
  readonly #deps: CallDeps;
  readonly #egress: Egress;
  readonly #lookup: ReturnType<typeof createCheckedLookup>;
  readonly #publicLookup: ReturnType<typeof createCheckedLookup>;
  readonly #channels = new Map<string, Channel>();
  readonly #sweepMs: number | undefined;
  readonly #every: Every | undefined;
  #proxied: Proxied | undefined;
  #loading: Promise<Proxied> | undefined;
  #closed = false;

  constructor(options: UpstreamClientOptions) {
    this.#sweepMs = options.sweepMs;
    this.#every = options.every;
    this.#deps = {
      clock: options.clock,
      logger: options.logger,
      sweep: new Sweep(options.clock, this.#sweepMs ?? sweepMsFor(options.providers)),
    };
    this.#egress = new Egress(options);
    this.#lookup = createCheckedLookup(options.resolve ?? systemResolve);
    this.#publicLookup = createCheckedLookup(options.resolve ?? systemResolve, true);
    this.configure(options.providers);
  }

  configure(providers: readonly Provider[]): void {
    for (const provider of providers) this.#egress.register(provider);
    this.#deps.sweep.setInterval(this.#sweepMs ?? sweepMsFor(providers));
  }

  async warmUp(): Promise<void> {
    if (this.#egress.hasProxies) await this.#load();
  }

  dispatch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const destination = this.#egress.find(request.provider, request.protocol);
    const added = destination?.headersByKey.get(request.key);
    if (destination === undefined || added === undefined) return refuse(request, handler);
    const call = new DispatchedCall(this.#deps, request, destination, handler);
    if (this.#closed) {
      queueMicrotask(() => {
        call.fail("aborted", "was not called: the gateway is closing its connections.");
      });
      return call;
    }
    if (destination.isPublicOnly && destination.proxy !== undefined) {
      // A proxy resolves the name itself, so the address cannot be checked.
      queueMicrotask(() => {
        call.fail("refused-destination", uncheckedByProxy);
      });
      return call;
    }
    const { method, headers, body } = request;
    const outgoing = { method, path: pathOf(request, destination), headers, heldHeaders: destination.heldHeaders, added, body };
    if (destination.proxy === undefined || this.#proxied !== undefined) call.start(this.#channel(destination), outgoing);
    else this.#startLater(call, destination, outgoing);
    return call;
  }

  async close(): Promise<void> {
    this.#closed = true;
    // The calls that waited have got the failure to load.
    await this.#loading?.catch(() => undefined);
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
  }

  #startLater(call: DispatchedCall, destination: Destination, outgoing: OutgoingRequest): void {
    this.#load().then(
      () => {
        call.start(this.#channel(destination), outgoing);
      },
      (error: unknown) => {
        this.#deps.logger.error({ error: String(error) }, "the HTTP client for proxies could not be loaded");
        call.fail("unreachable", "could not be called: the gateway's HTTP client for proxies could not be loaded. Reinstall the gateway.");
      },
    );
  }

  #channel(destination: Destination): Channel {
    let channel = this.#channels.get(destination.channelKey);
    if (channel === undefined) {
      channel = new Channel(this.#carriers(destination), this.#every);
      this.#channels.set(destination.channelKey, channel);
    }
    return channel;
  }

  #carriers(destination: Destination): CarrierFactory {
    const options = {
      lookup: destination.isPublicOnly ? this.#publicLookup : this.#lookup,
      connectMs: destination.timeouts.connectMs,
      lateMs,
    };
    if (destination.proxy === undefined) return directCarriers(destination, options);
    return this.#proxied!.proxiedCarriers(destination, destination.proxy, options);
  }

  #load(): Promise<Proxied> {
    this.#loading ??= import("./proxied.ts").then((proxied) => {
      this.#proxied = proxied;
      return proxied;
    });
    return this.#loading;
  }
}

const uncheckedByProxy =
  "would be called through a proxy, behind which the gateway cannot check that the address is a public one. Name the host in NO_PROXY, or set market.allow_private.";

function pathOf(request: UpstreamRequest, destination: Destination): string {
  const path = destination.basePath + request.path;
  return destination.query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${destination.query}`;
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
