import type { Bytes, SseEvent, Text } from "../core/index.ts";
import type { ChatRequest, ChatResponse, EmbeddingAnswer, EmbeddingRequest, StreamEvent } from "../ir/index.ts";
import type { ProviderTraits } from "./model-traits.ts";
import type { ContextCaching } from "./context-cache.ts";
import type { Caching, CacheMarker } from "./prompt-cache.ts";
import type { RenderQuirks } from "./quirks.ts";

/** A part of a request or an answer that the target's wire cannot carry. */
export interface Loss {
  /** The neutral name, or a field that only the client's protocol has; see `param-names.ts` for the client's spelling. */
  readonly param: string;
  readonly action: "dropped" | "emulated" | "clamped";
  readonly reason: string;
}

export interface Rendered<T> {
  readonly value: T;
  readonly losses: readonly Loss[];
  /** Set if a tool, or a property of one, is sent under another name or in another form than the client's. */
  readonly toolNames?: ToolNames;
}

/** The client's tools, by their name on the upstream's wire; a tool that is not listed is a function with its own name. */
export type ToolNames = ReadonlyMap<string, ToolIdentity>;

/** The client's tool for a name on the upstream's wire. */
export interface ToolIdentity {
  readonly name: string;
  readonly namespace?: string;
  /** `custom`: the call's one argument `input` is the free text. `answer`: a call of it is the text of the answer, as the gateway asked for. */
  readonly kind: "function" | "custom" | "answer";
  /** The client's names of properties in the arguments, by their names on the wire, if they differ. */
  readonly properties?: ReadonlyMap<string, string>;
}

/** The upstream for which a request is rendered. */
export interface RenderTarget {
  readonly model: string;
  readonly stream: boolean;
  /** Those of the model (`ServerQuirks.of`). */
  readonly quirks: RenderQuirks;
  /** What is known of the provider's models, with the operator's settings; absent: what their names say. */
  readonly traits?: ProviderTraits;
  /** Absent: as `client`. */
  readonly caching?: CachingTarget;
}

/** How the prompt is prepared for the provider's cache. */
export interface CachingTarget {
  readonly mode: Caching;
  /** With `auto`: for a provider that caches what is marked. */
  readonly marker?: CacheMarker;
  /** With `auto`: for a provider that finds a conversation's cache by a key, if the client gives none. */
  readonly cacheKey?: string | undefined;
}

export interface StreamDecoder {
  push(data: SseEvent): readonly StreamEvent[];
  /** The upstream ended. */
  end(): readonly StreamEvent[];
}

/** The upstream's side of a protocol. */
export interface UpstreamProtocol {
  /** The query that asks for a stream of events, if the path alone does not. */
  readonly streamQuery?: string;
  /** The output limit of a rendered request: at least `least`, and `unasked` if its client sets none. Absent: the client's own. */
  readonly outputBounds?: { readonly least?: number; readonly unasked?: number };
  /** How a request leads to the provider's cache: by marks in the prompt, by a key of the conversation; absent: the provider finds it by itself. */
  readonly cacheBy?: "marks" | "key";
  /** Present if the vendor keeps prompts under names. */
  readonly contextCaching?: ContextCaching;
  renderRequest(request: ChatRequest, target: RenderTarget): Rendered<string>;
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`; AnsweredError if the answer is an error. */
  parseResponse(body: Text, toolNames?: ToolNames): ChatResponse;
  createStreamDecoder(toolNames?: ToolNames): StreamDecoder;
  /** Present if the vendor pauses answers in which its own tools run. `body`: the rendered request. `undefined`: it has no such tools. */
  createPausedTurns?(body: Text): PausedTurns | undefined;
  /** Present if the protocol has embeddings. */
  readonly embeddings?: UpstreamEmbeddings;
  /** Present if the protocol has an operation that counts the tokens of a request. */
  readonly counter?: TokenCounter;
  /** Present if the protocol has a field for the probabilities of tokens. */
  readonly probabilities?: TokenProbabilities;
}

export interface TokenProbability {
  readonly token: string;
  /** From 0 to 1. */
  readonly probability: number;
}

/** The probabilities of the first token of an answer. */
export interface TokenProbabilities {
  /** A rendered body that also asks for the `top` most probable tokens; the body itself if the model is known to refuse that. */
  ask(body: string, target: RenderTarget, top: number): string;
  /** `body` is the JSON of a whole answer. `undefined`: it has none. */
  read(body: Text): readonly TokenProbability[] | undefined;
}

/**
 * The turns of an answer that the vendor pauses, joined to one answer. One turn after the other is pushed, in the form of the first; when one has ended, `nextRequest` says
 * whether another follows.
 */
export interface PausedTurns {
  /** Takes bytes of a stream. @returns those of the joined stream, in whole events. */
  push(chunk: Bytes): Bytes;
  /** The turn's stream has ended. @returns what was left of it. */
  endTurn(): Bytes;
  /** Takes a whole answer. @returns the joined one; `undefined`: it has paused, or is no answer. */
  pushWhole(body: Bytes): Bytes | undefined;
  /** The body of the request that goes on; `undefined`: the answer has ended, or has paused too often. */
  nextRequest(): Text | undefined;
  /** What ends a stream whose last turn has not ended, or has paused; else nothing. */
  endStream(): Bytes;
  /** The same of an answer without a stream: all of it. */
  endWhole(): Bytes;
}

export interface UpstreamEmbeddings {
  /** `model`: the upstream's name. `operation`: the operation of the rendered body. */
  render(request: EmbeddingRequest, model: string): Rendered<string> & { readonly operation: "embed" | "batch-embed" };
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`; AnsweredError as above. */
  parse(body: Text): EmbeddingAnswer;
}

export interface TokenCounter {
  /** Renders only the parts of a request that are counted. @throws GatewayError `invalid_request` if this protocol cannot express it. */
  render(request: ChatRequest, target: RenderTarget): string;
  /** `body` is text, not latin1. @throws GatewayError `upstream_invalid_response`; AnsweredError as above. */
  parse(body: Text): number;
}
