import type { Block } from "./block.ts";
import type { CacheHint } from "./cache-hint.ts";
import type { Extensions } from "./protocol-id.ts";

/** A request in the neutral form. Absent stays absent; nothing is defaulted here. */
export interface ChatRequest {
  /** The client's name for the model. */
  readonly model: string;
  readonly stream: boolean;
  readonly messages: readonly Message[];
  readonly tools?: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  readonly reasoning?: ReasoningRequest;
  readonly responseFormat?: ResponseFormat;
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly seed?: number;
  /** How many answers (`n`, `candidateCount`). */
  readonly candidateCount?: number;
  /** Log probabilities asked for; `top` is how many alternatives for each token. */
  readonly logprobs?: { readonly top?: number };
  readonly stop?: readonly string[];
  readonly verbosity?: "low" | "medium" | "high";
  readonly cacheKey?: string;
  /** The client's own mark of its end user. */
  readonly endUser?: string;
  readonly serviceTier?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** What only one protocol has a name for, by protocol, as on its wire. */
  readonly extensions?: Extensions;
}

/**
 * One turn. Instructions are messages of role `system` or `developer` and may stand anywhere. Tool results are blocks of a `user` message.
 * Same-role messages in a row are legal here; renderers merge where their wire demands it.
 */
export interface Message {
  readonly role: "system" | "developer" | "user" | "assistant";
  readonly content: readonly Block[];
  readonly name?: string;
  /** Wire id of the item, where the client gave one. */
  readonly id?: string;
  readonly extensions?: Extensions;
}

export type Tool = FunctionTool | CustomTool | ServerTool;

export interface FunctionTool {
  readonly type: "function";
  readonly name: string;
  /** Group the tool belongs to (Responses `namespace`). */
  readonly namespace?: string;
  readonly description?: string;
  /** JSON Schema of the arguments, an object as on the wire; absent: the tool takes none. */
  readonly parameters?: JsonSchema;
  readonly strict?: boolean;
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}

/** A tool whose input is free text, perhaps bound by a grammar. */
export interface CustomTool {
  readonly type: "custom";
  readonly name: string;
  readonly namespace?: string;
  readonly description?: string;
  readonly grammar?: { readonly syntax: string; readonly definition: string };
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}

/** A tool that the provider runs itself (web search, code execution); `wire` is its declaration in `protocol`'s own form. */
export interface ServerTool {
  readonly type: "server";
  readonly name: string;
  readonly protocol: string;
  readonly wire: Readonly<Record<string, unknown>>;
}

export type ToolChoice =
  | { readonly type: "auto" | "none" | "required" }
  | { readonly type: "named"; readonly name: string }
  /** Only these may be called; `required` says whether one must be. */
  | { readonly type: "allowed"; readonly names: readonly string[]; readonly required: boolean };

export interface ReasoningRequest {
  /** The vendors' words: none, minimal, low, medium, high, xhigh, max, … `adaptive` where the model decides. */
  readonly effort?: string;
  readonly budgetTokens?: number;
  /** `false`: asked not to reason; `true`: asked to. */
  readonly enabled?: boolean;
  readonly adaptive?: boolean;
  /** Whether reasoning text shall be shown: a summary, all of it, or none. */
  readonly visibility?: "none" | "summary" | "full";
}

export type JsonSchema = Readonly<Record<string, unknown>> | boolean;

export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json-object" }
  | {
      readonly type: "json-schema";
      readonly name?: string;
      readonly description?: string;
      readonly schema: JsonSchema;
      readonly strict?: boolean;
      /** The client's vendor holds every answer to the schema, without being asked for it as OpenAI is with `strict`. */
      readonly isEnforced?: true;
    };
