import { asBytes, GatewayError, utf8OfLatin1, type Bytes } from "../../core/index.ts";
import { defaultDialect, type Protocol, type ProtocolTable } from "../../protocols/index.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamRequest } from "../../upstream/index.ts";
import type { ProbedOffer } from "./probed-offers.ts";

/** What an offer has answered to a probe. */
export type ProbeAnswer =
  | { readonly kind: "text"; readonly text: string; readonly isAtLimit: boolean; readonly outputTokens: number }
  /** Its server calls a plain request invalid. */
  | { readonly kind: "refused" }
  /** Not an answer of the dialect. */
  | { readonly kind: "unreadable" }
  /** It has no place now, or failed: that is counted as with any request. */
  | { readonly kind: "none" };

export interface ProbeQuestion {
  readonly prompt: string;
  readonly maxTokens: number;
}

interface AskDeps {
  readonly protocols: ProtocolTable;
  /** @param seller the node that is asked, and no other one. */
  readonly dispatch: (request: UpstreamRequest, handler: UpstreamHandler, seller: string) => UpstreamCall;
}

/** The body of a question, in the dialect in which offers are probed. */
export function bodyOfProbe(model: string, { prompt, maxTokens }: ProbeQuestion): string {
  return JSON.stringify({ model, max_tokens: maxTokens, temperature: 0, messages: [{ role: "user", content: prompt }] });
}

/** Asks one seller. Never rejects. */
export async function askProbe(
  { protocols, dispatch }: AskDeps,
  { provider, model, choice }: ProbedOffer,
  { requestId, body }: { readonly requestId: string; readonly body: string },
): Promise<ProbeAnswer> {
  const protocol = protocols.get(defaultDialect)!;
  const route = generateRouteOf(protocol);
  const path = protocol.wireRules.hasVersionInBaseUrl ? route.path.replace(/^\/v1/, "") : route.path;
  const request = { provider, protocol: defaultDialect, method: "POST", path, headers: ["content-type", "application/json"] } as const;
  // The text is public: nothing of this gateway's clients leaves.
  const market = provider.isExchange === true ? "any" : "peers";
  const { status, bytes } = await new Promise<Whole>((resolve) => {
    const sent = { ...request, key: undefined, body, stream: false, model, requestId, market } as const;
    dispatch(sent, new WholeAnswer(resolve), choice.seller.node.node);
  });
  if (status === 400 || status === 413) return { kind: isOwnRefusal(bytes) ? "none" : "refused" };
  return status === 200 ? readAnswer(protocol, bytes) : { kind: "none" };
}

function readAnswer(protocol: Protocol, bytes: Bytes): ProbeAnswer {
  try {
    const { stopReason, content } = protocol.upstream.parseResponse(utf8OfLatin1(bytes));
    const { usage } = protocol.readAnswer(bytes, { route: generateRouteOf(protocol), param: "", query: "" });
    const text = content.map((block) => (block.type === "text" ? block.text : "")).join("");
    return { kind: "text", text, isAtLimit: stopReason === "length", outputTokens: usage?.output ?? Infinity };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { kind: "unreadable" };
  }
}

function generateRouteOf(protocol: Protocol): Protocol["routes"][number] {
  return protocol.routes.find(({ operation, method }) => operation === "generate" && method === "POST")!;
}

/** What the market itself says, before anything was sealed. */
function isOwnRefusal(bytes: Bytes): boolean {
  return bytes.includes('"type":"market_error"');
}

interface Whole {
  readonly status: number;
  readonly bytes: Bytes;
}

/** A whole answer (latin1); the status is 0 if there is none. */
class WholeAnswer implements UpstreamHandler {
  readonly #resolve: (answer: Whole) => void;
  readonly #parts: Buffer[] = [];
  #status = 0;

  constructor(resolve: (answer: Whole) => void) {
    this.#resolve = resolve;
  }

  onHead(status: number): void {
    this.#status = status;
  }

  onData(chunk: Buffer): void {
    this.#parts.push(chunk);
  }

  onEnd(): void {
    this.#resolve({ status: this.#status, bytes: asBytes(Buffer.concat(this.#parts).toString("latin1")) });
  }

  onFailure(): void {
    this.#resolve({ status: 0, bytes: asBytes("") });
  }
}
