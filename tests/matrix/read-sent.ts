import type { JsonObject, JsonValue } from "../testbed/json.ts";
import { asArray, asObject, asObjects, asString } from "../testbed/json.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Protocol } from "../testbed/scenario.ts";

/** What reached an upstream, in no protocol's words. */
export interface Sent {
  readonly model: string;
  /** All instructions in the protocol's own place for them, joined. */
  readonly system: string;
  readonly tools: readonly { readonly name: string; readonly properties: readonly string[] }[];
  readonly forcedTool: string | undefined;
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  readonly temperature: number | undefined;
  /** The names of the properties that the answer must have. */
  readonly schema: readonly string[];
  readonly results: readonly { readonly id: string; readonly text: string }[];
}

/** Reads what a mock has recorded. */
export function readSent(protocol: Protocol, request: RecordedRequest): Sent {
  const body = JSON.parse(request.body.toString("utf8")) as JsonObject;
  switch (protocol) {
    case "openai-chat":
      return readChat(body);
    case "openai-responses":
      return readResponses(body);
    case "anthropic-messages":
      return readAnthropic(body);
    case "gemini-generate":
      return readGemini(body, request.route?.target ?? "");
  }
}

function readChat(body: JsonObject): Sent {
  const messages = asObjects(body["messages"]);
  const format = asObject(asObject(body["response_format"])["json_schema"]);
  return {
    model: asString(body["model"]) ?? "",
    system: messages
      .filter(({ role }) => role === "system" || role === "developer")
      .map(({ content }) => textOf(content))
      .join("\n"),
    tools: asObjects(body["tools"]).map((tool) => toolOf(asObject(tool["function"]), "parameters")),
    forcedTool: asString(asObject(asObject(body["tool_choice"])["function"])["name"]),
    maxTokens: numberOf(body["max_completion_tokens"] ?? body["max_tokens"]),
    stop: stringsOf(body["stop"]),
    temperature: numberOf(body["temperature"]),
    schema: namesOf(format["schema"]),
    results: messages.filter(({ role }) => role === "tool").map((message) => result(message["tool_call_id"], message["content"])),
  };
}

function readResponses(body: JsonObject): Sent {
  const items = asObjects(body["input"]);
  const inside = items.filter(({ role }) => role === "system" || role === "developer").map(({ content }) => textOf(content));
  return {
    model: asString(body["model"]) ?? "",
    system: [...stringsOf(body["instructions"]), ...inside].join("\n"),
    tools: asObjects(body["tools"]).map((tool) => toolOf(tool, "parameters")),
    forcedTool: asString(asObject(body["tool_choice"])["name"]),
    maxTokens: numberOf(body["max_output_tokens"]),
    stop: [],
    temperature: numberOf(body["temperature"]),
    schema: namesOf(asObject(asObject(body["text"])["format"])["schema"]),
    results: items.filter(({ type }) => type === "function_call_output").map((item) => result(item["call_id"], item["output"])),
  };
}

function readAnthropic(body: JsonObject): Sent {
  const blocks = asObjects(body["messages"]).flatMap((message) => asObjects(message["content"]));
  return {
    model: asString(body["model"]) ?? "",
    system: textOf(body["system"]),
    tools: asObjects(body["tools"]).map((tool) => toolOf(tool, "input_schema")),
    forcedTool: asString(asObject(body["tool_choice"])["name"]),
    maxTokens: numberOf(body["max_tokens"]),
    stop: stringsOf(body["stop_sequences"]),
    temperature: numberOf(body["temperature"]),
    schema: namesOf(asObject(asObject(body["output_config"])["format"])["schema"]),
    results: blocks.filter(({ type }) => type === "tool_result").map((block) => result(block["tool_use_id"], block["content"])),
  };
}

function readGemini(body: JsonObject, model: string): Sent {
  const config = asObject(body["generationConfig"]);
  const calling = asObject(asObject(body["toolConfig"])["functionCallingConfig"]);
  const parts = asObjects(body["contents"]).flatMap((content) => asObjects(content["parts"]));
  const declared = asObjects(body["tools"]).flatMap((tool) => asObjects(tool["functionDeclarations"]));
  return {
    model,
    system: textOf(asObject(body["systemInstruction"])["parts"]),
    tools: declared.map((tool) => toolOf(tool, tool["parametersJsonSchema"] === undefined ? "parameters" : "parametersJsonSchema")),
    forcedTool: calling["mode"] === "ANY" ? asString(asArray(calling["allowedFunctionNames"])[0]) : undefined,
    maxTokens: numberOf(config["maxOutputTokens"]),
    stop: stringsOf(config["stopSequences"]),
    temperature: numberOf(config["temperature"]),
    schema: namesOf(config["responseJsonSchema"] ?? config["responseSchema"]),
    results: parts
      .filter((part) => part["functionResponse"] !== undefined)
      .map((part) => {
        const { id, response } = asObject(part["functionResponse"]);
        return { id: asString(id) ?? "", text: Object.values(asObject(response)).map(textOf).join("\n") };
      }),
  };
}

function toolOf(tool: JsonObject, schemaField: string): { name: string; properties: readonly string[] } {
  return { name: asString(tool["name"]) ?? "", properties: namesOf(tool[schemaField]) };
}

function namesOf(schema: JsonValue | undefined): readonly string[] {
  return Object.keys(asObject(asObject(schema)["properties"]));
}

function result(id: JsonValue | undefined, content: JsonValue | undefined): { id: string; text: string } {
  return { id: asString(id) ?? "", text: textOf(content) };
}

/** A text, or the texts of a list of parts. */
function textOf(content: JsonValue | undefined): string {
  if (typeof content === "string") return content;
  return asObjects(content)
    .flatMap((part) => stringsOf(part["text"]))
    .join("\n");
}

function stringsOf(value: JsonValue | undefined): readonly string[] {
  return typeof value === "string" ? [value] : asArray(value).filter((item) => typeof item === "string");
}

function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}
