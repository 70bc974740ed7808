import type { ChatRequest, Extensions, Message, ReasoningRequest } from "../../ir/index.ts";
import type { RouteCall } from "../protocol.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import {
  invalidField,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalStrings,
  optionalTexts,
  readObject,
  requiredString,
} from "../openai-shared/fields.ts";
import { isUsageOption } from "../openai-shared/usage-option.ts";
import { isNeutralFormat, parseFormat, parseJsonSchema, parseVerbosity } from "../openai-shared/text-format.ts";
import { parseMessages } from "./parse-messages.ts";
import { extensionsOf, parseContent } from "./parse-parts.ts";
import { parseParallel, parseToolChoice, parseTools } from "./parse-tools.ts";
import { readForeignFields, schemaFormat, type ForeignFields } from "../shared/foreign-fields.ts";

/** Fields that have a neutral name. `top_k` is not OpenAI's; OpenRouter, vLLM and others accept it. */
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

const schemaPath = "response_format.json_schema";

/** The newer field wins; a limit of 0 is ignored. */
function parseLimit(wire: WireObject): number | undefined {
  const newer = optionalNumber(wire, "max_completion_tokens", "");
  const limit = newer === 0 ? undefined : newer;
  return limit ?? optionalNumber(wire, "max_tokens", "") ?? newer;
}

/** Whether the client knows only the retired `functions`, and so reads `function_call` in place of `tool_calls` (API reference: "Deprecated in favor of `tools`"). */
function isRetired({ functions, tools }: WireObject): boolean {
  return Array.isArray(functions) && functions.length > 0 && !Array.isArray(tools);
}

/** Parses a body of `POST /v1/chat/completions`. @throws GatewayError `invalid_request` that names the field. */
export function parseRequest(body: unknown, _call: RouteCall): ChatRequest {
  const wire = readObject(body, "body");
  const foreign = readForeignFields(wire, knownFields);
  const unnamed = unnamedFields(wire, foreign.read);
  return compact({
    model: requiredString(wire, "model", ""),
    stream: optionalBoolean(wire, "stream", "") ?? false,
    messages: [...parseSystem(foreign), ...parseMessages(readMessages(wire))],
    tools: parseTools(wire),
    toolChoice: parseToolChoice(wire),
    // A message has a place for one `function_call`.
    parallelToolCalls: isRetired(wire) ? false : parseParallel(wire),
    reasoning: parseReasoning(wire) ?? foreign.reasoning,
    responseFormat: parseResponseFormat(wire) ?? foreign.responseFormat,
    maxOutputTokens: parseLimit(wire) ?? foreign.maxOutputTokens,
    temperature: optionalNumber(wire, "temperature", ""),
    topP: optionalNumber(wire, "top_p", ""),
    topK: optionalNumber(wire, "top_k", ""),
    frequencyPenalty: optionalNumber(wire, "frequency_penalty", ""),
    presencePenalty: optionalNumber(wire, "presence_penalty", ""),
    seed: optionalNumber(wire, "seed", ""),
    candidateCount: optionalNumber(wire, "n", ""),
    logprobs: parseLogprobs(wire),
    stop: (typeof wire["stop"] === "string" ? [wire["stop"]] : optionalStrings(wire, "stop", "")) ?? foreign.stop,
    verbosity: parseVerbosity(wire["verbosity"], "verbosity") ?? foreign.verbosity,
    cacheKey: optionalString(wire, "prompt_cache_key", ""),
    endUser: optionalString(wire, "safety_identifier", "") ?? optionalString(wire, "user", ""),
    serviceTier: optionalString(wire, "service_tier", ""),
    metadata: optionalTexts(wire, "metadata", ""),
    extensions: withCacheControl(wire, extensionsOf(isRetired(wire) ? { ...unnamed, functions: true } : unnamed)),
  });
}

/** `messages`; a body of the Responses API, which some clients send here, is refused with a word about it. */
function readMessages(wire: WireObject): unknown {
  if (isAbsent(wire["messages"]) && !isAbsent(wire["input"]))
    throw invalidField("messages", "an array. A body with `input` belongs to /v1/responses");
  return wire["messages"];
}

/** Instructions beside the messages, as in Anthropic's and OpenAI's other dialect. */
function parseSystem({ system, read }: ForeignFields): readonly Message[] {
  const name = read.at(-1) ?? "";
  return system === undefined ? [] : [{ role: "system", content: parseContent(system, name) }];
}

/** The fields without a neutral name. Of two fields with one meaning, the one that was not used is kept here. `read`: fields of other dialects. */
function unnamedFields(wire: WireObject, read: readonly string[]): WireObject | undefined {
  const unnamed: string[] = [];
  if (!isNeutralFormat(wire["response_format"])) unnamed.push("response_format");
  if (overrides(wire["safety_identifier"], wire["user"])) unnamed.push("user");
  if (overrides(wire["max_completion_tokens"], wire["max_tokens"])) unnamed.push("max_tokens");
  const isMarked = isObject(wire["cache_control"]);
  const isPlain = unnamed.length === 0 && read.length === 0 && !isMarked;
  const named = isPlain
    ? knownFields
    : new Set([...knownFields, ...read, ...(isMarked ? ["cache_control"] : [])].filter((name) => !unnamed.includes(name)));
  // The option that the gateway itself serves.
  return restOf(wire, isUsageOption(wire["usage"]) ? new Set([...named, "usage"]) : named);
}

/**
 * `cache_control` at the top, as OpenRouter has it: at Claude it marks the last block that can be cached (`MessageCreateParams` of `@anthropic-ai/sdk`
 * 1.12).
 */
function withCacheControl(
  { cache_control: control }: { readonly cache_control?: unknown },
  own: Extensions | undefined,
): Extensions | undefined {
  return isObject(control) ? { ...own, "anthropic-messages": { cache_control: control } } : own;
}

function overrides(winner: unknown, other: unknown): boolean {
  return !isAbsent(winner) && !isAbsent(other) && winner !== other;
}

function parseReasoning(wire: WireObject): ReasoningRequest | undefined {
  const effort = optionalString(wire, "reasoning_effort", "");
  return effort === undefined ? undefined : { effort };
}

/** Of several spellings, OpenAI's own is checked; others have the schema beside the type. */
function parseResponseFormat(wire: WireObject): ChatRequest["responseFormat"] {
  const format = optionalObject(wire, "response_format", "");
  if (format !== undefined && !isObject(format["json_schema"])) {
    const bare = schemaFormat(format);
    if (bare !== undefined) return bare;
  }
  return parseFormat(format, ({ json_schema: schema }) => parseJsonSchema(readObject(schema, schemaPath), schemaPath));
}

function parseLogprobs(wire: WireObject): { top?: number } | undefined {
  if (optionalBoolean(wire, "logprobs", "") !== true) return undefined;
  return compact({ top: optionalNumber(wire, "top_logprobs", "") });
}
