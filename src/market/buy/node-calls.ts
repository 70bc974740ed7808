import type { Clock } from "../../core/index.ts";
import { defaultDialect } from "../../protocols/index.ts";
import { buildProviders, type PooledUpstreamClient, type Provider, type UpstreamCall, type UpstreamHandler } from "../../upstream/index.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { RelayPasses } from "../identity/relay-pass.ts";
import { MarketRefusal, refusalOfText } from "../refusal.ts";
import { marketPrefix, passHeader, relayOf, requestBytes } from "../wire.ts";
import { RelayedCalls } from "./relayed-calls.ts";

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

/** The provider that stands for the interface of a node. @param name with `@`. @param url of the node itself, or of its relay for it. */
export function transportOf(name: string, url: string): Provider {
  const baseUrl = relayOf(url) === undefined ? url + marketPrefix : url;
  const settings = { name, enabled: true, protocols: [transportProtocol], baseUrl: { [transportProtocol]: baseUrl }, keys: [] };
  return { ...buildProviders([settings]).at(-1)!, signsRequests: true };
}

const mostAnswerBytes = 8 * 1024 * 1024;

interface How {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: readonly Uint8Array[] | undefined;
}

export function createNodeCalls(
  client: Pick<PooledUpstreamClient, "dispatch" | "configure">,
  key: () => NodeKey,
  clock: Pick<Clock, "now">,
): NodeCalls {
  return new Calls(client, key, clock);
}

class Calls implements NodeCalls {
  readonly #client: Pick<PooledUpstreamClient, "dispatch" | "configure">;
  readonly #key: () => NodeKey;
  readonly #clock: Pick<Clock, "now">;
  readonly #passes: RelayPasses;
  readonly #relayed = new WeakMap<Provider, RelayedCalls>();

  constructor(client: Pick<PooledUpstreamClient, "dispatch" | "configure">, key: () => NodeKey, clock: Pick<Clock, "now">) {
    this.#client = client;
    this.#key = key;
    this.#clock = clock;
    this.#passes = new RelayPasses(key, () => clock.now());
  }

  register(transports: readonly Provider[]): void {
    this.#client.configure(transports);
  }

  async get(transport: Provider, node: string, path: string): Promise<string> {
    const at = this.#clock.now();
    const key = this.#key();
    const sig = key.sign(requestBytes(node, marketPrefix + path, at)).toString("base64url");
    const authorization = `TN1 ${key.id}.${at}.${sig}`;
    const relayed = this.#relayedCalls(transport);
    if (relayed !== undefined) return await relayed.call({ method: "GET", path, authorization, text: "" });
    return textOf(await this.#call(transport, { method: "GET", path, headers: ["authorization", authorization], body: undefined }));
  }

  async post(transport: Provider, path: string, text: string): Promise<string> {
    const relayed = this.#relayedCalls(transport);
    if (relayed !== undefined) return await relayed.call({ method: "POST", path, text });
    const body = [Buffer.from(text)];
    return textOf(await this.#call(transport, { method: "POST", path, headers: ["content-type", "application/json"], body }));
  }

  serve(transport: Provider, frames: readonly Uint8Array[], handler: UpstreamHandler): UpstreamCall {
    const relayed = relayOf(transport.baseUrls[transportProtocol]!);
    const pass = relayed === undefined ? [] : [passHeader, this.#passes.for(relayed.node)];
    const headers = ["content-type", "application/octet-stream", ...pass];
    const request = { provider: transport, protocol: transportProtocol, key: undefined, stream: true } as const;
    return this.#client.dispatch({ ...request, method: "POST", path: "/serve", headers, body: frames }, handler);
  }

  /** The calls of a node behind a relay; `undefined`: the node is called at its own address. */
  #relayedCalls(transport: Provider): RelayedCalls | undefined {
    const known = this.#relayed.get(transport);
    if (known !== undefined) return known;
    const route = relayOf(transport.baseUrls[transportProtocol]!);
    if (route === undefined) return undefined;
    const { node } = route;
    const made = new RelayedCalls({
      node,
      now: () => this.#clock.now(),
      send: (path, body) => {
        const headers = [passHeader, this.#passes.for(node), ...(body === undefined ? [] : ["content-type", "application/octet-stream"])];
        return this.#call(transport, {
          method: body === undefined ? "GET" : "POST",
          path,
          headers,
          body: body === undefined ? body : [body],
        });
      },
    });
    this.#relayed.set(transport, made);
    return made;
  }

  #call(transport: Provider, how: How): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const request = { provider: transport, protocol: transportProtocol, key: undefined, stream: false, ...how };
      this.#client.dispatch(request, new WholeAnswer(resolve, reject));
    });
  }
}

function textOf(bytes: Buffer): string {
  return bytes.toString("utf8");
}

/** A whole answer. */
class WholeAnswer implements UpstreamHandler {
  readonly #resolve: (bytes: Buffer) => void;
  readonly #reject: (error: Error) => void;
  readonly #parts: Buffer[] = [];
  #size = 0;
  #status = 0;

  constructor(resolve: (bytes: Buffer) => void, reject: (error: Error) => void) {
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
    const bytes = Buffer.concat(this.#parts);
    if (this.#size > mostAnswerBytes) this.#reject(new MarketRefusal("unavailable", "The node's answer is too long."));
    else if (this.#status === 200) this.#resolve(bytes);
    else this.#reject(refusalOfText(this.#status, textOf(bytes)));
  }

  onFailure({ message }: { readonly message: string }): void {
    this.#reject(new MarketRefusal("unavailable", message));
  }
}
