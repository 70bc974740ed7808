import type { Tool, ToolChoice } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { readCacheControl } from "../shared/foreign-parts.ts";
import { readForeignChoice, readForeignTool } from "../shared/foreign-tools.ts";
import {
  fields,
  invalidField,
  join,
  optionalBoolean,
  optionalObject,
  optionalSchema,
  optionalString,
  readArray,
  readObject,
  requiredString,
} from "../openai-shared/fields.ts";
import { extensionsOf } from "./parse-parts.ts";

const knownFunction: ReadonlySet<string> = new Set(["type", "name", "description", "parameters", "strict", "cache_control"]);
const knownCustom: ReadonlySet<string> = new Set(["type", "name", "description", "format", "cache_control"]);
const knownNamespace: ReadonlySet<string> = new Set(["type", "name", "tools"]);

/** The namespace of tools. */
interface Namespace {
  readonly name: string;
  /** Its own fields, such as `description`. */
  readonly fields: WireObject;
}

/** Parses a list of tools; the tools of a namespace are listed beside the others, and each has the namespace's name. */
export function parseToolList(list: readonly unknown[], path: string): readonly Tool[] {
  return list.flatMap((value, index) => {
    const at = join(path, index);
    const tool = readObject(value, at);
    if (tool["type"] !== "namespace") return parseTool(tool, at);
    const namespace = { name: requiredString(tool, "name", at), fields: restOf(tool, knownNamespace) ?? {} };
    const tools = readArray(tool["tools"], join(at, "tools"));
    return tools.flatMap((inner, i) => parseTool(readObject(inner, join(join(at, "tools"), i)), join(join(at, "tools"), i), namespace));
  });
}

/** Adds the tools of an item: a tool with a known name and namespace is replaced. */
export function mergeTools(tools: readonly Tool[] | undefined, added: readonly Tool[]): readonly Tool[] | undefined {
  if (added.length === 0) return tools;
  const merged = new Map<string, Tool>();
  for (const tool of tools ?? []) merged.set(keyOf(tool), tool);
  for (const tool of added) merged.set(keyOf(tool), markAdded(tool));
  return [...merged.values()];
}

function keyOf(tool: Tool): string {
  return tool.type === "server" ? `server ${tool.name}` : `tool ${tool.namespace ?? ""} ${tool.name}`;
}

/** Marks a tool as added by an item, so that the answer, which repeats `tools`, does not repeat it. */
function markAdded(tool: Tool): Tool {
  if (tool.type === "server") return tool;
  return {
    ...tool,
    extensions: { ...tool.extensions, "openai-responses": { ...tool.extensions?.["openai-responses"], additional_tools: true } },
  };
}

function parseTool(tool: WireObject, path: string, namespace?: Namespace): readonly Tool[] {
  const foreign = isForeign(tool) ? readForeignTool(tool, path, fields) : undefined;
  if (foreign !== undefined) return foreign;
  const type = requiredString(tool, "type", path);
  switch (type) {
    case "function":
      return [parseFunction(tool, path, namespace)];
    case "custom":
      return [parseCustom(tool, path, namespace)];
    case "mcp":
      return [{ type: "server", name: requiredString(tool, "server_label", path), protocol: "openai-responses", wire: tool }];
    default:
      // web_search, file_search, code_interpreter, local_shell, shell, apply_patch, tool_search, image_generation, …
      return [{ type: "server", name: type, protocol: "openai-responses", wire: tool }];
  }
}

/** Whether a tool has the shape of another dialect: no type, an object `function` or `custom`, Anthropic's schema, a type with a date. */
function isForeign(tool: WireObject): boolean {
  const { type } = tool as { type?: unknown };
  return (
    typeof type !== "string" ||
    isObject(tool["function"]) ||
    isObject(tool["custom"]) ||
    tool["input_schema"] !== undefined ||
    /_20\d{6}$/.test(type)
  );
}

function parseFunction(tool: WireObject, path: string, namespace: Namespace | undefined): Tool {
  return compact({
    type: "function" as const,
    name: requiredString(tool, "name", path),
    namespace: namespace?.name,
    description: optionalString(tool, "description", path),
    parameters: optionalSchema(tool, "parameters", path),
    strict: optionalBoolean(tool, "strict", path),
    cache: readCacheControl(tool),
    extensions: extensionsOf(restOfTool(tool, knownFunction, namespace)),
  });
}

