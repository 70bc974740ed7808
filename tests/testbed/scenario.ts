import type { JsonObject } from "./json.ts";

/** The wire format of a request; its path decides. */
export type Protocol = "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini-generate";

/** All four, for tests that walk every protocol. */
export const PROTOCOLS: readonly Protocol[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"];

/**
 * Token counts in one meaning for all protocols; each renderer turns them into its vendor's arithmetic.
 * `input` is the whole prompt: cached and cache-written tokens are inside it. `output` holds the reasoning tokens.
 */
export type ScenarioUsage = {
  readonly input: number;
  readonly cached: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly output: number;
  readonly reasoning: number;
};

/** Why the model stopped, before a vendor's word is put on it. */
export type ScenarioStop = "end" | "tool" | "length" | "filter" | "stop-sequence" | "pause" | "context-window" | "malformed-call";

/** One call of a tool. `arguments` is an object, or a string that goes out as it is (broken JSON, freeform input). */
export type ScenarioToolCall = {
  readonly name: string;
  readonly arguments: JsonObject | string;
  /** Default: an id of the vendor's shape, from the request's number. */
  readonly id?: string;
  /** The argument text in the pieces it is streamed in; default: 8 characters each. Must join to the argument text. */
  readonly fragments?: readonly string[];
  /** Responses only: the namespace of the tool. */
  readonly namespace?: string;
  /** Responses only: `custom` gives a `custom_tool_call` with free text. */
  readonly kind?: "function" | "custom";
};

/** An error in the vendor's shape; `body` replaces the shape where a test wants its own. */
export type ScenarioError = {
  readonly status: number;
  readonly message?: string;
  readonly code?: string;
  /** OpenAI only: the parameter at fault. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: JsonObject | string;
};

/**
 * What goes wrong. `afterPieces` counts content pieces (a reasoning, text or refusal piece, or an argument fragment)
 * that went out before; `'headers'` means before the response headers. A JSON answer has no pieces: there a number
 * means after half of the body, and an error event becomes a plain error answer.
 * - `error`: the error instead of an answer.
 * - `error-event`: status 200, then the error as an event; at 0 it is the very first event, ahead of any opening.
 * - `cut`: the socket is destroyed.
 * - `hang`: nothing more is sent, until `until` settles (never, if it is absent).
 */
export type ScenarioTrouble =
  | { readonly kind: "error"; readonly error: ScenarioError }
  | { readonly kind: "error-event"; readonly afterPieces: number; readonly error: ScenarioError }
  | { readonly kind: "cut"; readonly afterPieces: number | "headers" }
  | { readonly kind: "hang"; readonly afterPieces: number | "headers"; readonly until?: Promise<unknown> };

/**
 * How one request is answered. Everything is optional: what is absent comes from the request (see `defaultScenario`).
 * A scenario that names any content (reasoning, text, tool calls, refusal) has only the content it names.
 */
export type Scenario = {
  readonly reasoning?: readonly string[];
  readonly text?: readonly string[];
  readonly toolCalls?: readonly ScenarioToolCall[];
  readonly refusal?: string;
  readonly stop?: ScenarioStop;
  /** Put on the wire as the stop reason in place of the vendor's word for `stop`. */
  readonly rawStop?: string;
  readonly usage?: Partial<ScenarioUsage>;
  /** Absent: all pieces in one write. 0: one turn of the event loop between pieces. */
  readonly delayBetweenChunksMs?: number;
  /** The size of each write of a stream, wherever that cuts it; absent: piece by piece, or all in one. */
  readonly writeBytes?: number;
  /** Chat only: the fragments of parallel calls take turns. */
  readonly interleaveToolCalls?: boolean;
  /** Added to the answer's headers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly trouble?: ScenarioTrouble;
};

/** A tool call with nothing left open. */
export type ResolvedToolCall = {
  readonly name: string;
  readonly id: string;
  readonly argumentsText: string;
  readonly fragments: readonly string[];
  readonly namespace: string | undefined;
  readonly kind: "function" | "custom";
};

/** A scenario with every default filled in: what a renderer is given. */
export type ResolvedScenario = {
  readonly reasoning: readonly string[];
  readonly text: readonly string[];
  readonly toolCalls: readonly ResolvedToolCall[];
  readonly refusal: string | undefined;
  readonly stop: ScenarioStop;
  readonly rawStop: string | undefined;
  readonly usage: ScenarioUsage;
  readonly interleaveToolCalls: boolean;
};

/** A tool the request offers. */
export type ToolSpec = {
  readonly name: string;
  readonly kind: "function" | "custom";
  readonly namespace: string | undefined;
  readonly schema: JsonObject;
};

/** What the default answer depends on, read from a request by its protocol. */
export type RequestFacts = {
  readonly tools: readonly ToolSpec[];
  /** `'none'`: no tool may be called. A tool's name in `force`: that one is called. */
  readonly toolChoice: "auto" | "none" | { readonly force: string };
  /** Whose words end the conversation: text of a user, or the result of a tool since the last model turn. */
  readonly lastTurn: "user" | "tool-result";
  readonly reasoningAsked: boolean;
  /** The JSON schema of a structured answer. */
  readonly schema: JsonObject | undefined;
  /** The first stop sequence, for `stop: 'stop-sequence'`. */
  readonly stopSequence: string | undefined;
};

/** All a renderer needs to answer one request. `createdAt` is in Unix seconds. */
export type Answer = {
  readonly serial: number;
  readonly createdAt: number;
  readonly model: string;
  readonly request: JsonObject;
  readonly facts: RequestFacts;
  readonly scenario: ResolvedScenario;
};

/**
 * A streamed answer, in the order it is written: `opening`, each of `pieces`, `finish` (stop reason and usage),
 * `end` (the mark after which nothing comes, empty where the protocol has none). All are whole frames.
 * `earlyUsage` is in the opening already, `usage` is known after `finish`.
 */
export type StreamScript = {
  readonly opening: string;
  readonly pieces: readonly string[];
  readonly finish: string;
  readonly end: string;
  readonly earlyUsage: ScenarioUsage | null;
  readonly usage: ScenarioUsage | null;
};

/** An answer that ends a request without content: status, vendor headers and body. */
export type WireError = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
};

/** One protocol's half of the mock: pure functions between neutral scenarios and its wire. */
export type ProtocolMock = {
  readonly readFacts: (body: JsonObject) => RequestFacts;
  /** The error the vendor would answer with, or null. `model` comes from the path for Gemini. */
  readonly validate: (body: JsonObject, model: string | undefined) => ScenarioError | null;
  readonly renderJson: (answer: Answer) => object;
  readonly renderStream: (answer: Answer) => StreamScript;
  readonly renderError: (error: ScenarioError, serial: number) => WireError;
  /** The error as an event inside a stream that answered 200; `first` where nothing went before it. */
  readonly renderErrorEvent: (error: ScenarioError, answer: Answer, first: boolean) => string;
  /** Headers every answer of this vendor carries. */
  readonly headers: (serial: number) => Readonly<Record<string, string>>;
};

/** The choice of a request that forbids calls, forces one tool, or leaves it to the model. */
export function toolChoiceOf(isForbidden: boolean, forced: string | undefined): RequestFacts["toolChoice"] {
  if (isForbidden) return "none";
  return forced === undefined ? "auto" : { force: forced };
}
