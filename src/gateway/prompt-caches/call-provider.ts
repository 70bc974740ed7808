import type { CacheCall } from "../../protocols/index.ts";
import type { Target, UpstreamCall } from "../../upstream/index.ts";
import type { GatewayDeps, GatewaySnapshot } from "../deps.ts";

export interface ProviderCall {
  readonly target: Target;
  readonly wire: CacheCall;
  /** Monotonic milliseconds. */
  readonly deadlineAt: number;
  readonly requestId: string;
}

/** A status, and the body as text. Status 0: the provider did not answer, and the text says why. */
export interface ProviderAnswer {
  readonly status: number;
  readonly text: string;
  /** The gateway is shutting down. */
  readonly isCut?: true;
}

/** A longer answer is cut off. */
const mostBytes = 256 * 1024;

/** A call of the gateway's own to the provider of a target, with the target's key. It ends with the gateway. Never rejects. */
export function callProvider(
  { activeAttempts }: Pick<GatewayDeps, "activeAttempts">,
  { client }: Pick<GatewaySnapshot, "client">,
  { target, wire, deadlineAt, requestId }: ProviderCall,
): Promise<ProviderAnswer> {
  const { provider, protocol, upstreamModel: model } = target.attempt;
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let [size, status] = [0, 0];
    let sent: UpstreamCall | undefined;
    const active = {
      slot: -1,
      streaming: false,
      tick: () => undefined,
      terminate: () => {
        sent?.abort();
        end({ status: 0, text: "The gateway is shutting down.", isCut: true });
      },
    };
    const end = (answer: ProviderAnswer): void => {
      activeAttempts.delete(active);
      resolve(answer);
    };
    sent = client.dispatch(
      {
        provider,
        protocol,
        method: wire.method,
        path: wire.path,
        headers: ["content-type", "application/json", "accept", "application/json"],
        body: [Buffer.from(wire.body, "latin1")],
        key: provider.keys[target.state.keyIndex],
        stream: false,
        deadlineAt,
        model,
        requestId,
      },
      {
        onHead(received) {
          status = received;
        },
        onData(part) {
          size += part.length;
          if (size <= mostBytes) parts.push(part);
        },
        onEnd: () => {
          end({ status, text: Buffer.concat(parts).toString("utf8") });
        },
        onFailure: ({ message }) => {
          end({ status: 0, text: message });
        },
      },
    );
    activeAttempts.add(active);
  });
}
