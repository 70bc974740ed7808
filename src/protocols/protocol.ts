import type { TraitsTarget } from "./model-traits.ts";
import type { LimitHeaderNames } from "./shared/limit-headers.ts";
import type { Bytes, Edit, ExactValues, GatewayError, Secret, Span, SseEvent, Text } from "../core/index.ts";
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
import type { Loss, RenderTarget, UpstreamProtocol } from "./translation.ts";
import type { OpenSummary, ProofCarrier, TextDelta, ToolResults, WireRules } from "./capabilities.ts";

/** What a call asks for. `generate` is an answer of a model. */
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
 * One route of a protocol. `path` is a literal, or has one parameter: `{model}` extends to the end of the path or to the literal after it and may
 * contain slashes; `{id}` is one segment.
 */
export interface RouteSpec {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly operation: Operation;
  /** Set if the path, not the body, says that the answer streams (Gemini). */
  readonly stream?: boolean;
  /** Set if the path names the model although the dialect's bodies do (Azure's deployments): it replaces the body's. */
  readonly modelInPath?: boolean;
}

/** A call of a route. */
export interface RouteCall {
  readonly route: RouteSpec;
  /** The parameter's value, percent-decoded; "" if the route has none. */
  readonly param: string;
  /** The query string without `?` and without credentials, as sent. */
  readonly query: string;
}

/** What the gateway must know of a request before it is parsed. */
export interface Envelope {
  readonly model: string;
  readonly stream: boolean;
  /** The output limit that the client set. */
  readonly maxOutputTokens?: number;
  /** Without one, the largest limit under a name of another dialect: the provider may ignore it. */
  readonly otherLimit?: number;
  /** The number of answers that the client asked for, if it is more than one: each may be as long as the limit. */
  readonly choices?: number;
  /** OpenAI's dialects: the service tier that the client asked for, if it has a price of its own. */
  readonly tier?: ServiceTier;
  /** Chat: whether the client asked for usage in its stream. */
  readonly includeUsage?: boolean;
  /** OpenAI's dialects: the client asked for the cost in the answer's usage. */
  readonly includeCost?: boolean;
  /** Responses: the stored response that this one continues. */
  readonly previousResponseId?: string;
  /** Responses: `store`, if given. */
  readonly store?: boolean;
  /** Responses: `background`, if given. */
  readonly background?: boolean;
  /** Responses: the request continues a conversation that its provider stores. */
  readonly conversation?: boolean;
  /** Gemini: the client asks for the stream as one JSON array, not as SSE. */
  readonly jsonArray?: boolean;
  /** The places of values in the body, for the patched lane; each protocol chooses its own keys. */
  readonly spans: Readonly<Record<string, Span | undefined>>;
  /** Offset after the `{` of the body, where a new field can be inserted, and whether the object is empty. */
  readonly insertAt: number;
  readonly empty: boolean;
}

/** Changes that the same-protocol lane makes to a body. */
export interface Patch {
  /** The upstream's name of the model, if it differs from the client's. */
  readonly model?: string;
  /** The upstream refuses `stream_options`: usage cannot be asked for. */
  readonly noStreamOptions?: boolean;
}

/** The server that a body of its own protocol goes to. */
export interface OwnTarget {
  /** The upstream's name. */
  readonly model: string;
  /** Those of the model that apply to requests of the server's own protocol (`ServerQuirks.ownOf`). */
  readonly quirks: RenderQuirks;
  /** Called before a body is parsed. */
  readonly beforeParse?: (text: string) => void;
}

/** A client's body in the form that the server accepts. */
export interface FittedBody {
  /** Latin1. */
  readonly text: string;
  /** Every change, as a loss. */
  readonly losses: readonly Loss[];
}

/** Splits a stream into events; see `SseSplitter`. All `raw`s joined, with `pending`, are the input. */
export interface EventSplitter {
  push(chunk: Bytes): SseEvent[];
  end(): SseEvent[];
}

/** What a tap reads from a stream that passes through, or a reader from a JSON answer. */
export interface AnswerFacts {
  usage?: Usage;
  /** The model that the upstream reports. */
  model?: string;
  /** The upstream's id of the answer. */
  id?: string;
  /** The upstream's own stop reason. */
  stopReason?: string;
  /** Set if that word is one of the client's dialect and reports a broken answer: the answer passes as it came, its entry has the error. */
  broken?: UpstreamError;
  /** A content filter refused the prompt: nothing was generated. */
  isBlocked?: true;
  /** Responses: the `sequence_number` of the last event. */
  sequence?: number;
}

