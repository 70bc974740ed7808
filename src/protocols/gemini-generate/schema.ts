import type { JsonSchema } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { camelCase } from "./fields.ts";

const typeNames: Readonly<Record<string, string>> = {
  STRING: "string",
  NUMBER: "number",
  INTEGER: "integer",
  BOOLEAN: "boolean",
  ARRAY: "array",
  OBJECT: "object",
  NULL: "null",
};

const mapKeywords: ReadonlySet<string> = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);
const schemaKeywords: ReadonlySet<string> = new Set([
  "items",
  "prefixItems",
  "additionalItems",
  "additionalProperties",
  "unevaluatedItems",
  "unevaluatedProperties",
  "contains",
  "propertyNames",
  "not",
  "if",
  "then",
  "else",
  "anyOf",
  "oneOf",
  "allOf",
]);
/** These are `int64` in the vendor's type, which its JSON writes as decimal text. */
const countKeywords: ReadonlySet<string> = new Set(["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"]);

/**
 * Returns a JSON Schema (`parametersJsonSchema`, `responseJsonSchema`) with type names in lower case: some clients write `OBJECT` for `object`, as in
 * the vendor's own type. Nothing else changes, and data inside the schema (`enum`, `default`, `const`) is not touched.
 */
export function lowerTypes(schema: JsonSchema): JsonSchema {
  return typeof schema === "boolean"
    ? schema
    : mapSchema(schema, (key, value) => [[key, key === "type" ? lowerType(value) : value]], lowerTypes);
}

/**
 * Turns the vendor's `Schema` (`parameters`, `responseSchema`; a subset of OpenAPI 3.0) into JSON Schema: types in lower case, `nullable` as a type,
 * counts as numbers, `example` as `examples`, properties in the order of `propertyOrdering`. Keys may be in snake_case.
 */
export function schemaOfOpenApi(schema: JsonSchema): JsonSchema {
  if (typeof schema === "boolean") return schema;
  const camel: WireObject = Object.fromEntries(Object.entries(schema).map(([key, value]) => [camelCase(key), value]));
  const converted = mapSchema(camel, convertKeyword, schemaOfOpenApi);
  const ordered = orderProperties(converted, camel["propertyOrdering"]);
  return camel["nullable"] === true ? withNull(ordered) : ordered;
}

type Entry = readonly [key: string, value: unknown];

/** Returns the schema with `keyword` applied to each plain keyword, and `inner` to each schema inside. */
function mapSchema(
  schema: WireObject,
  keyword: (key: string, value: unknown) => readonly Entry[],
  inner: (schema: JsonSchema) => JsonSchema,
): WireObject {
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]): readonly Entry[] => {
      if (mapKeywords.has(key) && isObject(value)) {
        return [[key, Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, mapInner(schema, inner)]))]];
      }
      if (schemaKeywords.has(key))
        return [[key, Array.isArray(value) ? value.map((each) => mapInner(each, inner)) : mapInner(value, inner)]];
      return keyword(key, value);
    }),
  );
}

function mapInner(value: unknown, inner: (schema: JsonSchema) => JsonSchema): unknown {
  return isObject(value) || typeof value === "boolean" ? inner(value) : value;
}

function lowerType(type: unknown): unknown {
  if (Array.isArray(type)) return type.map(lowerType);
  return typeof type === "string" ? (typeNames[type] ?? type) : type;
}

function convertKeyword(key: string, value: unknown): readonly Entry[] {
  if (key === "nullable" || key === "propertyOrdering") return [];
  if (key === "type") return value === "TYPE_UNSPECIFIED" ? [] : [[key, lowerType(value)]];
  // In the vendor's type, a string with `enum` may have the `format` `enum`, which JSON Schema does not know.
  if (key === "format" && value === "enum") return [];
  if (key === "example") return [["examples", [value]]];
  if (countKeywords.has(key) && typeof value === "string" && value.trim() !== "") return [[key, Number(value)]];
  return [[key, value]];
}

function orderProperties(schema: WireObject, ordering: unknown): WireObject {
  const { properties } = schema as { properties?: unknown };
  if (!isObject(properties) || !Array.isArray(ordering)) return schema;
  const names = Object.keys(properties);
  const first = ordering.filter((name): name is string => typeof name === "string" && Object.hasOwn(properties, name));
  const ordered = [...new Set([...first, ...names])].map((name) => [name, properties[name]]);
  return { ...schema, properties: Object.fromEntries(ordered) };
}

/** `nullable` in JSON Schema: adds the null type to the types, and the null value to the enumerated values. */
function withNull(schema: WireObject): WireObject {
  const { type, anyOf, enum: values } = schema as { type?: unknown; anyOf?: unknown; enum?: unknown };
  return {
    ...schema,
    ...(typeof type === "string" && type !== "null" ? { type: [type, "null"] } : {}),
    ...(Array.isArray(anyOf) ? { anyOf: [...(anyOf as readonly unknown[]), { type: "null" }] } : {}),
    ...(Array.isArray(values) && !values.includes(null) ? { enum: [...(values as readonly unknown[]), null] } : {}),
  };
}
