import { define, isObject, mapFields, type WireObject } from "./fields.ts";
import { mapSchemas } from "./map-schema.ts";

/**
 * Repairs what is not JSON Schema (draft 2020-12) in a schema, as tool servers write it: vendors validate all tools, and refuse the whole request for one
 * of them ("JSON schema is invalid. It must match JSON Schema draft 2020-12"; "'' is not valid under any of the given schemas"; "enum value 1 does not
 * validate against {'type': 'string'}"). A valid schema is not copied.
 */
export function repairSchema(schema: WireObject): WireObject {
  return mapSchemas(schema, repairOne);
}

const typeNames: ReadonlySet<unknown> = new Set(["string", "number", "integer", "boolean", "array", "object", "null"]);
/** Other languages' names of types. */
const typeAliases: Readonly<Record<string, string>> = {
  str: "string",
  text: "string",
  int: "integer",
  long: "integer",
  float: "number",
  double: "number",
  decimal: "number",
  bool: "boolean",
  list: "array",
  tuple: "array",
  dict: "object",
  map: "object",
  none: "null",
};
/** Keywords that may have any value, `null` as well. */
const anyValue: ReadonlySet<string> = new Set(["default", "const", "example"]);

function repairOne(schema: WireObject): WireObject {
  let out: Record<string, unknown> | undefined;
  for (const key in schema) {
    const value = schema[key];
    const repaired = anyValue.has(key) ? value : repairKeyword(key, value, schema);
    if (repaired === value) continue;
    out ??= { ...schema };
    if (repaired === undefined) delete out[key];
    else define(out, key, repaired);
  }
  const valid = out ?? schema;
  const hasFlags = typeof valid["exclusiveMinimum"] === "boolean" || typeof valid["exclusiveMaximum"] === "boolean";
  const bounded = hasFlags ? numericBounds(valid) : valid;
  const listed = Array.isArray(bounded["items"]) ? tupleItems(bounded) : bounded;
  return listed["enum"] === undefined ? listed : fitEnum(listed);
}

/** The value of a keyword in a form that is valid; `undefined` if there is none. */
function repairKeyword(key: string, value: unknown, schema: WireObject): unknown {
  if (value === null) return undefined;
  switch (key) {
    case "type":
      return repairType(value);
    case "required":
      // Draft 3 marked the property itself.
      return Array.isArray(value) ? value : undefined;
    case "enum":
      return Array.isArray(value) && value.length > 0 ? value : undefined;
    case "description":
    case "title":
      return typeof value === "string" ? value : undefined;
    case "properties":
    case "patternProperties":
    case "$defs":
    case "definitions":
    case "dependentSchemas":
      return isObject(value) ? mapFields(value, (each) => (each === true ? {} : each)) : undefined;
    case "items":
      return value === true || (Array.isArray(value) && value.length === 0) ? {} : value;
    case "minimum":
    case "maximum":
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      return typeof value === "number" || typeof value === "boolean" ? value : boundOf(value, schema);
    default:
      return value;
  }
}

function repairType(type: unknown): unknown {
  if (typeNames.has(type)) return type;
  if (typeof type === "string") return nameOfType(type);
  if (!Array.isArray(type)) return undefined;
  if (type.length > 1 && type.every((each) => typeNames.has(each)) && new Set(type).size === type.length) return type;
  const names = [...new Set(type.map((each) => (typeof each === "string" ? nameOfType(each) : undefined)))];
  const known = names.filter((each) => each !== undefined);
  // Without one of its types, the schema would refuse what it allows.
  if (known.length === 0 || known.length < names.length) return undefined;
  return known.length === 1 ? known[0] : known;
}

function nameOfType(type: string): string | undefined {
  const lower = type.toLowerCase();
  if (typeNames.has(lower)) return lower;
  return Object.hasOwn(typeAliases, lower) ? typeAliases[lower] : undefined;
}

/** A bound that is written as a text. */
function boundOf(value: unknown, { type }: WireObject): unknown {
  const isNumber = typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value));
  return isNumber && (type === "number" || type === "integer") ? Number(value) : undefined;
}

/** Draft 4: `exclusiveMinimum: true` says how `minimum` is meant. */
function numericBounds(schema: WireObject): WireObject {
  let out = schema;
  for (const [exclusive, bound] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    const isExclusive = out[exclusive];
    if (typeof isExclusive !== "boolean") continue;
    const { [exclusive]: _, [bound]: limit, ...rest } = out;
    out = limit === undefined ? rest : { ...rest, [isExclusive ? exclusive : bound]: limit };
  }
  return out;
}

/** Draft 7: a list under `items` is a tuple. */
function tupleItems(schema: WireObject): WireObject {
  const { items, additionalItems, ...rest } = schema;
  return { ...rest, prefixItems: items, ...(additionalItems === undefined ? {} : { items: additionalItems }) };
}

/** The values of an `enum` in the type that the schema has beside it. */
function fitEnum(schema: WireObject): WireObject {
  const { enum: values, type } = schema;
  if (!Array.isArray(values) || typeof type !== "string") return schema;
  const fitted = values.map((value: unknown) => valueOfType(value, type));
  const nullable = type !== "null" && fitted.includes(null) ? { type: [type, "null"] } : {};
  const isChanged = fitted.some((value, index) => value !== values[index]) || nullable.type !== undefined;
  return isChanged ? { ...schema, ...nullable, enum: [...new Set(fitted)] } : schema;
}

function valueOfType(value: unknown, type: string): unknown {
  if (type === "string" && (typeof value === "number" || typeof value === "boolean")) return String(value);
  if ((type === "number" || type === "integer") && typeof value === "string" && value.trim() !== "") {
    const number = Number(value);
    return Number.isFinite(number) ? number : value;
  }
  return value;
}
