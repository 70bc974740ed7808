import type { JsonSchema } from "../../ir/index.ts";
import { isObject, mapFields, restOf, type WireObject } from "../shared/fields.ts";

/** OpenAI refuses these at the top of a function's schema ("schema must have type 'object' and not have …", November 2026). */
const refusedAtRoot = ["oneOf", "anyOf", "allOf", "enum", "not"] as const;

export interface LoweredSchema {
  readonly schema: WireObject;
  /** What was removed, as JSON for a description; "" if nothing was. */
  readonly note: string;
}

/** Lowers a function's schema to what OpenAI accepts: an object at the top, without combinations there. */
export function lowerParameters(parameters: JsonSchema): LoweredSchema {
  if (!isObject(parameters)) return { schema: { type: "object", properties: {} }, note: "" };
  const refused = refusedAtRoot.filter((key) => parameters[key] !== undefined);
  const kept = refused.length === 0 ? completeArrays(parameters) : (restOf(completeArrays(parameters), new Set(refused)) ?? {});
  const schema = kept["type"] === "object" || kept["$ref"] !== undefined ? kept : { ...kept, type: "object" };
  if (refused.length === 0) return { schema, note: "" };
  const note = Object.fromEntries(refused.map((key) => [key, parameters[key]]));
  // Without its branches, the schema must not forbid the properties that they would have named.
  const { additionalProperties: _closed, ...open } = schema;
  return { schema: { properties: {}, ...open }, note: `The arguments must also fit this JSON Schema: ${JSON.stringify(note)}` };
}

/** Keywords whose value is not a schema and contains none. */
const literals: ReadonlySet<string> = new Set(["enum", "const", "default", "examples", "required"]);

/** Keywords whose value is an object of schemas by name. */
const named: ReadonlySet<string> = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

/**
 * Returns the schema with `items` on every array, as OpenAI refuses an array without ("array schema missing items", even if the schema is not
 * strict); `{}` allows any item. A complete schema is not copied: an agent sends all its schemas with every request.
 */
export function completeArrays(schema: WireObject): WireObject {
  const inner = mapFields(schema, completeIn);
  return hasType(schema, "array") && inner["items"] === undefined && inner["prefixItems"] === undefined ? { ...inner, items: {} } : inner;
}

function completeIn(value: unknown, key: string): unknown {
  if (typeof value !== "object" || literals.has(key)) return value;
  if (Array.isArray(value)) {
    const items = value.map(completeSchema);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  return isObject(value) && named.has(key) ? mapFields(value, completeSchema) : completeSchema(value);
}

function completeSchema(value: unknown): unknown {
  return isObject(value) ? completeArrays(value) : value;
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
  return isObject(schema) && schema["type"] === "object" && refusedAtRoot.every((key) => schema[key] === undefined) && isStrict(schema);
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
