import type { Block, Message, ToolCallBlock } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { readCacheControl, withCache } from "../shared/foreign-parts.ts";
import { argumentsText } from "../shared/foreign-turns.ts";
import {
  invalidField,
  join,
  optionalArray,
  optionalObject,
  optionalString,
  readArray,
  readObject,
  requiredString,
} from "../openai-shared/fields.ts";
import { extensionsOf, parseContent } from "./parse-parts.ts";
import { readThinkingBlocks } from "./thinking-blocks.ts";

const knownPlain: ReadonlySet<string> = new Set(["role", "content", "name", "cache_control"]);
const knownTool: ReadonlySet<string> = new Set(["role", "content", "name", "tool_call_id", "cache_control"]);
const knownFunction: ReadonlySet<string> = new Set(["role", "content", "name"]);
const knownAssistant: ReadonlySet<string> = new Set([
  "role",
  "content",
  "name",
  "refusal",
  "tool_calls",
  "function_call",
  "reasoning_content",
  "reasoning",
  "thinking_blocks",
  "images",
  "cache_control",
]);
const knownCall: ReadonlySet<string> = new Set(["id", "type", "function", "custom", "extra_content"]);

/** Parses `messages`: each becomes one neutral message, in order. A tool's answer is a user's message with a tool result. */
export function parseMessages(wire: unknown): readonly Message[] {
  const list = readArray(wire, "messages");
  if (list.length === 0) throw invalidField("messages", "at least one message");
  const calls = new CallIndex();
  return list.map((value, index) => {
    const path = join("messages", index);
    return parseMessage(readObject(value, path), path, calls);
  });
}

/** The calls seen so far: a result does not say of which kind its call was, and the retired form has no id at all. */
class CallIndex {
  // Made with the first call: most requests have none.
  #kinds: Map<string, ToolCallBlock["kind"]> | undefined;
  #idByName: Map<string, string> | undefined;

