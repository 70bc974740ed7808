import type { Edit, ExactValues, GatewayError, Secret, Span, SseEvent } from "../core/index.ts";
import type { ParamTable } from "./param-names.ts";
import type {
  ChatRequest,
  ChatResponse,
  EmbeddingRequest,
  EmbeddingResult,
  ProtocolId,
  ServiceTier,
  StreamEvent,
  Usage,
} from "../ir/index.ts";
import type { RenderQuirks } from "./quirks.ts";
import type { Loss } from "./translation.ts";

/** What a call asks for. `generate` is an answer of a model; the others are named as the contract's table names them. */
export type Operation =
  | "generate"
  | "embed"
  | "batch-embed"
  | "count-tokens"
  | "list-models"
  | "get-model"
  | "get-response"
  | "delete-response"
  | "cancel-response"
  | "list-input-items";

/**
 * One route of a protocol. `path` is a literal, or has one parameter: `{model}` runs to the end of the path or to the literal that follows it and may
 * hold slashes; `{id}` is one segment.
 */
export interface RouteSpec {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly operation: Operation;
  /** Set where the path, not the body, says that the answer streams (Gemini). */
  readonly stream?: boolean;
  /** Set where the path names the model of a dialect whose bodies do (Azure's deployments): it replaces the body's. */
  readonly modelInPath?: boolean;
}

/** A route as it was called. */
export interface RouteCall {
  readonly route: RouteSpec;
  /** The parameter's value, percent-decoded; "" where the route has none. */
  readonly param: string;
  /** The query string without `?` and without credentials, as sent. */
  readonly query: string;
}

/** What the gateway must know of a request before it is parsed. */
export interface Envelope {
  readonly model: string;
  readonly stream: boolean;
  /** The bound on output tokens that the client set. */
  readonly maxOutputTokens?: number;
  /** Without one, the largest under a name that is not the dialect's: the provider may ignore it. */
  readonly otherLimit?: number;
  /** How many answers it asked for, where more than one: each may be as long as the bound. */
  readonly choices?: number;
  /** OpenAI's dialects: the class of service that the client asked for, where that has a price of its own. */
  readonly tier?: ServiceTier;
  /** Chat: whether the client asked for usage in its stream. */
  readonly includeUsage?: boolean;
  /** OpenAI's dialects: the client asked for the cost in the answer's usage. */
  readonly includeCost?: boolean;
  /** Responses: the stored response that this one continues. */
  readonly previousResponseId?: string;
  /** Responses: `store`, where given. */
  readonly store?: boolean;
  /** Responses: `background`, where given. */
  readonly background?: boolean;
  /** Responses: the request goes on with a conversation that its provider keeps. */
  readonly conversation?: boolean;
  /** Gemini: the stream is asked for as one JSON array, not as SSE. */
  readonly jsonArray?: boolean;
  /** Where values stand in the body, for the patched lane; keys are the protocol's own choice. */
  readonly spans: Readonly<Record<string, Span | undefined>>;
  /** Offset after the `{` of the body, and whether the object is empty: where a new field can be put. */
  readonly insertAt: number;
  readonly empty: boolean;
}

/** Changes that the same-protocol lane makes to a body. */
export interface Patch {
  /** The upstream's name of the model, where it differs from what the client wrote. */
  readonly model?: string;
  /** The upstream refuses `stream_options`: usage cannot be asked for. */
  readonly noStreamOptions?: boolean;
}

/** The server that a body of its own protocol goes to. */
export interface OwnTarget {
  /** The upstream's name. */
  readonly model: string;
  readonly quirks: RenderQuirks;
  /** Is called before a body is parsed. */
  readonly beforeParse?: (text: string) => void;
}

/** A client's body as the server takes it. */
export interface FittedBody {
  /** Latin1. */
  readonly text: string;
  /** Every change, as a loss. */
  readonly losses: readonly Loss[];
}

/** Cuts a stream into events; see `SseSplitter`. The `raw`s joined, with `pending`, are the input. */
export interface EventSplitter {
  push(chunk: string): SseEvent[];
  end(): SseEvent[];
}

/** What a tap has learned from a stream that passes by, or a reader from a JSON answer. */
export interface AnswerFacts {
  usage?: Usage;
  /** The model that the upstream says it was. */
  model?: string;
  /** The upstream's id of the answer. */
  id?: string;
  /** The upstream's own word for why it ended. */
  stopReason?: string;
  /** Responses: the `sequence_number` of the last event. */
  sequence?: number;
}

/** Looks at a stream that passes through as bytes. */
export interface StreamTap {
  readonly facts: AnswerFacts;
  /** Text, reasoning, a tool call or the regular end has been seen: what came before may now go to the client. */
  readonly opened: boolean;
  /** The protocol's terminal event has been seen. */
  readonly ended: boolean;
  /** The reason of the end was seen, even if the terminal event is missing: the answer is complete. */
  readonly finished: boolean;
  /** An error event. */
  readonly error: UpstreamError | undefined;
  /** Bytes of the text, the reasoning and the arguments that have passed, about: what is billed for if the upstream reports no usage. */
  readonly textBytes: number;
  /**
   * Takes one event; `data` of it is a latin1 string (for Gemini's JSON array: one element). Returns the bytes to pass on:
   * `raw` as it is, a changed copy, or "" to hide it.
   */
  push(event: SseEvent): string;
  /** What to add where the upstream ended without its terminal event although `finished` (Chat: `data: [DONE]`), or "". */
  completion(): string;
}

