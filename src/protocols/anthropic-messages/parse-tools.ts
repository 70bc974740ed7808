import type { CacheHint, Tool, ToolChoice } from "../../ir/index.ts";
import { compact, isAbsent, restOf, type WireObject } from "../shared/fields.ts";
import { readForeignChoice, readForeignTool } from "../shared/foreign-tools.ts";
import {
  extensionsOf,
  fields,
  invalidField,
  join,
  optionalArray,
  optionalBoolean,
  optionalObject,
  optionalString,
  readObject,
  requiredString,
} from "./fields.ts";

const knownToolFields: ReadonlySet<string> = new Set(["type", "name", "description", "input_schema", "strict", "cache_control"]);

/**
 * Parses `tools`: `{"name","description","input_schema",…}` is a function. A tool with a type of its own (`web_search_20250305`, `bash_20250124`, …)
 * has a schema that only the vendor knows, so it keeps its wire form.
 */
export function parseTools(body: WireObject): readonly Tool[] | undefined {
  return optionalArray(body, "tools", "")?.flatMap((value, index): Tool | readonly Tool[] => {
    const path = join("tools", index);
    const tool = readObject(value, path);
    const foreign = isForeign(tool) ? readForeignTool(tool, path, fields) : undefined;
    if (foreign !== undefined) return foreign;
    const type = optionalString(tool, "type", path);
    return type === undefined || type === "custom" ? parseFunctionTool(tool, path) : parseServerTool(tool, type, path);
  });
}

/** Whether a tool has the shape of another dialect: a `function` or a `custom` object, a schema under another name, a type without a date. */
function isForeign(tool: WireObject): boolean {
  const { type } = tool as { type?: unknown };
  if (type === undefined || type === "custom")
    return tool["input_schema"] === undefined && foreignKeys.some((key) => tool[key] !== undefined);
  return type === "function" || (typeof type === "string" && tool["name"] === undefined);
}

const foreignKeys = ["function", "custom", "parameters", "inputSchema", "functionDeclarations"] as const;

function parseFunctionTool(tool: WireObject, path: string): Tool {
  return compact({
    type: "function" as const,
    name: requiredString(tool, "name", path),
    description: optionalString(tool, "description", path),
    parameters: readObject(tool["input_schema"], join(path, "input_schema")),
    strict: optionalBoolean(tool, "strict", path),
    cache: parseCache(tool, path),
    extensions: extensionsOf(restOf(tool, knownToolFields)),
  });
}

/** A toolset has no name: its type is used as the name. */
function parseServerTool(tool: WireObject, type: string, path: string): Tool {
  return { type: "server", name: optionalString(tool, "name", path) ?? type, protocol: "anthropic-messages", wire: tool };
}

/**
 * Parses `tool_choice`: `{"type":"auto"|"any"|"none"}` or `{"type":"tool","name"}`. `disable_parallel_tool_use` is the negation of the neutral field.
 */
export function parseToolChoice(body: WireObject): { readonly choice: ToolChoice; readonly parallel: boolean | undefined } | undefined {
  const foreign = readForeignChoice(body["tool_choice"]);
  if (foreign !== undefined) return { choice: foreign.choice, parallel: foreign.parallel };
  const wire = optionalObject(body, "tool_choice", "");
  if (wire === undefined) return undefined;
  const disabled = optionalBoolean(wire, "disable_parallel_tool_use", "tool_choice");
  return { choice: parseChoice(wire), parallel: disabled === undefined ? undefined : !disabled };
}

function parseChoice(wire: WireObject): ToolChoice {
  switch (wire["type"]) {
    case "auto":
      return { type: "auto" };
    case "any":
      return { type: "required" };
    case "none":
      return { type: "none" };
    case "tool":
      return { type: "named", name: requiredString(wire, "name", "tool_choice") };
    default:
      throw invalidField("tool_choice.type", '"auto", "any", "tool" or "none"');
  }
}

/** Parses `cache_control` of a block or a tool: `{"type":"ephemeral","ttl":"5m"|"1h"}`. */
export function parseCache(object: WireObject, path: string): CacheHint | undefined {
  const control = optionalObject(object, "cache_control", path);
  if (control === undefined) return undefined;
  const ttl = control["ttl"];
  if (isAbsent(ttl)) return {};
  if (ttl !== "5m" && ttl !== "1h") throw invalidField(join(path, "cache_control.ttl"), '"5m" or "1h"');
  return { ttl };
}
