import type { Clock } from "../../core/index.ts";
import { defaultDialect } from "../../protocols/index.ts";
import { buildProviders, type PooledUpstreamClient, type Provider, type UpstreamCall, type UpstreamHandler } from "../../upstream/index.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { MarketRefusal, refusalOfText } from "../refusal.ts";
import { marketPrefix, requestBytes } from "../wire.ts";

/** Calls of another node's interface, over the gateway's one way out to the network. */
export interface NodeCalls {
  /** Allows these destinations. */
  register(transports: readonly Provider[]): void;
  /** @param node that is asked. @returns the JSON text. @throws MarketRefusal what the node says; `unavailable` if it cannot be reached. */
  get(transport: Provider, node: string, path: string): Promise<string>;
  post(transport: Provider, path: string, text: string): Promise<string>;
  /** A sealed request: `frames` are sent as they are. */
  serve(transport: Provider, frames: readonly Uint8Array[], handler: UpstreamHandler): UpstreamCall;
}

/** A node's interface is none of the protocols; a destination needs one, and this one adds nothing to a request. */
export const transportProtocol = defaultDialect;

/** The provider that stands for the interface of a node. @param name with `@`. */
export function transportOf(name: string, url: string): Provider {
  const settings = { name, enabled: true, protocols: [transportProtocol], baseUrl: { [transportProtocol]: url + marketPrefix }, keys: [] };
  return { ...buildProviders([settings]).at(-1)!, signsRequests: true };
}

const mostAnswerBytes = 8 * 1024 * 1024;

export function createNodeCalls(
  client: Pick<PooledUpstreamClient, "dispatch" | "configure">,
  key: () => NodeKey,
  clock: Pick<Clock, "now">,
): NodeCalls {
  interface How {
    readonly method: "GET" | "POST";
    readonly path: string;
    readonly headers: readonly string[];
    readonly body: string | undefined;
  }
  const call = (transport: Provider, how: How): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = { provider: transport, protocol: transportProtocol, key: undefined, stream: false, ...how };
      client.dispatch(request, new TextAnswer(resolve, reject));
    });
  return {
    register(transports) {
      client.configure(transports);
    },
    get(transport, node, path) {
      const at = clock.now();
      const sig = key()
        .sign(requestBytes(node, marketPrefix + path, at))
        .toString("base64url");
      return call(transport, { method: "GET", path, headers: ["authorization", `TN1 ${key().id}.${at}.${sig}`], body: undefined });
    },
    post: (transport, path, text) =>
      call(transport, { method: "POST", path, headers: ["content-type", "application/json"], body: Buffer.from(text).toString("latin1") }),
    serve(transport, frames, handler) {
      const headers = ["content-type", "application/octet-stream"];
      const request = { provider: transport, protocol: transportProtocol, key: undefined, stream: true } as const;
      return client.dispatch({ ...request, method: "POST", path: "/serve", headers, body: frames }, handler);
    },
  };
}

/** A whole answer as text. */
class TextAnswer implements UpstreamHandler {
  readonly #resolve: (text: string) => void;
  readonly #reject: (error: Error) => void;
  readonly #parts: Buffer[] = [];
  #size = 0;
  #status = 0;

  constructor(resolve: (text: string) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onHead(status: number): void {
    this.#status = status;
  }

  onData(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size <= mostAnswerBytes) this.#parts.push(chunk);
  }

  onEnd(): void {
    const text = Buffer.concat(this.#parts).toString("utf8");
    if (this.#size > mostAnswerBytes) this.#reject(new MarketRefusal("unavailable", "The node's answer is too long."));
    else if (this.#status === 200) this.#resolve(text);
    else this.#reject(refusalOfText(this.#status, text));
  }

  onFailure({ message }: { readonly message: string }): void {
    this.#reject(new MarketRefusal("unavailable", message));
  }
}
