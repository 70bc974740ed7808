import type { SseEvent } from "../core/index.ts";
import type { ChatRequest, ChatResponse, EmbeddingAnswer, EmbeddingRequest, StreamEvent } from "../ir/index.ts";

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

/** Where a compatible server differs from the vendor. Absent: it does not. */
export interface RenderQuirks {
  readonly noDeveloperRole?: boolean;
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens";
  readonly noStreamOptions?: boolean;
  readonly reasoningField?: "reasoning_content" | "reasoning";
  /** OpenAI Chat: a model that has no `reasoning_effort` refuses it, so only models that are known to have one get it. */
  readonly effortOfKnownModels?: boolean;
  /** Assistant reasoning must be sent back with tool calls. */
  readonly echoReasoning?: boolean;
  /** Largest output the model takes, where known. */
  readonly maxOutputTokens?: number;
  /** OpenAI dialects: only function tools are known; a custom tool becomes a function with one text. */
  readonly noCustomTools?: boolean;
  /** OpenAI Chat: fields that only OpenAI itself has are refused (`prompt_cache_key`, `safety_identifier`, `verbosity`, `store`, `metadata`). */
  readonly noVendorFields?: boolean;
  /** OpenAI dialects: `tool_choice` has no `allowed_tools`; the other tools are left out of the request instead. */
  readonly noAllowedTools?: boolean;
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
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`, `upstream_error`. */
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
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`. */
  parse(body: string): EmbeddingAnswer;
}

export interface TokenCounter {
  /** The request with only what is counted. @throws GatewayError `invalid_request` where it cannot be said in this protocol. */
  render(request: ChatRequest, target: RenderTarget): string;
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`. */
  parse(body: string): number;
}
