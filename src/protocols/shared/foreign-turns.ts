import type { Message, ToolCallBlock } from "../../ir/index.ts";
import { compact, isAbsent, isObject, type FieldReaders, type WireObject } from "./fields.ts";
import { readCacheControl } from "./foreign-parts.ts";

/** Reads the calls beside the content of a Chat message: `tool_calls[]`. Arguments may be an object, as some clients send them. */
export function readChatCalls(message: WireObject, path: string, fields: FieldReaders): readonly ToolCallBlock[] {
  const at = fields.join(path, "tool_calls");
  return (fields.optionalArray(message, "tool_calls", path) ?? []).map((value, index) => {
    const place = fields.join(at, index);
    const call = fields.readObject(value, place);
    const isCustom = isObject(call["custom"]);
    const inner = fields.readObject(isCustom ? call["custom"] : call["function"], fields.join(place, isCustom ? "custom" : "function"));
    return {
      type: "tool-call",
      id: fields.requiredString(call, "id", place),
      name: fields.requiredString(inner, "name", place),
      kind: isCustom ? "custom" : "function",
      arguments: argumentsText(inner[isCustom ? "input" : "arguments"]),
    };
  });
}

/** Arguments that a client sends back: their text, or an object; absent ones are those of a call without arguments. */
export function argumentsText(value: unknown): string {
  if (typeof value === "string") return value;
  return isAbsent(value) ? "{}" : JSON.stringify(value);
}

/** A Chat message of the role `tool`: the result of a call. `content`: its parsed content. */
export function chatResult(message: WireObject, path: string, content: Message["content"], fields: FieldReaders): Message {
  const callId = fields.requiredString(message, "tool_call_id", path);
  const cache = readCacheControl(message);
  return {
    role: "user",
    content: [compact({ type: "tool-result" as const, callId, name: fields.optionalString(message, "name", path), content, cache })],
  };
}
