import type { ChatRequest, Message } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import type { RouteCall } from "../protocol.ts";
import { extensionsOf, invalidField, join, optionalArray, optionalObject, optionalString, readObject } from "./fields.ts";
import { bareModel } from "./model-name.ts";
import { parseConfig } from "./parse-config.ts";
import { ContentsParser } from "./parse-contents.ts";
import { parseToolConfig, parseTools } from "./parse-tools.ts";

export const knownFields: ReadonlySet<string> = new Set([
  "model",
  "contents",
  "systemInstruction",
  "tools",
  "toolConfig",
  "generationConfig",
  "serviceTier",
  "labels",
]);

/**
 * Parses the body of `:generateContent`, `:streamGenerateContent` and `:countTokens` (which may wrap it as `generateContentRequest`). The model and
 * whether the answer streams come from the path. What has no neutral name stays in `extensions["gemini-generate"]`, under its own key in camelCase.
 * @throws GatewayError `invalid_request` that names the field as the vendor does: `contents[0].parts[1].text`.
 */
export function parseRequest(wire: unknown, call: RouteCall): ChatRequest {
  const outer = readObject(wire, "body");
  const path = "generateContentRequest";
  const inner = optionalObject(outer, path, "");
  return inner === undefined ? parseBody(outer, "", call) : parseBody(inner, path, call);
}

function parseBody(body: WireObject, path: string, call: RouteCall): ChatRequest {
  const config = optionalObject(body, "generationConfig", path) ?? {};
  const { fields, rest } = parseConfig(config, join(path, "generationConfig"));
  const toolConfig = parseToolConfig(optionalObject(body, "toolConfig", path), join(path, "toolConfig"));
  return compact({
    model: bareModel(call.param),
    stream: call.route.stream ?? false,
    messages: parseMessages(body, path),
    tools: parseTools(optionalArray(body, "tools", path), join(path, "tools")),
    toolChoice: toolConfig?.choice,
    ...fields,
    serviceTier: optionalString(body, "serviceTier", path),
    metadata: parseLabels(body, path),
    extensions: extensionsOf(restOf(body, knownFields, { generationConfig: rest, toolConfig: toolConfig?.rest })),
  });
}

function parseMessages(body: WireObject, path: string): readonly Message[] {
  const parser = new ContentsParser();
  const instruction = body["systemInstruction"];
  if (!isAbsent(instruction)) parser.addInstruction(instruction, join(path, "systemInstruction"));
  const at = join(path, "contents");
  const contents = body["contents"];
  if (isAbsent(contents) && Array.isArray(body["messages"]))
    throw invalidField(at, "an array. A body with `messages` belongs to /v1/chat/completions or /v1/messages");
  // The SDKs send an array; people who write the JSON themselves send a single content or a bare text.
  const list = Array.isArray(contents) ? contents : [typeof contents === "string" ? { parts: [{ text: contents }] } : contents];
  for (const [index, content] of list.entries()) parser.add(content, join(at, index));
  return parser.messages;
}

/** Parses `labels`: names and their texts. */
function parseLabels(body: WireObject, path: string): Readonly<Record<string, string>> | undefined {
  const labels = body["labels"];
  if (isAbsent(labels)) return undefined;
  const at = join(path, "labels");
  const object = isObject(labels) ? labels : readObject(labels, at);
  return Object.fromEntries(Object.keys(object).map((key) => [key, optionalString(object, key, at) ?? ""]));
}
