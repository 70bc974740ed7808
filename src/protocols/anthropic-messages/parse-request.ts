import type { Block, ChatRequest, Message } from "../../ir/index.ts";
import { compact, isAbsent, restOf, type WireObject } from "../shared/fields.ts";
import type { RouteCall } from "../protocol.ts";
import { readForeignFields } from "../shared/foreign-fields.ts";
import { chatResult, readChatCalls } from "../shared/foreign-turns.ts";
import {
  extensionsOf,
  fields,
  invalidField,
  join,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalStrings,
  readArray,
  readObject,
  requiredString,
} from "./fields.ts";
import { parseBlocks } from "./parse-blocks.ts";
import { parseReasoning, parseResponseFormat } from "./parse-reasoning.ts";
import { parseToolChoice, parseTools } from "./parse-tools.ts";

/** Fields that have a neutral name; `thinking` and `output_config` are parsed in `parse-reasoning.ts`. */
export const knownFields: ReadonlySet<string> = new Set([
  "model",
  "stream",
  "system",
  "messages",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "metadata",
  "service_tier",
]);
const knownOutputConfig: ReadonlySet<string> = new Set(["effort", "format"]);
const knownThinking: ReadonlySet<string> = new Set(["type", "budget_tokens", "display"]);
const knownMetadata: ReadonlySet<string> = new Set(["user_id"]);
const knownMessageFields: ReadonlySet<string> = new Set(["role", "content"]);

/**
 * Parses the body of `POST /v1/messages` and of `…/count_tokens`. The top-level `system` becomes the first message; a `system` turn among the
 * messages stays in its place. What has no neutral name stays in `extensions["anthropic-messages"]`, under its own key.
 * @throws GatewayError `invalid_request` that names the field as the vendor does: `messages.0.content.1.text`.
 */
export function parseRequest(wire: unknown, _call: RouteCall): ChatRequest {
  const body = readObject(wire, "body");
  const toolChoice = parseToolChoice(body);
  const foreign = readForeignFields(body, knownFields);
  return compact({
    model: requiredString(body, "model", ""),
    stream: optionalBoolean(body, "stream", "") ?? false,
    messages: [...parseSystem(body), ...parseMessages(body)],
    tools: parseTools(body),
    toolChoice: toolChoice?.choice,
    parallelToolCalls: toolChoice?.parallel ?? optionalBoolean(body, "parallel_tool_calls", ""),
    reasoning: parseReasoning(body) ?? foreign.reasoning,
    responseFormat: parseResponseFormat(body) ?? foreign.responseFormat,
    maxOutputTokens: optionalNumber(body, "max_tokens", "") ?? foreign.maxOutputTokens,
    temperature: optionalNumber(body, "temperature", ""),
    topP: optionalNumber(body, "top_p", ""),
    topK: optionalNumber(body, "top_k", ""),
    stop: optionalStrings(body, "stop_sequences", "") ?? foreign.stop,
    verbosity: foreign.verbosity,
    endUser: parseEndUser(body),
    serviceTier: optionalString(body, "service_tier", ""),
    extensions: extensionsOf(unnamedFields(body, foreign.read)),
  });
}

function parseSystem(body: WireObject): Message[] {
  const system = body["system"];
  if (isAbsent(system)) return [];
  const content = parseBlocks(system, "system").flatMap(withoutBilling);
  return content.length === 0 ? [] : [{ role: "system", content }];
}

/**
 * Claude Code reports its version to the vendor in a line of text before the instructions. The line means nothing to a model, and it changes with
 * every version, so that another vendor's prompt cache would miss.
 */
const billingLine = /^x-anthropic-billing-header:[^\n]*(?:\n|$)/;

function withoutBilling(block: Block): Block[] {
  if (block.type !== "text" || !billingLine.test(block.text)) return [block];
  const text = block.text.replace(billingLine, "");
  return text === "" ? [] : [{ ...block, text }];
}

function parseMessages(body: WireObject): Message[] {
  return readArray(body["messages"], "messages").map((value, index) => {
    const path = join("messages", index);
    const message = readObject(value, path);
    if (isForeign(message)) return parseForeignMessage(message, path);
    return compact({
      role: parseRole(message["role"], join(path, "role")),
      content: parseBlocks(message["content"], join(path, "content")),
      extensions: extensionsOf(restOf(message, knownMessageFields)),
    });
  });
}

/** Whether a message has the shape of Chat: another role, calls beside the content. */
function isForeign({ role, tool_calls: calls }: { readonly role?: unknown; readonly tool_calls?: unknown }): boolean {
  return role === "tool" || role === "developer" || (role === "assistant" && Array.isArray(calls));
}

function parseForeignMessage(message: WireObject, path: string): Message {
  const content = isAbsent(message["content"]) ? [] : parseBlocks(message["content"], join(path, "content"));
  switch (message["role"]) {
    case "tool":
      return chatResult(message, path, content, fields);
    case "developer":
      return { role: "system", content };
    default:
      return { role: "assistant", content: [...content, ...readChatCalls(message, path, fields)] };
  }
}

function parseRole(role: unknown, path: string): "user" | "assistant" | "system" {
  if (role === "user" || role === "assistant" || role === "system") return role;
  throw invalidField(path, '"user", "assistant" or "system"');
}

function parseEndUser(body: WireObject): string | undefined {
  const metadata = optionalObject(body, "metadata", "");
  return metadata === undefined ? undefined : optionalString(metadata, "user_id", "metadata");
}

/** The fields without a neutral name, and the unnamed rest of those that have a name for a part of them. */
function unnamedFields(body: WireObject, read: readonly string[]): WireObject | undefined {
  return restOf(body, read.length === 0 ? knownFields : new Set([...knownFields, ...read]), {
    thinking: unnamedThinking(body),
    output_config: restIn(body, "output_config", knownOutputConfig),
    metadata: restIn(body, "metadata", knownMetadata),
  });
}

function restIn(body: WireObject, key: string, known: ReadonlySet<string>): WireObject | undefined {
  const object = optionalObject(body, key, "");
  return object === undefined ? undefined : restOf(object, known);
}

/** The neutral form knows three types of thinking; a `thinking` object of another type is kept whole. */
function unnamedThinking(body: WireObject): WireObject | undefined {
  const thinking = optionalObject(body, "thinking", "");
  if (thinking === undefined) return undefined;
  const isNamed = thinking["type"] === "enabled" || thinking["type"] === "adaptive" || thinking["type"] === "disabled";
  return isNamed ? restOf(thinking, knownThinking) : thinking;
}
