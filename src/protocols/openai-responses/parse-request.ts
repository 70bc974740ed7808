import type { ChatRequest, Message, ReasoningRequest } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import {
  invalidField,
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalTexts,
  readObject,
  requiredString,
} from "../openai-shared/fields.ts";
import { isNeutralFormat, parseFormat, parseJsonSchema, parseVerbosity } from "../openai-shared/text-format.ts";
import { isUsageOption } from "../openai-shared/usage-option.ts";
import type { RouteCall } from "../protocol.ts";
import { parseInput } from "./parse-input.ts";
import { readForeignFields, type ForeignFields } from "../shared/foreign-fields.ts";
import { readForeignChoice } from "../shared/foreign-tools.ts";
import { extensionsOf, parseParts } from "./parse-parts.ts";
import { isPlainChoice, mergeTools, parseToolChoice, parseToolList } from "./parse-tools.ts";

/** Fields that have a neutral name. */
export const knownFields: ReadonlySet<string> = new Set([
  "model",
  "stream",
  "input",
  "instructions",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "reasoning",
  "text",
  "max_output_tokens",
  "temperature",
  "top_p",
  "top_logprobs",
  "prompt_cache_key",
  "safety_identifier",
  "user",
  "service_tier",
  "metadata",
]);

const knownReasoning: ReadonlySet<string> = new Set(["effort"]);
const knownText: ReadonlySet<string> = new Set(["format", "verbosity"]);

/** Parses a body of `POST /v1/responses` or `/v1/responses/input_tokens`. @throws GatewayError `invalid_request` that names the field. */
export function parseRequest(body: unknown, _call: RouteCall): ChatRequest {
  const wire = readObject(body, "body");
  const foreign = readForeignFields(wire, knownFields);
  const input = parseInput(readInput(wire));
  const tools = optionalArray(wire, "tools", "");
  const text = optionalObject(wire, "text", "") ?? {};
  return compact({
    model: requiredString(wire, "model", ""),
    stream: optionalBoolean(wire, "stream", "") ?? false,
    messages: [...parseInstructions(wire), ...parseSystem(foreign), ...input.messages],
    tools: mergeTools(tools === undefined ? undefined : parseToolList(tools, "tools"), input.tools),
    toolChoice: parseToolChoice(wire["tool_choice"]),
    parallelToolCalls: optionalBoolean(wire, "parallel_tool_calls", "") ?? readForeignChoice(wire["tool_choice"])?.parallel,
    reasoning: parseReasoning(wire) ?? foreign.reasoning,
    responseFormat:
      parseFormat(optionalObject(text, "format", "text"), (format) => parseJsonSchema(format, "text.format")) ?? foreign.responseFormat,
    maxOutputTokens: optionalNumber(wire, "max_output_tokens", "") ?? foreign.maxOutputTokens,
    stop: foreign.stop,
    temperature: optionalNumber(wire, "temperature", ""),
    topP: optionalNumber(wire, "top_p", ""),
    logprobs: parseLogprobs(wire),
    verbosity: parseVerbosity(text["verbosity"], "text.verbosity") ?? foreign.verbosity,
    cacheKey: optionalString(wire, "prompt_cache_key", ""),
    endUser: optionalString(wire, "safety_identifier", "") ?? optionalString(wire, "user", ""),
    serviceTier: optionalString(wire, "service_tier", ""),
    metadata: optionalTexts(wire, "metadata", ""),
    extensions: extensionsOf(unnamedFields(wire, foreign.read)),
  });
}

/** Instructions beside the input, as in Anthropic's dialect. */
function parseSystem({ system }: ForeignFields): readonly Message[] {
  return system === undefined ? [] : [{ role: "system", content: parseParts(system, "system") }];
}

/** A request must have an input, or name the place of one. The messages of a Chat request are read as items. */
function readInput(wire: WireObject): unknown {
  if (isAbsent(wire["input"]) && Array.isArray(wire["messages"])) return wire["messages"];
  const stored = ["previous_response_id", "conversation", "prompt"].some((key) => !isAbsent(wire[key]));
  if (!stored && isAbsent(wire["input"])) {
    throw invalidField("input", "a text or an array of items, unless previous_response_id, conversation or prompt is given");
  }
  return wire["input"];
}

/** `instructions` are the first message. They are marked, as the vendor does not carry them over to the next response. */
function parseInstructions(wire: WireObject): readonly Message[] {
  const text = optionalString(wire, "instructions", "");
  if (text === undefined) return [];
  return [{ role: "system", content: [{ type: "text", text }], extensions: { "openai-responses": { instructions: true } } }];
}

/** The fields without a neutral name; of fields with a neutral name for a part, the other part, under the field's own name. */
function unnamedFields(wire: WireObject, read: readonly string[]): WireObject | undefined {
  const named = new Set([...knownFields, ...read, ...(isAbsent(wire["input"]) ? ["messages"] : [])]);
  const { user, safety_identifier: identifier, tool_choice: choice, reasoning, text } = wire;
  if (typeof user === "string" && typeof identifier === "string" && user !== identifier) named.delete("user");
  if (!isPlainChoice(choice)) named.delete("tool_choice");
  // The option that the gateway itself serves.
  if (isUsageOption(wire["usage"])) named.add("usage");
  return restOf(wire, named, {
    reasoning: isObject(reasoning) ? restOf(reasoning, knownReasoning) : undefined,
    text: isObject(text) ? restOf(text, isNeutralFormat(text["format"]) ? knownText : new Set(["verbosity"])) : undefined,
  });
}

function parseReasoning(wire: WireObject): ReasoningRequest | undefined {
  const reasoning = optionalObject(wire, "reasoning", "");
  if (reasoning === undefined) return undefined;
  const summary = optionalString(reasoning, "summary", "reasoning") ?? optionalString(reasoning, "generate_summary", "reasoning");
  const request = compact({
    effort: optionalString(reasoning, "effort", "reasoning"),
    visibility: summary === undefined ? undefined : ("summary" as const),
  });
  return Object.keys(request).length === 0 ? undefined : request;
}

/** `top_logprobs` asks for log probabilities, and so does `include` alone, which stays in the extensions. */
function parseLogprobs(wire: WireObject): { top?: number } | undefined {
  const top = optionalNumber(wire, "top_logprobs", "");
  const included = (optionalArray(wire, "include", "") ?? []).includes("message.output_text.logprobs");
  return top === undefined && !included ? undefined : compact({ top });
}
