import type { Block, Message, ReasoningBlock, Tool } from "../../ir/index.ts";
import { compact, isAbsent, restOf, type WireObject } from "../shared/fields.ts";
import { readCacheControl, withCache } from "../shared/foreign-parts.ts";
import { argumentsText, chatResult, readChatCalls } from "../shared/foreign-turns.ts";
import {
  fields,
  invalidField,
  join,
  optionalArray,
  optionalString,
  readArray,
  readObject,
  requiredString,
} from "../openai-shared/fields.ts";
import { encryptedProof } from "./answer-items.ts";
import { extensionsOf, parseParts } from "./parse-parts.ts";
import { isMadeItem } from "./search-items.ts";
import { parseToolList } from "./parse-tools.ts";

export interface ParsedInput {
  readonly messages: readonly Message[];
  /** Tools that items of the input add. */
  readonly tools: readonly Tool[];
}

const knownMessage: ReadonlySet<string> = new Set(["type", "id", "role", "content", "cache_control"]);
const knownReasoning: ReadonlySet<string> = new Set(["type", "id", "summary", "content", "encrypted_content"]);
const knownCall: ReadonlySet<string> = new Set(["type", "id", "call_id", "name", "namespace", "arguments", "input"]);
const knownOutput: ReadonlySet<string> = new Set(["type", "id", "call_id", "name", "output", "cache_control"]);

/**
 * Parses `input`: a text, or items. Each item becomes one neutral message, in order, so that it keeps its id. `additional_tools` items become tools,
 * and their place is not kept. What only this vendor runs or understands (calls of its own tools, references, compactions) is opaque.
 */
export function parseInput(input: unknown): ParsedInput {
  if (isAbsent(input)) return { messages: [], tools: [] };
  if (typeof input === "string") return { messages: [{ role: "user", content: [{ type: "text", text: input }] }], tools: [] };
  const messages: Message[] = [];
  const tools: Tool[] = [];
  readArray(input, "input").forEach((value, index) => {
    const path = join("input", index);
    const item = readObject(value, path);
    if (item["type"] === "additional_tools")
      tools.push(...parseToolList(readArray(item["tools"], join(path, "tools")), join(path, "tools")));
    else if (!isMadeItem(item)) messages.push(...parseItem(item, path));
  });
  return { messages, tools };
}

function parseItem(item: WireObject, path: string): readonly Message[] {
  const role = item["role"];
  // Messages of Chat that have no counterpart among the items.
  if (role === "tool") return [chatResult(item, path, parseContent(item, path), fields)];
  if (role === "assistant" && Array.isArray(item["tool_calls"])) {
    const content = [...parseContent(item, path), ...readChatCalls(item, path, fields)];
    return [{ role, content: withCache(content, readCacheControl(item)) }];
  }
  return [parseOwnItem(item, path)];
}

/** The content of a message; a message of Chat may have none. */
function parseContent(item: WireObject, path: string): readonly Block[] {
  return isAbsent(item["content"]) ? [] : parseParts(item["content"], join(path, "content"));
}

function parseOwnItem(item: WireObject, path: string): Message {
  const type = optionalString(item, "type", path) ?? (item["role"] === undefined ? "item_reference" : "message");
  switch (type) {
    case "message":
      return parseMessage(item, path);
    case "reasoning":
      return { role: "assistant", content: [parseReasoning(item, path)] };
    case "function_call":
    case "custom_tool_call":
      return { role: "assistant", content: [parseCall(item, path, type === "custom_tool_call")] };
    case "function_call_output":
    case "custom_tool_call_output":
      return parseOutput(item, path, type === "custom_tool_call_output");
    default:
      return parseOpaque(item, path, type);
  }
}

const roles = ["system", "developer", "user", "assistant"] as const;

function parseMessage(item: WireObject, path: string): Message {
  const role = roles.find((known) => known === item["role"]);
  if (role === undefined) throw invalidField(join(path, "role"), "system, developer, user or assistant");
  return compact({
    role,
    content: withCache(parseParts(item["content"], join(path, "content")), readCacheControl(item)),
    id: optionalString(item, "id", path),
    extensions: extensionsOf(restOf(item, knownMessage)),
  });
}

/** The text is `content` if the item shows the reasoning itself, else its summary; the parts are kept if the text does not contain them. */
function parseReasoning(item: WireObject, path: string): ReasoningBlock {
  const summary = textsOf(item, "summary", path);
  const content = textsOf(item, "content", path);
  const encrypted = optionalString(item, "encrypted_content", path) ?? "";
  const parts = content.length > 0 || summary.length > 1 ? compact({ summary: item["summary"], content: item["content"] }) : undefined;
  const rest = restOf(item, knownReasoning);
  return compact({
    type: "reasoning" as const,
    text: content.length > 0 ? content.join("") : summary.join("\n\n"),
    proof: encryptedProof(encrypted),
    id: optionalString(item, "id", path),
    extensions: extensionsOf(parts === undefined ? rest : { ...rest, ...parts }),
  });
}

/** Returns the texts of `summary` (`summary_text`) or `content` (`reasoning_text`). */
function textsOf(item: WireObject, key: string, path: string): readonly string[] {
  return (optionalArray(item, key, path) ?? []).map((part, index) => {
    const at = join(join(path, key), index);
    return requiredString(readObject(part, at), "text", at);
  });
}

function parseCall(item: WireObject, path: string, custom: boolean): Block {
  return compact({
    type: "tool-call" as const,
    id: requiredString(item, "call_id", path),
    name: requiredString(item, "name", path),
    namespace: optionalString(item, "namespace", path),
    kind: custom ? ("custom" as const) : ("function" as const),
    arguments: custom ? requiredString(item, "input", path) : argumentsText(item["arguments"]),
    itemId: optionalString(item, "id", path),
    extensions: extensionsOf(restOf(item, knownCall)),
  });
}

function parseOutput(item: WireObject, path: string, custom: boolean): Message {
  const result = compact({
    type: "tool-result" as const,
    callId: requiredString(item, "call_id", path),
    name: optionalString(item, "name", path),
    kind: custom ? ("custom" as const) : ("function" as const),
    content: parseParts(item["output"], join(path, "output")),
    cache: readCacheControl(item),
    extensions: extensionsOf(restOf(item, knownOutput)),
  });
  return compact({ role: "user" as const, content: [result], id: optionalString(item, "id", path) });
}

/** Outputs and replies are of the client's side; every other item was made by the model. */
function parseOpaque(item: WireObject, path: string, type: string): Message {
  const fromClient = type.endsWith("_output") || type.endsWith("_response") || type.endsWith("_trigger") || type === "configuration_update";
  return compact({
    role: fromClient ? ("user" as const) : ("assistant" as const),
    content: [{ type: "opaque" as const, protocol: "openai-responses" as const, value: item }],
    id: optionalString(item, "id", path),
  });
}
