import type { Secret } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import type { ProxyEnv } from "./proxy.ts";
import { proxyFor } from "./proxy.ts";
import type { Provider, ProviderKey, Timeouts } from "../types.ts";

/** The header pair that carries a key over a protocol: `Protocol.credentialHeader`. */
export type CredentialHeader = (protocol: ProtocolId, key: Secret) => readonly [string, string];

/** The one place that the requests to a provider over a protocol go to, with all that is put on them. */
export interface Destination {
  readonly provider: string;
  readonly origin: string;
  /** `api.openai.com:443`, for messages. */
  readonly hostPort: string;
  /** Put before every path; "" or `/v1`. */
  readonly basePath: string;
  /** Put on every path; "" or `a=b&c=d`. */
  readonly query: string;
  readonly proxy: string | undefined;
  readonly timeouts: Timeouts;
  /** Equal for destinations that can share connections. */
  readonly channelKey: string;
  /** Request headers that are not sent on, lower case: those set here, credentials, and what belongs to one connection. */
  readonly heldHeaders: ReadonlySet<string>;
  /** Name, value, …: what is put on a request with this key (`undefined` for none). A key that is not the provider's has no entry. */
  readonly headersByKey: ReadonlyMap<ProviderKey | undefined, readonly string[]>;
}

/** Never from a client to a provider, whatever the caller passes. */
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
 * Knows where requests may go: to the base URLs of the providers that were registered, and nowhere else. A destination is found by the provider object
 * itself, so that no name or URL from a request can make one. Providers of an earlier configuration stay known while a request still holds them.
 */
export class Egress {
  readonly #known = new WeakMap<Provider, ReadonlyMap<ProtocolId, Destination>>();
  readonly #proxyEnv: ProxyEnv;
  readonly #credentialHeader: CredentialHeader;

  constructor(options: { readonly proxyEnv: ProxyEnv; readonly credentialHeader: CredentialHeader }) {
    this.#proxyEnv = options.proxyEnv;
    this.#credentialHeader = options.credentialHeader;
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
    const fixed = ["accept-encoding", "identity", ...provider.headers.flat()];
    const headersByKey = new Map<ProviderKey | undefined, readonly string[]>([[undefined, fixed]]);
    const heldHeaders = new Set([...neverForwarded, ...provider.headers.map(([name]) => name.toLowerCase())]);
    for (const key of provider.keys) {
      const [name, value] = this.#credential(provider, protocol, key);
      heldHeaders.add(name.toLowerCase());
      headersByKey.set(key, [...fixed, name, value]);
    }
    return {
      provider: provider.name,
      origin: url.origin,
      hostPort: `${url.hostname}:${url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port}`,
      basePath: url.pathname.replace(/\/+$/, ""),
      query: provider.query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&"),
      proxy,
      timeouts: provider.timeouts,
      channelKey: [url.origin, proxy ?? "", provider.timeouts.connectMs].join(" "),
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
