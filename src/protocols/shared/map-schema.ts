import { define, isObject, mapFields, type WireObject } from "./fields.ts";

/** Keywords whose value is not a schema and contains none. */
const literals: ReadonlySet<string> = new Set(["enum", "const", "default", "examples", "example", "required", "dependentRequired"]);

/** Keywords whose value is an object of schemas by name. */
export const namedSchemas: ReadonlySet<string> = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

/**
 * Returns a schema with `change` applied to each schema in it, the inner ones first. Whatever does not change is not copied: an agent sends all its
 * schemas with every request.
 */
export function mapSchemas(schema: WireObject, change: (schema: WireObject) => WireObject): WireObject {
  let out: Record<string, unknown> | undefined;
  for (const key in schema) {
    const value = schema[key];
    if (typeof value !== "object" || value === null || literals.has(key)) continue;
    const mapped = mapValue(value, key, change);
    if (mapped !== value) define((out ??= { ...schema }), key, mapped);
  }
  return change(out ?? schema);
}

function mapValue(value: object, key: string, change: (schema: WireObject) => WireObject): unknown {
  if (Array.isArray(value)) {
    const items = value.map((each: unknown) => mapSchema(each, change));
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  return isObject(value) && namedSchemas.has(key) ? mapFields(value, (each) => mapSchema(each, change)) : mapSchema(value, change);
}

function mapSchema(value: unknown, change: (schema: WireObject) => WireObject): unknown {
  return isObject(value) ? mapSchemas(value, change) : value;
}
