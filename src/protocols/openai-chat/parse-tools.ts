import type { Tool, ToolChoice } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import {
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
const knownFunction: ReadonlySet<string> = new Set(["name", "description", "parameters", "strict"]);
const knownCustom: ReadonlySet<string> = new Set(["name", "description", "format"]);

/** Parses `tools`, and the retired `functions`; `undefined` if the request has neither. */
export function parseTools(wire: WireObject): readonly Tool[] | undefined {
  const tools = optionalArray(wire, "tools", "")?.map((value, index) => {
    const path = join("tools", index);
    return parseTool(readObject(value, path), path);
  });
  const functions = optionalArray(wire, "functions", "")?.map((value, index) => {
    const path = join("functions", index);
    return parseFunction(readObject(value, path), path, {});
  });
  return tools === undefined && functions === undefined ? undefined : [...(tools ?? []), ...(functions ?? [])];
}

function parseTool(tool: WireObject, path: string): Tool {
  const type = requiredString(tool, "type", path);
  switch (type) {
    case "function":
      return parseFunction(readObject(tool["function"], join(path, "function")), join(path, "function"), tool);
    case "custom":
      return parseCustom(readObject(tool["custom"], join(path, "custom")), join(path, "custom"), tool);
    default:
      // OpenAI has no other type here; compatible servers have tools of their own, named by their type.
      return { type: "server", name: type, protocol: "openai-chat", wire: tool };
  }
}

function parseFunction(body: WireObject, path: string, tool: WireObject): Tool {
  return compact({
    type: "function" as const,
    name: requiredString(body, "name", path),
    description: optionalString(body, "description", path),
    parameters: optionalSchema(body, "parameters", path),
    strict: optionalBoolean(body, "strict", path),
    cache: readCacheMark(tool),
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
  if (choice === "auto" || choice === "none" || choice === "required") return { type: choice };
  // Mistral's word for `required`.
  if (choice === "any") return { type: "required" };
  if (isObject(choice)) {
    if (choice["type"] === "allowed_tools") return parseAllowed(readObject(choice["allowed_tools"], "tool_choice.allowed_tools"));
    if (choice["type"] === "function" || choice["type"] === "custom") return { type: "named", name: nameOf(choice, "tool_choice") };
  }
  throw invalidField("tool_choice", "auto, none, required, a function, a custom tool or allowed_tools");
}

function parseAllowed(allowed: WireObject): ToolChoice {
  const path = "tool_choice.allowed_tools";
  const mode = requiredString(allowed, "mode", path);
  if (mode !== "auto" && mode !== "required") throw invalidField(join(path, "mode"), "auto or required");
  const tools = readArray(allowed["tools"], join(path, "tools"));
  return {
    type: "allowed",
    names: tools.map((tool, index) => nameOf(readObject(tool, join(join(path, "tools"), index)), join(join(path, "tools"), index))),
    required: mode === "required",
  };
}

/** The name in `{"type":"function","function":{"name":…}}` or `{"type":"custom","custom":{"name":…}}`. */
function nameOf(tool: WireObject, path: string): string {
  const key = tool["type"] === "custom" ? "custom" : "function";
  return requiredString(readObject(tool[key], join(path, key)), "name", join(path, key));
}
