import type { FunctionTool, JsonSchema, Tool, ToolChoice } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { readForeignTool } from "../shared/foreign-tools.ts";
import {
  extensionsOf,
  foreignFields,
  invalidField,
  join,
  optionalArray,
  optionalObject,
  optionalString,
  optionalStrings,
  readObject,
  requiredString,
} from "./fields.ts";
import { lowerTypes, schemaOfOpenApi } from "./schema.ts";

/** `parameters` is kept in the extensions as well, as the neutral schema does not keep the vendor's spelling. */
const knownDeclaration: ReadonlySet<string> = new Set(["name", "description", "parametersJsonSchema"]);
const knownCalling: ReadonlySet<string> = new Set(["mode", "allowedFunctionNames"]);

/**
 * Parses `tools`: `{"functionDeclarations":[…]}` are functions; every other key (`googleSearch`, `codeExecution`, …) is a tool that the vendor runs.
 */
export function parseTools(wire: readonly unknown[] | undefined, path: string): readonly Tool[] | undefined {
  return wire?.flatMap((value, index) => {
    const at = join(path, index);
    const foreign = isObject(value) && isForeign(value) ? readForeignTool(value, at, foreignFields) : undefined;
    if (foreign !== undefined) return foreign;
    const tool = readObject(value, at);
    return Object.entries(tool).flatMap(([key, field]): readonly Tool[] => {
      if (isAbsent(field)) return [];
      if (key !== "functionDeclarations") return [{ type: "server", name: key, protocol: "gemini-generate", wire: { [key]: field } }];
      const declarations = optionalArray(tool, key, at) ?? [];
      return declarations.map((declaration, n) => parseDeclaration(declaration, join(join(at, key), n)));
    });
  });
}

/** Whether a tool has the shape of another dialect: it has a type, a name, or an object `function`. */
function isForeign(tool: WireObject): boolean {
  return typeof tool["type"] === "string" || typeof tool["name"] === "string" || isObject(tool["function"]);
}

function parseDeclaration(value: unknown, path: string): FunctionTool {
  const declaration = readObject(value, path);
  return compact({
    type: "function" as const,
    name: requiredString(declaration, "name", path),
    description: optionalString(declaration, "description", path),
    parameters: parseParameters(declaration, path),
    extensions: extensionsOf(restOf(declaration, knownDeclaration)),
  });
}

function parseParameters(declaration: WireObject, path: string): JsonSchema | undefined {
  const jsonSchema = readSchema(declaration, "parametersJsonSchema", path);
  if (jsonSchema !== undefined) return lowerTypes(jsonSchema);
  const schema = readSchema(declaration, "parameters", path);
  return schema === undefined ? undefined : schemaOfOpenApi(schema);
}

function readSchema(declaration: WireObject, key: string, path: string): JsonSchema | undefined {
  const schema = declaration[key];
  if (isAbsent(schema)) return undefined;
  if (!isObject(schema) && typeof schema !== "boolean") throw invalidField(join(path, key), "a schema");
  return schema;
}

const knownToolConfig: ReadonlySet<string> = new Set(["functionCallingConfig"]);

/** Parses `toolConfig`: `{"functionCallingConfig":{"mode":"AUTO"|"ANY"|"NONE"|"VALIDATED","allowedFunctionNames"},…}`; `rest` has no neutral name. */
export function parseToolConfig(
  config: WireObject | undefined,
  path: string,
): { readonly choice: ToolChoice | undefined; readonly rest: WireObject | undefined } | undefined {
  if (config === undefined) return undefined;
  const at = join(path, "functionCallingConfig");
  const calling = optionalObject(config, "functionCallingConfig", path);
  const mode = calling === undefined ? undefined : optionalString(calling, "mode", at)?.toUpperCase();
  // `VALIDATED` is `AUTO` with a promise that calls fit their schemas: the choice is the same, and `rest` keeps the promise.
  const kept = calling === undefined ? undefined : restOf(calling, mode === "VALIDATED" ? new Set(["allowedFunctionNames"]) : knownCalling);
  return {
    choice: calling === undefined ? undefined : parseChoice(mode, optionalStrings(calling, "allowedFunctionNames", at), at),
    rest: restOf(config, knownToolConfig, { functionCallingConfig: kept }),
  };
}

function parseChoice(mode: string | undefined, names: readonly string[] | undefined, path: string): ToolChoice | undefined {
  const allowed = names === undefined || names.length === 0 ? undefined : names;
  switch (mode) {
    case "NONE":
      return { type: "none" };
    case "ANY":
      if (allowed === undefined) return { type: "required" };
      return allowed.length === 1 ? { type: "named", name: allowed[0]! } : { type: "allowed", names: allowed, required: true };
    case "AUTO":
    case "VALIDATED":
    case "MODE_UNSPECIFIED":
      return allowed === undefined ? { type: "auto" } : { type: "allowed", names: allowed, required: false };
    case undefined:
      return allowed === undefined ? undefined : { type: "allowed", names: allowed, required: false };
    default:
      throw invalidField(join(path, "mode"), '"AUTO", "ANY", "NONE" or "VALIDATED"');
  }
}