/** An upstream's error in the neutral form. */
export interface UpstreamError {
  readonly status: number;
  readonly message: string;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
  /** A moderation refused what the client sent. */
  readonly isModeration?: true;
}

/** An error ready to be sent. `body` is text (not latin1). */
export interface RenderedError {
  readonly status: number;
  readonly body: string;
}

/** How the client wants its answer, for renderers and encoders. */
export interface ClientContext {
  /** The name that the client gave the model. */
  readonly model: string;
  /** Chat: send the usage chunk. */
  readonly includeUsage: boolean;
  /** Gemini: the stream is one JSON array, not SSE. */
  readonly jsonArray: boolean;
  /** The id of the answer without its prefix, where the gateway gives it and not the upstream. */
  readonly answerId?: string;
  /** The request, where the dialect repeats parts of it in the answer (Responses). */
  readonly request: ChatRequest;
}

/** Turns events into the wire of a stream. A push machine; what it returns is text, ready to be sent as UTF-8; "" for nothing. */
export interface StreamEncoder {
  push(event: StreamEvent): string;
}

/** A model in a listing. */
export interface ModelInfo {
  readonly id: string;
  readonly provider: string;
  /** Seconds since 1970; when the gateway learned of it. */
  readonly createdAt: number;
}

/** Where an operation of this protocol is served under a provider's base URL, e.g. `/chat/completions`. */
export interface UpstreamPath {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
}

/** A wire protocol, as client dialect and as upstream dialect. All methods are pure. */
export interface Protocol {
  readonly id: ProtocolId;
  readonly routes: readonly RouteSpec[];

  /**
   * Reads the envelope from a latin1 body without a full parse.
   * @throws GatewayError `invalid_json`, `ambiguous_json`, `invalid_request` (e.g. no `model`).
   */
  readEnvelope(body: string, call: RouteCall): Envelope;
  /** The edits that make the client's body fit the upstream; empty: send it as it is. In order, not overlapping. */
  planEdits(envelope: Envelope, call: RouteCall, patch: Patch): readonly Edit[];
  /**
   * A client's body for a server that refuses something of it (see `RenderQuirks`); `undefined` where it goes as it is. `text` is latin1.
   * @throws GatewayError `invalid_json`, `ambiguous_json`, and what `beforeParse` throws.
   */
  fitOwnBody?(text: string, target: OwnTarget): FittedBody | undefined;
  /** The path under the provider's base URL, without query; `model` is the upstream's name. */
  upstreamPath(call: RouteCall, model: string): UpstreamPath;
  /** The header pair that carries a provider's key: [name, value]. The value leaves the gateway only to that provider. */
  credentialHeader(key: Secret): readonly [string, string];
  /** Names of request headers beyond the common ones that this protocol forwards; a trailing `*` is a prefix. Lower case. */
  readonly forwardedHeaders: readonly string[];
  /** Headers that every request of this protocol must carry upstream, unless the client sent them. */
  readonly requiredHeaders: readonly (readonly [string, string])[];

  /** Splits a stream that is one JSON array into its elements, where the protocol has such a form. */
  createArraySplitter?(): EventSplitter;
  /** A tap for one stream. `hideUsage`: the usage chunk was asked for by the gateway alone. */
  createTap(options: { readonly hideUsage: boolean }): StreamTap;
  /**
   * Reads the facts of a JSON answer held as latin1.
   * @throws GatewayError `invalid_json` where it is none; AnsweredError where it is an error, whatever its status.
   */
  readAnswer(body: string, call: RouteCall): AnswerFacts;

  /** Reads an upstream's error answer; `body` is text and may be anything. */
  parseError(status: number, body: string): UpstreamError;
  renderError(error: GatewayError, requestId: string): RenderedError;
  /** The bytes that end a stream that has begun, with an error. */
  renderStreamError(
    error: GatewayError,
    requestId: string,
    /** `facts`: what the tap learned of the stream, where the dialect repeats parts of it (Responses). */
    client: { readonly jsonArray: boolean; readonly facts?: AnswerFacts },
  ): string;
  /** A keep-alive that a client of this dialect ignores. */
  readonly keepAlive: string;

  /** How a client of this dialect names what a translation may lose. */
  readonly params: ParamTable;
  /**
   * A JSON answer, or the data of an event (latin1), with the cost in its usage, where there is one; `null`: it is not known. Absent where the dialect has
   * no option for it.
   */
  addCost?(json: string, costUsd: string | null): string;

  /** Where arguments and results of tools are JSON in a request, not text: in the neutral form they are text, which must be the client's. */
  readonly exactValues?: ExactValues;
  /** Parses a request into the neutral form. `wire` is the parsed body. @throws GatewayError `invalid_request` that names the field. */
  parseRequest(wire: unknown, call: RouteCall): ChatRequest;
  renderResponse(response: ChatResponse, client: ClientContext): string;
  createStreamEncoder(client: ClientContext): StreamEncoder;
  /** The answer to a count of tokens. */
  renderTokenCount(tokens: number): string;
  /** What an embedding request asks for. @throws GatewayError `invalid_request`. */
  parseEmbedding?(wire: unknown, call: RouteCall): EmbeddingRequest;
  renderEmbedding?(result: EmbeddingResult, request: EmbeddingRequest): string;

  renderModelList(models: readonly ModelInfo[]): string;
  renderModel(model: ModelInfo): string;
  /** Model names in this protocol's listing, as an upstream answers it. @throws GatewayError `upstream_invalid_response`. */
  parseModelList(wire: unknown): readonly string[];
}