/** Watches a stream that passes through as bytes. */
export interface StreamTap {
  readonly facts: AnswerFacts;
  /** Text, reasoning, a tool call or the regular end has come: the events before it may now be sent to the client. */
  readonly opened: boolean;
  /** The protocol's terminal event has come. */
  readonly ended: boolean;
  /** The stop reason has come, even if the terminal event is missing: the answer is complete. With `error`: its end is that error, and it is billed. */
  readonly finished: boolean;
  /** An error event. */
  readonly error: UpstreamError | undefined;
  /** The approximate bytes of text, reasoning and arguments that have passed: they are billed if the upstream reports no usage. */
  readonly textBytes: number;
  /** The beginning of that text, latin1, as it is written in JSON. */
  readonly textSample: Bytes;
  /**
   * Takes one event, whose `data` is a latin1 string (for Gemini's JSON array: one element). Returns the bytes to pass on: `raw` unchanged, a changed
   * copy, or "" to hide it.
   */
  push(event: SseEvent): Bytes;
  /**
   * What to add if the upstream has ended without its terminal event although its stop reason has come (Chat: `data: [DONE]`), or "". May set `finished`
   * and `error`; the error's code is `upstream_truncated` if no stop reason has come.
   */
  completion(): Bytes;
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
  /** How long the body asks to wait, in milliseconds. */
  readonly waitMs?: number;
  /** A quota of a day is used up. */
  readonly isDailyQuota?: true;
}

/** A rendered error. `body` is text (not latin1). */
export interface RenderedError {
  readonly status: number;
  readonly body: Text;
}

/** How the client wants its answer, for renderers and encoders. */
export interface ClientContext {
  /** The client's name of the model. */
  readonly model: string;
  /** Chat: send the usage chunk. */
  readonly includeUsage: boolean;
  /** Gemini: the stream is one JSON array, not SSE. */
  readonly jsonArray: boolean;
  /** The id of the answer without its prefix, if the gateway makes it and not the upstream. */
  readonly answerId?: string;
  /** Seals a summary of the conversation for the client to give back (Responses: compaction). */
  readonly sealSummary?: (summary: string) => string;
  /** The request, if the dialect repeats parts of it in the answer (Responses). */
  readonly request: ChatRequest;
}

/** What a request needs on its way to an upstream of another protocol. */
export interface ForeignContext {
  readonly openSummary: OpenSummary;
}

/** Turns events into the wire of a stream. Events are pushed; each call returns text to send as UTF-8, or "". */
export interface StreamEncoder {
  push(event: StreamEvent): string;
}

/** A model in a list of models. */
export interface ModelInfo {
  readonly id: string;
  readonly provider: string;
  /** Seconds since 1970, when the gateway first saw the model. */
  readonly createdAt: number;
  readonly facts?: ModelListFacts | undefined;
}

/** What is known of a model beside its name, for dialects whose lists have a place for it. */
export interface ModelListFacts {
  readonly contextWindow?: number;
  readonly maxOutputTokens?: number;
  readonly inputModalities?: readonly string[];
  readonly outputModalities?: readonly string[];
  /** Dollars of one token or call, as decimals, by OpenRouter's names: `prompt`, `completion`, `input_cache_read`, … */
  readonly pricing?: Readonly<Record<string, string>>;
}

/** The path of an operation under a provider's base URL, e.g. `/chat/completions`. */
export interface UpstreamPath {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
}

/** A wire protocol: the client's side, passing requests on, and the upstream's side. All methods are pure. */
export interface Protocol {
  readonly id: ProtocolId;
  readonly routes: readonly RouteSpec[];

  /**
   * Reads the envelope from a latin1 body without a full parse.
   * @throws GatewayError `invalid_json`, `ambiguous_json`, `invalid_request` (e.g. no `model`).
   */
  readEnvelope(body: string, call: RouteCall): Envelope;
  /** The edits that make the client's body fit the upstream; empty: the body is sent unchanged. In order, not overlapping. */
  planEdits(envelope: Envelope, call: RouteCall, patch: Patch): readonly Edit[];
  /**
   * Changes a client's body for a server that would refuse a part of it (see `RenderQuirks`); `undefined`: the body is sent unchanged. `text` is
   * latin1.
   * @throws GatewayError `invalid_json`, `ambiguous_json`, and what `beforeParse` throws.
   */
  fitOwnBody?(text: Bytes, target: OwnTarget): FittedBody | undefined;
  /** The protocol over which the server takes a body (latin1) that it refuses in this one; `undefined`: it takes it. @throws GatewayError `invalid_json`, `ambiguous_json`. */
  otherProtocol?(text: Bytes, target: TraitsTarget): ProtocolId | undefined;
  /**
   * Sets cache marks in a client's body (latin1) where the target's marker chooses them; empty: it is sent unchanged.
   * @throws GatewayError `invalid_json`, `ambiguous_json`.
   */
  markOwnBody?(text: Bytes, target: RenderTarget): readonly Edit[];
  /** The path under the provider's base URL, without query; `model` is the upstream's name. */
  upstreamPath(call: RouteCall, model: string): UpstreamPath;
  /** The header pair that carries a provider's key: [name, value]. The value leaves the gateway only to that provider. */
  credentialHeader(key: Secret): readonly [string, string];
  /** Names of request headers beyond the common ones that this protocol forwards; a trailing `*` makes a prefix. Lower case. */
  readonly forwardedHeaders: readonly string[];
  /** Headers that every request of this protocol must carry upstream, unless the client sent them. */
  readonly requiredHeaders: readonly (readonly [string, string])[];

