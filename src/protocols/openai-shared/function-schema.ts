import type { FunctionTool, JsonSchema } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { mapSchemas } from "../shared/map-schema.ts";
import type { Losses } from "../shared/losses.ts";
import { mergeBranches, withRule, type MergedSchema } from "../shared/merge-branches.ts";
import { repairSchema } from "../shared/repair-schema.ts";
import { isWithinStrictLimits, lowerStrict } from "./strict-schema.ts";

/** OpenAI refuses these at the top of a function's schema ("schema must have type 'object' and not have …", November 2026). */
const refusedAtRoot = ["oneOf", "anyOf", "allOf", "enum", "not"] as const;

/**
 * Lowers a function's schema to what OpenAI accepts: an object with properties at the top ("object schema missing properties"), without combinations
 * there, and `items` in every array.
 */
export function lowerParameters(parameters: JsonSchema): MergedSchema {
  if (!isObject(parameters)) return { schema: { type: "object", properties: {} }, rule: undefined };
  const { schema, rule } = mergeBranches(completeArrays(parameters), refusedAtRoot);
  return { schema: schema["properties"] === undefined ? { ...schema, properties: {} } : schema, rule };
}

/**
 * Returns the schema, repaired, with `items` on every array, as OpenAI refuses an array without ("array schema missing items", even if the schema is not
 * strict); `{}` allows any item. A complete schema is not copied: an agent sends all its schemas with every request.
 */
export function completeArrays(schema: WireObject): WireObject {
  return mapSchemas(repairSchema(schema), (each) =>
    hasType(each, "array") && each["items"] === undefined && each["prefixItems"] === undefined ? { ...each, items: {} } : each,
  );
}

/** A function's schema as OpenAI accepts it, and whether it may be strict. */
export interface LoweredFunction {
  /** `undefined` if the function has none. */
  readonly parameters: WireObject | undefined;
  readonly description: string | undefined;
  /** `undefined` if the client does not say. */
  readonly strict: boolean | undefined;
}

/** Lowers a function; what is said in another way, or is lost, is reported. */
export function lowerFunction(tool: Pick<FunctionTool, "parameters" | "description" | "strict">, losses: Losses): LoweredFunction {
  const { parameters, description } = tool;
  const { schema, rule } = lowerParameters(parameters ?? {});
  if (rule !== undefined)
    losses.emulate("tools[].parameters", "What the provider refuses at the top of a schema is in the description instead.");
  const strict = tool.strict === true && rule === undefined ? strictForm(schema, losses) : undefined;
  if (tool.strict === true && strict === undefined) losses.drop("tools[].strict", "The schema does not meet the provider's terms for it.");
  return {
    parameters: parameters === undefined ? undefined : (strict ?? schema),
    description: withRule(description, rule),
    strict: tool.strict === undefined ? undefined : strict !== undefined,
  };
}

/** The schema in the form that OpenAI accepts as strict; `undefined` if there is none. */
function strictForm(schema: WireObject, losses: Losses): WireObject | undefined {
  const { schema: lowered, described } = lowerStrict(schema);
  if (!fitsStrict(lowered) || !isWithinStrictLimits(lowered)) return undefined;
  if (described.length > 0)
    losses.emulate("tools[].parameters", `The provider does not enforce ${described.join(", ")}: the description says it.`);
  return lowered;
}

/**
 * Whether a schema meets OpenAI's terms for `strict`: every object is closed and requires all its properties (guide to structured outputs, November
 * 2026).
 */
export function fitsStrict(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(fitsStrict);
  if (!isObject(schema)) return true;
  const properties = schema["properties"];
  if (schema["type"] === "object" || isObject(properties)) {
    const required = schema["required"];
    const names = isObject(properties) ? Object.keys(properties) : [];
    if (schema["additionalProperties"] !== false || !Array.isArray(required) || !names.every((name) => required.includes(name)))
      return false;
  }
  return Object.entries(schema).every(([key, value]) => {
    if (key === "properties" || key === "$defs" || key === "definitions") return isObject(value) && Object.values(value).every(fitsStrict);
    return key === "enum" || key === "const" || key === "default" || key === "examples" || fitsStrict(value);
  });
}

/**
 * The keywords of a strict schema that all of OpenAI's servers accept. Keywords that narrow a value (`pattern`, `format`, `minimum`, `minItems`, …)
 * are not among them: fine-tuned models and Azure refuse them, and all refuse `default` ("'default' is not permitted"). Sources: OpenAI's guide to
 * structured outputs, "Supported schemas"; learn.microsoft.com, "Structured outputs", "Unsupported type-specific keywords"; `$schema`: as
 * `zodResponseFormat` of the npm package `openai` 7.57 sends it. November 2026.
 */
const strictWords: ReadonlySet<string> = new Set([
  "$schema",
  "title",
  "description",
  "type",
  "enum",
  "const",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "anyOf",
  "$defs",
  "definitions",
]);

/** Whether the schema of an answer may be strict: it is an object at the top, and OpenAI refuses nothing in it. */
export function fitsStrictFormat(schema: JsonSchema): boolean {
  return (
    isObject(schema) &&
    schema["type"] === "object" &&
    refusedAtRoot.every((key) => schema[key] === undefined) &&
    isStrict(schema) &&
    isWithinStrictLimits(schema)
  );
}

/**
 * Whether a part has a type, or alternatives, or a reference, but no two of them ("schema must have a 'type' key", "$ref cannot have keywords …").
 */
function isStrict(schema: unknown): boolean {
  if (!isObject(schema)) return false;
  const { $ref: ref, type, anyOf, items } = schema;
  if (ref !== undefined) return typeof ref === "string" && ref.startsWith("#") && Object.keys(schema).length === 1;
  if ((type === undefined) === (anyOf === undefined) || !Object.keys(schema).every((key) => strictWords.has(key))) return false;
  if (hasType(schema, "object") && !isClosed(schema)) return false;
  const parts = [
    ...["properties", "$defs", "definitions"].flatMap((key) => (isObject(schema[key]) ? Object.values(schema[key]) : [])),
    ...(Array.isArray(anyOf) ? anyOf : []),
    ...(hasType(schema, "array") || items !== undefined ? [items] : []),
  ];
  return parts.every(isStrict);
}

/** Whether an object allows only its own properties, and requires all of them. */
function isClosed({ properties, required, additionalProperties }: WireObject): boolean {
  const names = new Set(isObject(properties) ? Object.keys(properties) : []);
  return additionalProperties === false && Array.isArray(required) && names.symmetricDifference(new Set(required)).size === 0;
}

function hasType({ type }: WireObject, name: string): boolean {
  return type === name || (Array.isArray(type) && type.includes(name));
}
