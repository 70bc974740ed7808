import type { Tool, ToolChoice } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { readForeignChoice, readForeignTool } from "../shared/foreign-tools.ts";
import {
  fields,
  invalidField,
  join,
  optionalArray,
  optionalBoolean,
  optionalObject,
  optionalSchema,
  optionalString,
  readArray,
  readObject,
  requiredString,
} from "../openai-shared/fields.ts";
import { readCacheMark } from "../openai-shared/media.ts";
import { extensionsOf } from "./parse-parts.ts";

const knownTool: ReadonlySet<string> = new Set(["type", "function", "custom", "cache_control"]);
const knownFunction: ReadonlySet<string> = new Set(["name", "description", "parameters", "strict", "cache_control"]);
const knownCustom: ReadonlySet<string> = new Set(["name", "description", "format"]);

/** Parses `tools`, and the retired `functions`; `undefined` if the request has neither. */
export function parseTools(wire: WireObject): readonly Tool[] | undefined {
  const tools = optionalArray(wire, "tools", "")
    ?.map((value, index) => {
      const path = join("tools", index);
      return parseTool(readObject(value, path), path);
    })
    .flat();
  const functions = optionalArray(wire, "functions", "")?.map((value, index) => {
    const path = join("functions", index);
    return parseFunction(readObject(value, path), path, {});
  });
  return tools === undefined && functions === undefined ? undefined : [...(tools ?? []), ...(functions ?? [])];
}

function parseTool(tool: WireObject, path: string): readonly Tool[] {
  const { type, function: inner, custom } = tool as { type?: unknown; function?: unknown; custom?: unknown };
  if (type === "function" && isObject(inner)) return [parseFunction(inner, join(path, "function"), tool)];
  if (type === "custom" && isObject(custom)) return [parseCustom(custom, join(path, "custom"), tool)];
  const foreign = readForeignTool(tool, path, fields);
  if (foreign !== undefined) return foreign;
  if (type === "function" || type === "custom") throw invalidField(join(path, type), "an object");
  // OpenAI has no other type here; compatible servers have tools of their own, named by their type.
  return [{ type: "server", name: requiredString(tool, "type", path), protocol: "openai-chat", wire: tool }];
}

function parseFunction(body: WireObject, path: string, tool: WireObject): Tool {
  return compact({
    type: "function" as const,
    name: requiredString(body, "name", path),
    description: optionalString(body, "description", path),
    parameters: optionalSchema(body, "parameters", path),
    strict: optionalBoolean(body, "strict", path),
    cache: readCacheMark(tool) ?? readCacheMark(body),
    extensions: restOfTool(tool, body, knownFunction),
  });
}

function parseCustom(body: WireObject, path: string, tool: WireObject): Tool {
  return compact({
    type: "custom" as const,
    name: requiredString(body, "name", path),
    description: optionalString(body, "description", path),
    grammar: parseGrammar(optionalObject(body, "format", path), join(path, "format")),
    cache: readCacheMark(tool),
    extensions: restOfTool(tool, body, knownCustom),
  });
}

/** Parses `{"type":"grammar","grammar":{"syntax":"lark","definition":…}}`; `{"type":"text"}` is the default of a custom tool. */
function parseGrammar(format: WireObject | undefined, path: string): { syntax: string; definition: string } | undefined {
  if (format === undefined || format["type"] === "text") return undefined;
  if (format["type"] !== "grammar") throw invalidField(join(path, "type"), "text or grammar");
  const grammar = readObject(format["grammar"], join(path, "grammar"));
  return {
    syntax: requiredString(grammar, "syntax", join(path, "grammar")),
    definition: requiredString(grammar, "definition", join(path, "grammar")),
  };
}

/** The unnamed fields of both levels; of two fields with one name, the tool's own wins. */
function restOfTool(tool: WireObject, body: WireObject, known: ReadonlySet<string>): ReturnType<typeof extensionsOf> {
  const inner = restOf(body, known);
  const outer = restOf(tool, knownTool);
  return extensionsOf(inner === undefined ? outer : { ...outer, ...inner });
}

/** Parses `tool_choice` in all its forms, and the retired `function_call`. */
export function parseToolChoice(wire: WireObject): ToolChoice | undefined {
  const choice = wire["tool_choice"];
  if (!isAbsent(choice)) return parseChoice(choice);
  const retired = wire["function_call"];
  if (isAbsent(retired)) return undefined;
  if (retired === "none" || retired === "auto") return { type: retired };
  return { type: "named", name: requiredString(readObject(retired, "function_call"), "name", "function_call") };
}

function parseChoice(choice: unknown): ToolChoice {
  if (isObject(choice) && choice["type"] === "allowed_tools")
    return isObject(choice["allowed_tools"]) ? parseAllowed(choice["allowed_tools"]) : parseAllowed(choice, "tool_choice");
  const known = readForeignChoice(choice);
  if (known === undefined) throw invalidField("tool_choice", "auto, none, required, a function, a custom tool or allowed_tools");
  return known.choice;
}

function parseAllowed(allowed: WireObject, path = "tool_choice.allowed_tools"): ToolChoice {
  const mode = requiredString(allowed, "mode", path);
  if (mode !== "auto" && mode !== "required") throw invalidField(join(path, "mode"), "auto or required");
  const tools = readArray(allowed["tools"], join(path, "tools"));
  return {
    type: "allowed",
    names: tools.map((tool, index) => nameOf(readObject(tool, join(join(path, "tools"), index)), join(join(path, "tools"), index))),
    required: mode === "required",
  };
}

/** Parses `parallel_tool_calls`, or what a choice in Anthropic's form says of it. */
export function parseParallel(wire: WireObject): boolean | undefined {
  return optionalBoolean(wire, "parallel_tool_calls", "") ?? readForeignChoice(wire["tool_choice"])?.parallel;
}

/** The name in `{"type":"function","function":{"name":…}}` or `{"type":"custom","custom":{"name":…}}`, or beside the type. */
function nameOf(tool: WireObject, path: string): string {
  const key = tool["type"] === "custom" ? "custom" : "function";
  if (isAbsent(tool[key])) return requiredString(tool, "name", path);
  return requiredString(readObject(tool[key], join(path, key)), "name", join(path, key));
}
