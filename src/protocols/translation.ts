import type { SseEvent } from "../core/index.ts";
import type { ChatRequest, ChatResponse, EmbeddingAnswer, EmbeddingRequest, StreamEvent } from "../ir/index.ts";
import type { RenderQuirks } from "./quirks.ts";

/** Something of a request or an answer that the target's wire has no place for. */
export interface Loss {
  /** By its neutral name, or a field that only the client's protocol has; see `param-names.ts` for the client's spelling. */
  readonly param: string;
  readonly action: "dropped" | "emulated" | "clamped";
  readonly reason: string;
}

export interface Rendered<T> {
  readonly value: T;
  readonly losses: readonly Loss[];
  /** Set where a tool goes under another name or in another form than the client's. */
  readonly toolNames?: ToolNames;
}

/** The client's tools by the name that they have on the upstream's wire; a tool that is not here is a function of that very name. */
export type ToolNames = ReadonlyMap<string, ToolIdentity>;

/** What a name on the upstream's wire stands for. */
export interface ToolIdentity {
  readonly name: string;
  readonly namespace?: string;
  /** `custom`: the call's one argument `input` is the free text. `answer`: a call of it is the text of the answer, as the gateway asked for. */
  readonly kind: "function" | "custom" | "answer";
}

/** What is known of the upstream that a request is rendered for. */
export interface RenderTarget {
  readonly model: string;
  readonly stream: boolean;
  readonly quirks: RenderQuirks;
}

export interface StreamDecoder {
  push(data: SseEvent): readonly StreamEvent[];
  /** The upstream ended. */
  end(): readonly StreamEvent[];
}

/** The upstream's side of a protocol. */
export interface UpstreamProtocol {
  /** The query that asks for a stream of events, where the path alone does not. */
  readonly streamQuery?: string;
  /** Output tokens that a rendered request asks for: at least `least`, and `unasked` if its client names no bound. Absent: what the client asks for. */
  readonly outputBounds?: { readonly least?: number; readonly unasked?: number };
  renderRequest(request: ChatRequest, target: RenderTarget): Rendered<string>;
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`; AnsweredError where the answer is an error. */
  parseResponse(body: string, toolNames?: ToolNames): ChatResponse;
  createStreamDecoder(toolNames?: ToolNames): StreamDecoder;
  /** Where the protocol has embeddings. */
  readonly embeddings?: UpstreamEmbeddings;
  /** Where the protocol has an operation that counts the tokens of a request. */
  readonly counter?: TokenCounter;
}

export interface UpstreamEmbeddings {
  /** `model`: the upstream's name. `operation`: what the body is one for. */
  render(request: EmbeddingRequest, model: string): Rendered<string> & { readonly operation: "embed" | "batch-embed" };
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`; AnsweredError as above. */
  parse(body: string): EmbeddingAnswer;
}

export interface TokenCounter {
  /** The request with only what is counted. @throws GatewayError `invalid_request` where it cannot be said in this protocol. */
  render(request: ChatRequest, target: RenderTarget): string;
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`; AnsweredError as above. */
  parse(body: string): number;
}
