import type { Secret } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import type { AddedHeaders } from "../http1/carrier.ts";
import { headerLines } from "../http1/request-writer.ts";
import type { ProxyEnv } from "./proxy.ts";
import { portOf, proxyFor } from "./proxy.ts";
import type { Provider, ProviderKey, Timeouts } from "../types.ts";

/** The header that carries a key over a protocol: `Protocol.credentialHeader`. */
export type CredentialHeader = (protocol: ProtocolId, key: Secret) => readonly [string, string];

/** The destination of the requests to a provider over a protocol, with everything that is added to them. */
export interface Destination {
  readonly provider: string;
  readonly origin: string;
  /** `api.openai.com:443`, for messages. */
  readonly hostPort: string;
  /** Prefix of every path; "" or `/v1`. */
  readonly basePath: string;
  /** Added to every path; "" or `a=b&c=d`. */
  readonly query: string;
  readonly proxy: string | undefined;
  /** Only public addresses are connected to. */
  readonly isPublicOnly: boolean;
  readonly timeouts: Timeouts;
  /** The same for destinations that can share connections. */
  readonly channelKey: string;
  /** Request headers that are not forwarded, in lower case: those that are set here, credentials, and headers of a single connection. */
  readonly heldHeaders: ReadonlySet<string>;
  /** The headers that are added for this key (`undefined`: no key). A key of another provider has no entry. */
  readonly headersByKey: ReadonlyMap<ProviderKey | undefined, AddedHeaders>;
}

/** Never forwarded from a client to a provider, whatever the caller passes. */
const neverForwarded = [
  "accept-encoding",
  "api-key",
  "authorization",
  "connection",
  "content-length",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-api-key",
  "x-goog-api-key",
];

/**
 * Knows the allowed destinations of requests: the base URLs of the registered providers, and no others. A destination is found by the provider object
 * itself, so that no name or URL in a request can create one. Providers of an earlier configuration stay known while a request still refers to them.
 */
export class Egress {
  readonly #known = new WeakMap<Provider, ReadonlyMap<ProtocolId, Destination>>();
  readonly #proxyEnv: ProxyEnv;
  readonly #credentialHeader: CredentialHeader;
  #hasProxies = false;

  constructor(options: { readonly proxyEnv: ProxyEnv; readonly credentialHeader: CredentialHeader }) {
    this.#proxyEnv = options.proxyEnv;
    this.#credentialHeader = options.credentialHeader;
  }

  /** Whether a provider that was registered is called through a proxy. */
  get hasProxies(): boolean {
    return this.#hasProxies;
  }

  register(provider: Provider): void {
    if (this.#known.has(provider)) return;
    const destinations = new Map<ProtocolId, Destination>();
    for (const protocol of provider.protocols) {
      const baseUrl = provider.baseUrls[protocol];
      if (baseUrl !== undefined) destinations.set(protocol, this.#destination(provider, protocol, new URL(baseUrl)));
    }
    this.#known.set(provider, destinations);
  }

  find(provider: Provider, protocol: ProtocolId): Destination | undefined {
    return this.#known.get(provider)?.get(protocol);
  }

  #destination(provider: Provider, protocol: ProtocolId, url: URL): Destination {
    const proxy = proxyFor(url, this.#proxyEnv);
    if (proxy !== undefined) this.#hasProxies = true;
    const fixed = ["accept-encoding", "identity", ...provider.headers.flat()];
    const headersByKey = new Map<ProviderKey | undefined, AddedHeaders>([[undefined, addedHeaders(fixed)]]);
    const never = provider.signsRequests === true ? neverForwarded.filter((name) => name !== "authorization") : neverForwarded;
    const heldHeaders = new Set([...never, ...provider.headers.map(([name]) => name.toLowerCase())]);
    for (const key of provider.keys) {
      const [name, value] = this.#credential(provider, protocol, key);
      heldHeaders.add(name.toLowerCase());
      headersByKey.set(key, addedHeaders([...fixed, name, value]));
    }
    return {
      provider: provider.name,
      origin: url.origin,
      hostPort: `${url.hostname}:${portOf(url)}`,
      basePath: url.pathname.replace(/\/+$/, ""),
      query: provider.query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&"),
      proxy,
      isPublicOnly: provider.isPublicOnly === true,
      timeouts: provider.timeouts,
      channelKey: [url.origin, proxy ?? "", provider.timeouts.connectMs, provider.isPublicOnly === true ? "public" : ""].join(" "),
      heldHeaders,
      headersByKey,
    };
  }

  #credential(provider: Provider, protocol: ProtocolId, key: ProviderKey): readonly [string, string] {
    const { keyHeader } = provider.quirks;
    if (keyHeader === undefined) return this.#credentialHeader(protocol, key.secret);
    const value = key.secret.reveal();
    return [keyHeader, keyHeader === "authorization" ? `Bearer ${value}` : value];
  }
}

function addedHeaders(list: readonly string[]): AddedHeaders {
  return { list, lines: headerLines(list) };
}