  /** The headers of answers that report a client's limits, if the dialect has any. Two dialects with the same names share one object. */
  readonly limitHeaders?: LimitHeaderNames;
  /** A header of answers that names the class of service, in lower case. */
  readonly tierHeader?: string;

  /** Splits a stream that is one JSON array into its elements, if the protocol has such a form. */
  createArraySplitter?(): EventSplitter;
  /** Creates a tap for one stream. `hideUsage`: only the gateway asked for the usage chunk. */
  createTap(options: { readonly hideUsage: boolean }): StreamTap;
  /**
   * Reads the facts of a JSON answer, given as latin1.
   * @throws GatewayError `invalid_json` if it is not JSON; AnsweredError if it is an error, with any status.
   */
  readAnswer(body: Bytes, call: RouteCall): AnswerFacts;

  /** Reads an upstream's error answer; `body` is text of any form. */
  parseError(status: number, body: Text): UpstreamError;
  renderError(error: GatewayError, requestId: string): RenderedError;
  /** The bytes that end a begun stream with an error. */
  renderStreamError(
    error: GatewayError,
    requestId: string,
    /** `facts`: what the tap read from the stream, if the dialect repeats parts of it (Responses). `isEmpty`: only its head and keep-alives have gone out. */
    client: { readonly jsonArray: boolean; readonly facts?: AnswerFacts; readonly isEmpty?: boolean },
  ): string;
  /** A keep-alive that a client of this dialect ignores. */
  readonly keepAlive: string;

  /** The names in this dialect of what a translation may lose. */
  readonly params: ParamTable;
  /**
   * Adds the cost to the usage of a JSON answer or of an event's data (latin1), if there is a usage; `null`: the cost is not known. Absent if the
   * dialect has no option for it.
   */
  addCost?(json: Bytes, costUsd: string | null): Bytes;

  /** The places of tool arguments and results that are JSON in a request: the neutral form has their text, which must be the client's own. */
  readonly exactValues?: ExactValues;
  /** Parses a request into the neutral form. `wire` is the parsed body. @throws GatewayError `invalid_request` that names the field. */
  parseRequest(wire: unknown, call: RouteCall): ChatRequest;
  /** A parsed request for an upstream of another protocol: what only this one has, in neutral terms if there are any. */
  toForeign?(request: ChatRequest, context: ForeignContext): ChatRequest;
  renderResponse(response: ChatResponse, client: ClientContext): Text;
  createStreamEncoder(client: ClientContext): StreamEncoder;
  /** Renders the answer to a request for a token count. */
  renderTokenCount(tokens: number): string;
  /** Parses an embedding request. @throws GatewayError `invalid_request`. */
  parseEmbedding?(wire: unknown, call: RouteCall): EmbeddingRequest;
  renderEmbedding?(result: EmbeddingResult, request: EmbeddingRequest): string;

  /** The upstream's side, for translation. */
  readonly upstream: UpstreamProtocol;
  /** The places of tool results in a request. */
  readonly toolResults: ToolResults;
  /** The pieces of text in the parsed data of an event (Gemini's JSON array: an element). */
  textDeltas(event: object): readonly TextDelta[];
  /** The beginnings of the channels whose texts end with an event, or have ended before it: "" is all of them. */
  endedTexts(event: object): readonly string[];
  /** How clients carry proofs of reasoning. */
  readonly proofs: ProofCarrier;
  /** What the server and the providers know of the protocol before a body is read. */
  readonly wireRules: WireRules;
  /** Answers have an id by which clients read, continue and delete them: the gateway stores them if the provider does not. */
  readonly storesAnswers: boolean;

  renderModelList(models: readonly ModelInfo[]): string;
  renderModel(model: ModelInfo): string;
  /** Reads the model names in an upstream's list. @throws GatewayError `upstream_invalid_response`. */
  parseModelList(wire: unknown): readonly string[];
}
