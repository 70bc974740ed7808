import type { Block } from "./block.ts";
import type { CacheHint } from "./cache-hint.ts";
import type { Extensions } from "./protocol-id.ts";

/** A request in the neutral form. A field that the client omitted is absent: no defaults are added here. */
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
  /** How many answers are requested (`n`, `candidateCount`). */
  readonly candidateCount?: number;
  /** Log probabilities are requested; `top` is the number of alternatives for each token. */
  readonly logprobs?: { readonly top?: number };
  readonly stop?: readonly string[];
  readonly verbosity?: "low" | "medium" | "high";
  readonly cacheKey?: string;
  /** The client's own id for its end user. */
  readonly endUser?: string;
  readonly serviceTier?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Fields that only one protocol has, by protocol, as on its wire. */
  readonly extensions?: Extensions;
}

/**
 * One turn. Instructions are messages of role `system` or `developer` and may be anywhere. Tool results are blocks of a `user` message. Several
 * messages of one role in a row are legal here; a renderer merges them if its wire requires that.
 */
export interface Message {
  readonly role: "system" | "developer" | "user" | "assistant";
  readonly content: readonly Block[];
  readonly name?: string;
  /** The item's id on the wire, if the client gave one. */
  readonly id?: string;
  readonly extensions?: Extensions;
}

export type Tool = FunctionTool | CustomTool | ServerTool;

export interface FunctionTool {
  readonly type: "function";
  readonly name: string;
  /** The group that the tool belongs to (Responses `namespace`). */
  readonly namespace?: string;
  readonly description?: string;
  /** JSON Schema of the arguments, an object as on the wire. Absent if the tool takes none. */
  readonly parameters?: JsonSchema;
  readonly strict?: boolean;
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}

/** A tool whose input is free text, optionally restricted by a grammar. */
export interface CustomTool {
  readonly type: "custom";
  readonly name: string;
  readonly namespace?: string;
  readonly description?: string;
  readonly grammar?: { readonly syntax: string; readonly definition: string };
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}

/** A tool that the provider itself runs (web search, code execution). `wire` is its declaration in the form of `protocol`. */
export interface ServerTool {
  readonly type: "server";
  readonly name: string;
  readonly protocol: string;
  readonly wire: Readonly<Record<string, unknown>>;
}

export type ToolChoice =
  | { readonly type: "auto" | "none" | "required" }
  /** `isServer`: of two tools with this name, the one that the provider runs. */
  | { readonly type: "named"; readonly name: string; readonly isServer?: true }
  /** Only these tools may be called; `required` says whether one must be. */
  | { readonly type: "allowed"; readonly names: readonly string[]; readonly required: boolean };

export interface ReasoningRequest {
  /** The vendors' words: none, minimal, low, medium, high, xhigh, max, … `adaptive` if the model decides. */
  readonly effort?: string;
  readonly budgetTokens?: number;
  /** `false`: the model is asked not to reason; `true`: it is asked to reason. */
  readonly enabled?: boolean;
  readonly adaptive?: boolean;
  /** How much of the reasoning text is shown: a summary, all of it, or none. */
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
      /** The client's vendor makes every answer follow the schema without being asked to; OpenAI needs `strict`. */
      readonly isEnforced?: true;
    };
