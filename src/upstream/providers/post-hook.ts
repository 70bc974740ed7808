import type { Clock, Logger } from "../../core/index.ts";
import { buildProviders } from "./build-providers.ts";
import { createUpstreamClient } from "../transport/client.ts";
import type { ProxyEnv } from "../transport/proxy.ts";

const protocol = "openai-chat";
const timeouts = { connectMs: 5000, firstByteMs: 10_000, totalMs: 15_000 };

export interface HookDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly proxyEnv: ProxyEnv;
}

export interface HookMessage {
  /** Of the webhook, for messages: its URL may be a secret. */
  readonly name: string;
  /** From the configuration. No other origin is called. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Posts one message to a webhook, over the same way out as requests to providers: with its proxies, certificates and time limits. Redirects are not followed.
 * @returns the status of the answer. @throws Error that names the webhook and not its URL.
 */
export async function postHook(deps: HookDeps, { name, url, headers, body }: HookMessage): Promise<number> {
  const { origin, pathname, search } = new URL(url);
  const [provider] = buildProviders([
    { name, enabled: true, protocols: [protocol], baseUrl: { [protocol]: origin }, keys: [], timeouts },
  ]).slice(-1);
  const client = createUpstreamClient({ ...deps, providers: [provider!], credentialHeader: () => ["authorization", ""] });
  try {
    await client.warmUp();
    return await new Promise<number>((resolve, reject) => {
      let status = 0;
      client.dispatch(
        {
          provider: provider!,
          protocol,
          method: "POST",
          path: `${pathname}${search}`,
          headers: Object.entries(headers).flat(),
          key: undefined,
          body: [Buffer.from(body)],
          stream: false,
        },
        {
          onHead(answered) {
            status = answered;
          },
          onData: () => undefined,
          onEnd: () => resolve(status),
          onFailure: (failure) => reject(new Error(failure.message)),
        },
      );
    });
  } finally {
    await client.close();
  }
}
