import type { JsonSchema, ProtocolId, ServerTool, Tool, ToolChoice } from "../../ir/index.ts";
import { compact, isAbsent, isObject, type FieldReaders, type WireObject } from "./fields.ts";
import { readCacheControl } from "./foreign-parts.ts";

/**
 * Reads a declaration of a tool that has the shape of another dialect: Anthropic's `{name, description, input_schema}` (Cursor sends it to Chat), Chat's
 * `{type:"function", function:{…}}`, Responses' `{type:"function", name, parameters}`, Gemini's `{functionDeclarations:[…]}`, and `{name, parameters}`.
 * `undefined`: it has none of these shapes.
 * @throws GatewayError `invalid_request` if the declaration lacks what its shape needs.
 */
export function readForeignTool(tool: WireObject, path: string, fields: FieldReaders): readonly Tool[] | undefined {
  const { type } = tool as { type?: unknown };
  const declarations = tool["functionDeclarations"] ?? tool["function_declarations"];
  if (Array.isArray(declarations)) {
    const at = fields.join(path, "functionDeclarations");
    return declarations.map((each: unknown, index) =>
      functionOf(fields.readObject(each, fields.join(at, index)), fields.join(at, index), fields),
    );
  }
  const hosted = isAbsent(type) ? geminiTool(tool) : undefined;
  if (hosted !== undefined) return [hosted];
  if (isAbsent(type) || type === "function" || type === "custom") return readNamed(tool, path, fields);
  const protocol = vendorOf(tool);
  if (protocol === undefined || typeof type !== "string") return undefined;
  return [serverTool(tool, type, protocol)];
}

/** `{"googleSearch":{}}`: a tool that Google runs, in either spelling. */
function geminiTool(tool: WireObject): ServerTool | undefined {
  const [key, ...others] = Object.keys(tool);
  const name = key === undefined || others.length > 0 ? undefined : geminiTools.get(key.replaceAll("_", "").toLowerCase());
  return name === undefined || key === undefined
    ? undefined
    : { type: "server", name, protocol: "gemini-generate", wire: { [name]: tool[key] } };
}

const geminiTools: ReadonlyMap<string, string> = new Map(
  ["googleSearch", "googleSearchRetrieval", "urlContext", "codeExecution", "googleMaps"].map((name) => [name.toLowerCase(), name]),
);

function readNamed(tool: WireObject, path: string, fields: FieldReaders): readonly Tool[] | undefined {
  const { function: inner, custom, type } = tool as { function?: unknown; custom?: unknown; type?: unknown };
  if (isObject(inner)) return [{ ...functionOf(inner, fields.join(path, "function"), fields), ...cacheOf(tool) }];
  if (isObject(custom)) return [customOf(custom, fields.join(path, "custom"), fields)];
  if (typeof tool["name"] !== "string") return undefined;
  const isCustom = type === "custom" && tool["input_schema"] === undefined && tool["parameters"] === undefined;
  return [isCustom ? customOf(tool, path, fields) : functionOf(tool, path, fields)];
}

function functionOf(body: WireObject, path: string, fields: FieldReaders): Tool {
  const key = schemaKeys.find((each) => !isAbsent(body[each]));
  const schema = key === undefined ? undefined : body[key];
  if (key !== undefined && !isObject(schema) && typeof schema !== "boolean")
    throw fields.invalidField(fields.join(path, key), "a JSON Schema");
  return compact({
    type: "function" as const,
    name: fields.requiredString(body, "name", path),
    description: fields.optionalString(body, "description", path),
    parameters: schema as JsonSchema | undefined,
    strict: fields.optionalBoolean(body, "strict", path),
    ...cacheOf(body),
  });
}

const schemaKeys = ["parameters", "input_schema", "inputSchema", "parametersJsonSchema", "parameters_json_schema"] as const;

function customOf(body: WireObject, path: string, fields: FieldReaders): Tool {
  const format = fields.optionalObject(body, "format", path);
  const grammar = isObject(format?.["grammar"]) ? format["grammar"] : format;
  const at = fields.join(path, "format");
  return compact({
    type: "custom" as const,
    name: fields.requiredString(body, "name", path),
    description: fields.optionalString(body, "description", path),
    grammar:
      grammar === undefined || format?.["type"] !== "grammar"
        ? undefined
        : { syntax: fields.requiredString(grammar, "syntax", at), definition: fields.requiredString(grammar, "definition", at) },
    ...cacheOf(body),
  });
}

function cacheOf(tool: WireObject): Pick<Extract<Tool, { type: "function" }>, "cache"> {
  return compact({ cache: readCacheControl(tool) });
}

/** The vendor that runs a tool: Anthropic's types end in a date, OpenAI's are listed. */
function vendorOf({ type }: { readonly type?: unknown }): ProtocolId | undefined {
  if (typeof type !== "string") return undefined;
  if (/_20\d{6}$/.test(type)) return "anthropic-messages";
  return openaiTools.has(type) ? "openai-responses" : undefined;
}

const openaiTools: ReadonlySet<string> = new Set([
  "web_search",
  "web_search_preview",
  "file_search",
  "code_interpreter",
  "image_generation",
  "computer_use_preview",
  "local_shell",
  "shell",
  "apply_patch",
  "mcp",
]);

function serverTool(tool: WireObject, type: string, protocol: ProtocolId): ServerTool {
  return { type: "server", name: typeof tool["name"] === "string" ? tool["name"] : type, protocol, wire: tool };
}

/** A choice in the shape of another dialect, and whether calls may be parallel, which Anthropic says beside the choice. */
export interface ForeignChoice {
  readonly choice: ToolChoice;
  readonly parallel?: boolean;
}

/**
 * Reads a choice in the shape of another dialect: Anthropic's `{type:"tool", name}`, `{type:"any"}`, Chat's `{type:"function", function:{name}}`, Responses'
 * `{type:"function", name}`, and bare words. `undefined`: it has none of these shapes.
 */
export function readForeignChoice(choice: unknown): ForeignChoice | undefined {
  if (typeof choice === "string") return choiceOfWord(choice);
  if (!isObject(choice)) return undefined;
  const named = [choice["function"], choice["custom"]].find(isObject) ?? choice;
  const { type, disable_parallel_tool_use: isSingle } = choice as { type?: unknown; disable_parallel_tool_use?: unknown };
  const parallel = typeof isSingle === "boolean" ? { parallel: !isSingle } : {};
  const isNamed = isAbsent(type) || type === "tool" || type === "function" || type === "custom";
  if (isNamed && typeof named["name"] === "string") return { choice: { type: "named", name: named["name"] }, ...parallel };
  const word = typeof type === "string" && type !== "tool" ? choiceOfWord(type) : undefined;
  return word === undefined ? undefined : { ...word, ...parallel };
}

function choiceOfWord(word: string): ForeignChoice | undefined {
  switch (word) {
    case "auto":
    case "none":
    case "required":
      return { choice: { type: word } };
    case "any":
      return { choice: { type: "required" } };
    default:
      return undefined;
  }
}