function parseCustom(tool: WireObject, path: string, namespace: Namespace | undefined): Tool {
  return compact({
    type: "custom" as const,
    name: requiredString(tool, "name", path),
    namespace: namespace?.name,
    description: optionalString(tool, "description", path),
    grammar: parseGrammar(optionalObject(tool, "format", path), join(path, "format")),
    cache: readCacheControl(tool),
    extensions: extensionsOf(restOfTool(tool, knownCustom, namespace)),
  });
}

/** The namespace's own fields are kept with each of its tools, under `namespace`. */
function restOfTool(tool: WireObject, known: ReadonlySet<string>, namespace: Namespace | undefined): WireObject | undefined {
  const rest = restOf(tool, known);
  return namespace === undefined ? rest : { ...rest, namespace: namespace.fields };
}

/** Parses `{"type":"grammar","syntax":"lark","definition":…}`; `{"type":"text"}` is the default of a custom tool. */
function parseGrammar(format: WireObject | undefined, path: string): { syntax: string; definition: string } | undefined {
  if (format === undefined || format["type"] === "text") return undefined;
  if (format["type"] !== "grammar") throw invalidField(join(path, "type"), "text or grammar");
  return { syntax: requiredString(format, "syntax", path), definition: requiredString(format, "definition", path) };
}

/** Parses `tool_choice` in all its forms; a tool that the vendor runs is named as in `parseToolList`. */
export function parseToolChoice(choice: unknown): ToolChoice | undefined {
  if (isAbsent(choice)) return undefined;
  if (choice === "auto" || choice === "none" || choice === "required") return { type: choice };
  const foreign = isForeignChoice(choice) ? readForeignChoice(choice)?.choice : undefined;
  if (foreign !== undefined) return foreign;
  if (!isObject(choice)) throw invalidField("tool_choice", "auto, none, required or an object");
  if (choice["type"] !== "allowed_tools") {
    const isServer = choice["type"] !== "function" && choice["type"] !== "custom";
    return { type: "named", name: nameOf(choice, "tool_choice"), ...(isServer ? { isServer } : {}) };
  }
  const mode = choice["mode"];
  if (mode !== "auto" && mode !== "required") throw invalidField("tool_choice.mode", "auto or required");
  const tools = readArray(choice["tools"], "tool_choice.tools");
  return {
    type: "allowed",
    names: tools.map((tool, index) => nameOf(readObject(tool, join("tool_choice.tools", index)), join("tool_choice.tools", index))),
    required: mode === "required",
  };
}

/** Whether a choice has the shape of another dialect. */
function isForeignChoice(choice: unknown): boolean {
  if (!isObject(choice)) return choice === "any";
  const { type } = choice as { type?: unknown };
  const isWord = type === "any" || type === "auto" || type === "none" || type === "required";
  return type === "tool" || isWord || isAbsent(type) || isObject(choice["function"]) || isObject(choice["custom"]);
}

function nameOf(tool: WireObject, path: string): string {
  const type = requiredString(tool, "type", path);
  if (isForeignChoice(tool)) {
    const named = readForeignChoice(tool)?.choice;
    if (named?.type === "named") return named.name;
  }
  if (type === "mcp") return requiredString(tool, "server_label", path);
  return type === "function" || type === "custom" ? requiredString(tool, "name", path) : type;
}

/**
 * Whether the neutral form of a choice contains all of it. It cannot contain one tool of an MCP server, or tools of the vendor among the allowed
 * ones.
 */
export function isPlainChoice(choice: unknown): boolean {
  if (!isObject(choice) || isForeignChoice(choice)) return true;
  const plain = (tool: unknown): boolean =>
    isObject(tool) && (tool["type"] === "function" || tool["type"] === "custom") && Object.keys(tool).length === 2;
  if (choice["type"] === "allowed_tools") return Array.isArray(choice["tools"]) && choice["tools"].every(plain);
  return plain(choice) || Object.keys(choice).length === 1 || (choice["type"] === "mcp" && typeof choice["name"] !== "string");
}
