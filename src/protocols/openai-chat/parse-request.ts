import type { ChatRequest, ReasoningRequest, ResponseFormat } from "../../ir/index.ts";
import type { RouteCall } from "../protocol.ts";
import { compact, isObject, restOf, type WireObject } from "../fields.ts";
import {
  invalidField,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalSchema,
  optionalString,
  optionalTexts,
  readArray,
  readObject,
  requiredString,
} from "../openai-shared/fields.ts";
import { isUsageOption } from "../openai-shared/usage-option.ts";
import { parseMessages } from "./parse-messages.ts";
import { extensionsOf } from "./parse-parts.ts";
import { parseToolChoice, parseTools } from "./parse-tools.ts";

/** Fields that the neutral form has a name for. `top_k` is not OpenAI's; OpenRouter, vLLM and others take it. */
export const knownFields: ReadonlySet<string> = new Set([
  "model",
  "stream",
  "messages",
  "tools",
  "functions",
  "tool_choice",
  "function_call",
  "parallel_tool_calls",
  "reasoning_effort",
  "response_format",
  "max_completion_tokens",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "frequency_penalty",
  "presence_penalty",
  "seed",
  "n",
  "logprobs",
  "top_logprobs",
  "stop",
  "verbosity",
  "prompt_cache_key",
  "safety_identifier",
  "user",
  "service_tier",
  "metadata",
]);

/** A body of `POST /v1/chat/completions`. @throws GatewayError `invalid_request` that names the field. */
export function parseRequest(body: unknown, _call: RouteCall): ChatRequest {
  const wire = readObject(body, "body");
  return compact({
    model: requiredString(wire, "model", ""),
    stream: optionalBoolean(wire, "stream", "") ?? false,
    messages: parseMessages(wire["messages"]),
    tools: parseTools(wire),
    toolChoice: parseToolChoice(wire),
    parallelToolCalls: optionalBoolean(wire, "parallel_tool_calls", ""),
    reasoning: parseReasoning(wire),
    responseFormat: parseResponseFormat(wire),
    maxOutputTokens: optionalNumber(wire, "max_completion_tokens", "") ?? optionalNumber(wire, "max_tokens", ""),
    temperature: optionalNumber(wire, "temperature", ""),
    topP: optionalNumber(wire, "top_p", ""),
    topK: optionalNumber(wire, "top_k", ""),
    frequencyPenalty: optionalNumber(wire, "frequency_penalty", ""),
    presencePenalty: optionalNumber(wire, "presence_penalty", ""),
    seed: optionalNumber(wire, "seed", ""),
    candidateCount: optionalNumber(wire, "n", ""),
    logprobs: parseLogprobs(wire),
    stop: parseStop(wire["stop"]),
    verbosity: parseVerbosity(wire["verbosity"]),
    cacheKey: optionalString(wire, "prompt_cache_key", ""),
    endUser: optionalString(wire, "safety_identifier", "") ?? optionalString(wire, "user", ""),
    serviceTier: optionalString(wire, "service_tier", ""),
    metadata: optionalTexts(wire, "metadata", ""),
    extensions: extensionsOf(unnamedFields(wire)),
  });
}

/** What the neutral form has no name for. Of two fields that stand for one thing, the one that did not count is kept here. */
function unnamedFields(wire: WireObject): WireObject | undefined {
  const unnamed: string[] = [];
  if (!isNeutralFormat(wire["response_format"])) unnamed.push("response_format");
  if (overrides(wire["safety_identifier"], wire["user"])) unnamed.push("user");
  if (overrides(wire["max_completion_tokens"], wire["max_tokens"])) unnamed.push("max_tokens");
  const named = unnamed.length === 0 ? knownFields : new Set([...knownFields].filter((name) => !unnamed.includes(name)));
  // The gateway's own to answer.
  return restOf(wire, isUsageOption(wire["usage"]) ? new Set([...named, "usage"]) : named);
}

function overrides(winner: unknown, other: unknown): boolean {
  return winner !== undefined && winner !== null && other !== undefined && other !== null && winner !== other;
}

function parseReasoning(wire: WireObject): ReasoningRequest | undefined {
  const effort = optionalString(wire, "reasoning_effort", "");
  return effort === undefined ? undefined : { effort };
}

/** Other formats (a grammar, a vendor's regex) stay with the extensions. */
function isNeutralFormat(format: unknown): boolean {
  return !isObject(format) || format["type"] === "text" || format["type"] === "json_object" || format["type"] === "json_schema";
}

function parseResponseFormat(wire: WireObject): ResponseFormat | undefined {
  const format = optionalObject(wire, "response_format", "");
  switch (format?.["type"]) {
    case "text":
      return { type: "text" };
    case "json_object":
      return { type: "json-object" };
    case "json_schema":
      return parseJsonSchema(readObject(format["json_schema"], "response_format.json_schema"));
    default:
      return undefined;
  }
}

function parseJsonSchema(wire: WireObject): ResponseFormat {
  const path = "response_format.json_schema";
  return compact({
    type: "json-schema" as const,
    name: requiredString(wire, "name", path),
    description: optionalString(wire, "description", path),
    // Any value fits the schema that says nothing.
    schema: optionalSchema(wire, "schema", path) ?? {},
    strict: optionalBoolean(wire, "strict", path),
  });
}

function parseLogprobs(wire: WireObject): { top?: number } | undefined {
  if (optionalBoolean(wire, "logprobs", "") !== true) return undefined;
  return compact({ top: optionalNumber(wire, "top_logprobs", "") });
}

function parseStop(stop: unknown): readonly string[] | undefined {
  if (stop === undefined || stop === null) return undefined;
  if (typeof stop === "string") return [stop];
  return readArray(stop, "stop").map((sequence, index) => {
    if (typeof sequence !== "string") throw invalidField(`stop[${index}]`, "a string");
    return sequence;
  });
}

function parseVerbosity(verbosity: unknown): "low" | "medium" | "high" | undefined {
  if (verbosity === undefined || verbosity === null) return undefined;
  if (verbosity === "low" || verbosity === "medium" || verbosity === "high") return verbosity;
  throw invalidField("verbosity", "low, medium or high");
}
