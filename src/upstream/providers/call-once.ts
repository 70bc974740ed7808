import type { Clock, Logger, Secret } from "../../core/index.ts";
import { createUpstreamClient } from "../transport/client.ts";
import type { ProxyEnv } from "../transport/proxy.ts";
import type { Provider, Timeouts } from "../types.ts";
import { buildProviders } from "./build-providers.ts";

const protocol = "openai-chat";
const timeouts = { connectMs: 5000, firstByteMs: 10_000, totalMs: 15_000 };
const mostBytes = 4 * 1024 * 1024;

export interface CallOnceDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly proxyEnv: ProxyEnv;
}

export interface OneCall {
  /** Of the destination, for messages: its URL may be a secret. */
  readonly name: string;
  /** From the configuration or the command line, or from what these servers say of themselves. No other origin is called. */
  readonly url: string;
  readonly method: "GET" | "POST" | "DELETE" | "PATCH";
  /** Name, value, name, value, … Credentials as `authorization` are sent to this URL only. */
  readonly headers: readonly string[];
  readonly body?: string | undefined;
}

export interface OneAnswer {
  readonly status: number;
  /** Name, value, …, as received. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Where the gateway's own calls go to, as the client knows it: a provider that serves nothing else. */
export interface OwnDestination {
  readonly provider: Provider;
  readonly protocol: typeof protocol;
  /** With the query. */
  readonly path: string;
}

export interface DestinationSettings {
  readonly url: string;
  readonly timeouts: Partial<Timeouts>;
  /** Sent as a bearer token. */
  readonly key?: Secret | undefined;
}

/** @param name of the destination, for messages. */
export function createDestination(name: string, { url, timeouts: limits, key }: DestinationSettings): OwnDestination {
  const { origin, pathname, search } = new URL(url);
  const keys = key === undefined ? [] : [key];
  const [provider] = buildProviders([
    { name, enabled: true, protocols: [protocol], baseUrl: { [protocol]: origin }, keys, timeouts: limits },
  ]).slice(-1);
  return { provider: provider!, protocol, path: `${pathname}${search}` };
}

/**
 * One small call of the gateway's own, or of a command, over the same way out as requests to providers: with its proxies, certificates and time limits.
 * Redirects are not followed. @throws Error that names the destination and not its URL.
 */
export async function callOnce(deps: CallOnceDeps, { name, url, method, headers, body }: OneCall): Promise<OneAnswer> {
  const { provider, path } = createDestination(name, { url, timeouts });
  const caller = { ...provider, signsRequests: true };
  const client = createUpstreamClient({ ...deps, providers: [caller], credentialHeader: () => ["authorization", ""] });
  try {
    await client.warmUp();
    return await new Promise<OneAnswer>((resolve, reject) => {
      const parts: Buffer[] = [];
      let size = 0;
      let head: Omit<OneAnswer, "body"> = { status: 0, headers: [] };
      const call = client.dispatch(
        {
          provider: caller,
          protocol,
          method,
          path,
          headers,
          key: undefined,
          body: body === undefined ? undefined : [Buffer.from(body)],
          stream: false,
        },
        {
          onHead(status, received) {
            head = { status, headers: received };
          },
          onData(part) {
            size += part.length;
            parts.push(part);
            if (size <= mostBytes) return;
            call.abort();
            reject(new Error(`${name} answered more than ${mostBytes} bytes.`));
          },
          onEnd: () => resolve({ ...head, body: Buffer.concat(parts) }),
          onFailure: (failure) => reject(new Error(failure.message, { cause: failure })),
        },
      );
    });
  } finally {
    await client.close();
  }
}