  add(call: ToolCallBlock): void {
    (this.#kinds ??= new Map()).set(call.id, call.kind);
    (this.#idByName ??= new Map()).set(call.name, call.id);
  }

  kindOf(id: string): ToolCallBlock["kind"] | undefined {
    return this.#kinds?.get(id);
  }

  idOf(name: string): string {
    return this.#idByName?.get(name) ?? retiredCallId(name);
  }
}

/** `function_call` had no id, and there was one call a turn: its name serves as the id. */
function retiredCallId(name: string): string {
  return `call_${name}`;
}

function parseMessage(message: WireObject, path: string, calls: CallIndex): Message {
  const role = requiredString(message, "role", path);
  switch (role) {
    case "system":
    case "developer":
    case "user":
      return compact({
        role,
        content: withCache(parseContent(message["content"], join(path, "content")), readCacheControl(message)),
        name: optionalString(message, "name", path),
        extensions: extensionsOf(restOf(message, knownPlain)),
      });
    case "assistant":
      return parseAssistant(message, path, calls);
    case "tool":
      return parseToolResult(message, path, calls);
    case "function":
      return parseFunctionResult(message, path, calls);
    default:
      throw invalidField(join(path, "role"), "system, developer, user, assistant or tool");
  }
}

function parseAssistant(message: WireObject, path: string, calls: CallIndex): Message {
  const toolCalls = parseToolCalls(message, path);
  for (const call of toolCalls) calls.add(call);
  const refusal = optionalString(message, "refusal", path);
  const content = parseContent(message["content"], join(path, "content"));
  for (const block of content) if (block.type === "tool-call") calls.add(block);
  const blocks = [
    ...parseReasoning(message, path),
    ...content,
    ...parseImages(message, path),
    ...(refusal === undefined ? [] : [{ type: "refusal" as const, text: refusal }]),
    ...toolCalls,
  ];
  return compact({
    role: "assistant" as const,
    content: withCache(blocks, readCacheControl(message)),
    name: optionalString(message, "name", path),
    extensions: extensionsOf(restOf(message, knownAssistant)),
  });
}

/** Pictures that the model made, sent back as in the answer (OpenRouter). */
function parseImages(message: WireObject, path: string): readonly Block[] {
  const images = message["images"];
  return Array.isArray(images) ? parseContent(images, join(path, "images")) : [];
}

/** Reasoning that the client sends back: signed in `thinking_blocks` (LiteLLM), `reasoning_content` (DeepSeek, vLLM, …) or `reasoning` (OpenRouter, Groq, newer vLLM), as in the answer. */
function parseReasoning(message: WireObject, path: string): readonly Block[] {
  const blocks = readThinkingBlocks(message["thinking_blocks"]);
  if (blocks.length > 0) return blocks;
  const text =
    optionalString(message, "reasoning_content", path) ?? (typeof message["reasoning"] === "string" ? message["reasoning"] : undefined);
  return text === undefined || text === "" ? [] : [{ type: "reasoning", text }];
}

function parseToolCalls(message: WireObject, path: string): readonly ToolCallBlock[] {
  const at = join(path, "tool_calls");
  const calls = (optionalArray(message, "tool_calls", path) ?? []).map((value, index) =>
    parseToolCall(readObject(value, join(at, index)), join(at, index)),
  );
  const retired = optionalObject(message, "function_call", path);
  if (retired !== undefined) calls.push(parseFunctionCall(retired, join(path, "function_call")));
  return calls;
}

function parseToolCall(call: WireObject, path: string): ToolCallBlock {
  const custom = call["type"] === "custom";
  const at = join(path, custom ? "custom" : "function");
  const body = readObject(custom ? call["custom"] : call["function"], at);
  const signature = signatureOf(call["extra_content"]);
  return compact({
    type: "tool-call" as const,
    id: requiredString(call, "id", path),
    name: requiredString(body, "name", at),
    kind: custom ? ("custom" as const) : ("function" as const),
    arguments: custom ? requiredString(body, "input", at) : argumentsText(body["arguments"]),
    proof: signature === undefined ? undefined : { protocol: "gemini-generate" as const, kind: "signature" as const, data: signature },
    extensions: extensionsOf(restOf(call, knownCall)),
  });
}

/** `{"google":{"thought_signature":…}}`: see `WireSignedCall`. */
function signatureOf(extra: unknown): string | undefined {
  const google = isObject(extra) ? extra["google"] : undefined;
  const signature = isObject(google) ? google["thought_signature"] : undefined;
  return typeof signature === "string" ? signature : undefined;
}

function parseFunctionCall(call: WireObject, path: string): ToolCallBlock {
  const name = requiredString(call, "name", path);
  return { type: "tool-call", id: retiredCallId(name), name, kind: "function", arguments: argumentsText(call["arguments"]) };
}

function parseToolResult(message: WireObject, path: string, calls: CallIndex): Message {
  const content = parseContent(message["content"], join(path, "content"));
  const results = content.filter((block) => block.type === "tool-result");
  // Results of Anthropic's form have the ids of their calls themselves.
  if (results.length > 0 && isAbsent(message["tool_call_id"])) return { role: "user", content };
  const callId = requiredString(message, "tool_call_id", path);
  const result = compact({
    type: "tool-result" as const,
    callId,
    name: optionalString(message, "name", path),
    kind: calls.kindOf(callId),
    content: content.flatMap((block) => (block.type === "tool-result" ? block.content : [block])),
    isError: results.some(({ isError }) => isError === true) ? true : undefined,
    cache: readCacheControl(message),
  });
  return compact({ role: "user" as const, content: [result], extensions: extensionsOf(restOf(message, knownTool)) });
}

/** The retired role `function`: its name is the name of the call. */
function parseFunctionResult(message: WireObject, path: string, calls: CallIndex): Message {
  const name = requiredString(message, "name", path);
  return compact({
    role: "user" as const,
    content: [
      {
        type: "tool-result" as const,
        callId: calls.idOf(name),
        name,
        kind: "function" as const,
        content: parseContent(message["content"], join(path, "content")),
      },
    ],
    extensions: extensionsOf(restOf(message, knownFunction)),
  });
}
