import type { ZodObject } from "zod";
import type { JsonObject } from "../testbed/json.ts";
import type { Protocol, ScenarioUsage } from "../testbed/scenario.ts";

/** A tool that is offered. */
export interface AskedTool {
  readonly name: string;
  readonly description: string;
  readonly schema: JsonObject;
}

/** The result of one call. `image`: base64 of a PNG, where the dialect has a place for it. */
export interface AskedResult {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly image?: string;
  readonly isError?: boolean;
}

/** One turn of a conversation. `reply`: what a client of the dialect keeps of an answer, to send it again. */
export type Turn =
  | { readonly role: "user"; readonly text: string; readonly image?: string }
  | { readonly role: "assistant" | "system"; readonly text: string }
  | { readonly role: "reply"; readonly reply: readonly object[] }
  | { readonly role: "tools"; readonly results: readonly AskedResult[] };

/** A request in no dialect's words. */
export interface Ask {
  readonly system?: string;
  readonly turns: readonly Turn[];
  readonly tools?: readonly AskedTool[];
  /** The tool that has to be called. */
  readonly forcedTool?: string;
  readonly maxTokens?: number;
  readonly stop?: readonly string[];
  readonly temperature?: number;
  /** The answer's shape; the SDK's own helper for it is used where there is one. */
  readonly schema?: ZodObject;
  readonly reasoning?: boolean;
}

export interface SeenCall {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
}

/** An answer as the SDK of the dialect gives it. */
export interface Outcome {
  readonly text: string;
  readonly refusal: string;
  /** Empty where the answer shows none. */
  readonly reasoning: string;
  readonly calls: readonly SeenCall[];
  /** In the dialect's own words. */
  readonly stop: string;
  /** In the dialect's own meaning; see `expectedUsage`. */
  readonly usage: Readonly<Record<string, number>>;
  /** What the SDK's helper for structured answers made of it. */
  readonly parsed: unknown;
  readonly reply: readonly object[];
}

/** One dialect's client: the official SDK, and the same request as a body for a client without one. */
export interface MatrixClient {
  readonly id: Protocol;
  /** `path` begins with a slash and holds the query. */
  wire(ask: Ask, model: string, stream: boolean): { readonly path: string; readonly body: JsonObject };
  run(ask: Ask, model: string, stream: boolean): Promise<Outcome>;
}

/** The tokens of an answer as the dialect counts them. */
export function expectedUsage(dialect: Protocol, usage: ScenarioUsage): Readonly<Record<string, number>> {
  const { input, output, cached, reasoning } = usage;
  const written = usage.cacheWrite5m + usage.cacheWrite1h;
  switch (dialect) {
    case "openai-chat":
    case "openai-responses":
      return { input, output, total: input + output, cached, written, reasoning };
    case "anthropic-messages":
      return { input: input - cached - written, output, cached, written, reasoning };
    case "gemini-generate":
      return { input, output: output - reasoning, total: input + output, cached, reasoning };
  }
}

/** A value as JSON has it. */
export function asJson(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
