import type { JsonSchema } from "../../ir/index.ts";
import { define, isObject, type WireObject } from "./fields.ts";

/** The part of JSON Schema that a provider accepts. */
export interface SchemaSupport {
  /** Whether a plain keyword is kept; structure (`properties`, `items`, `anyOf`, …) always is. */
  readonly keeps: (key: string, value: unknown) => boolean;
  /** Every object must have `additionalProperties: false`. */
  readonly closedObjects?: boolean;
  /** `const`, `allOf`, `definitions`, `nullable` and keywords beside a `$ref` are expressed by `enum`, one object, `$defs`, a type and `anyOf`. */
  readonly narrow?: boolean;
}

export interface LoweredSchema {
  readonly schema: WireObject;
  /** Keywords whose meaning is in a description now, each once. */
  readonly described: readonly string[];
}

const mapKeywords: ReadonlySet<string> = new Set(["properties", "$defs", "definitions"]);
const schemaKeywords: ReadonlySet<string> = new Set(["items", "prefixItems", "anyOf", "oneOf", "allOf", "additionalProperties"]);
/** Keywords that mean nothing to the model. */
const silent: ReadonlySet<string> = new Set(["$schema", "$comment", "$id", "encrypted", "eager_input_streaming", "strict", "nullable"]);

/**
 * Lowers a JSON Schema to what a provider accepts. A constraint that the provider does not accept is appended in words to the description of its
 * schema, so that the model still knows it. Data in the schema (`enum`, `const`, `default`) is not touched.
 */
export function lowerSchema(schema: JsonSchema, support: SchemaSupport): LoweredSchema {
  const described = new Set<string>();
  const lowered = lower(schema, support, described);
  return { schema: lowered, described: [...described] };
}

function lower(value: unknown, support: SchemaSupport, described: Set<string>): WireObject {
  // `true` and `false` as the schema of a value become "any value"; "no value" cannot be expressed.
  if (!isObject(value)) return {};
  const schema = support.narrow === true ? narrow(value) : value;
  const out: Record<string, unknown> = {};
  let words = "";
  const describe = (key: string, inner: unknown): void => {
    words += `${words === "" ? "" : ", "}${key}: ${JSON.stringify(inner)}`;
    described.add(key);
  };
  for (const key of Object.keys(schema)) {
    const inner = schema[key];
    if (silent.has(key) || key === "description") continue;
    if (mapKeywords.has(key) && isObject(inner)) {
      define(out, key, lowerAll(inner, support, described));
    } else if (key === "additionalProperties") {
      if (support.closedObjects === true) {
        if (inner !== false) describe(key, inner);
      } else define(out, key, typeof inner === "boolean" ? inner : lower(inner, support, described));
    } else if (schemaKeywords.has(key) && (key !== "allOf" || support.narrow !== true)) {
      define(out, key, Array.isArray(inner) ? inner.map((each) => lower(each, support, described)) : lower(inner, support, described));
    } else if (support.keeps(key, inner)) define(out, key, inner);
    else describe(key, inner);
  }
  if (support.closedObjects === true && (out["type"] === "object" || isObject(out["properties"]))) out["additionalProperties"] = false;
  const { description } = schema as Record<string, unknown>;
  if (typeof description === "string") out["description"] = words === "" ? description : `${description} (${words})`;
  else if (words !== "") out["description"] = `(${words})`;
  return out;
}

function lowerAll(schemas: WireObject, support: SchemaSupport, described: Set<string>): WireObject {
  const out: Record<string, unknown> = {};
  for (const name of Object.keys(schemas)) define(out, name, lower(schemas[name], support, described));
  return out;
}

function narrow(schema: WireObject): WireObject {
  let out = schema;
  const { const: constant, allOf, definitions, nullable, type, $ref: ref } = out as Record<string, unknown>;
  if ((typeof constant === "string" || typeof constant === "number") && out["enum"] === undefined)
    out = { ...without(out, "const"), enum: [constant] };
  if (Array.isArray(allOf)) out = mergeAllOf(out, allOf);
  if (isObject(definitions) && out["$defs"] === undefined) out = { ...without(out, "definitions"), $defs: definitions };
  if (nullable === true && typeof type === "string" && type !== "null") out = { ...out, type: [type, "null"] };
  if (typeof ref !== "string") return out;
  const target = ref.replace(/^#\/definitions\//, "#/$defs/");
  if (Object.keys(out).length === 1) return target === ref ? out : { $ref: target };
  const rest = without(out, "$ref");
  return Object.keys(rest).every((key) => key.startsWith("$")) ? { ...rest, $ref: target } : { ...rest, anyOf: [{ $ref: target }] };
}

/** Merges the schemas of an `allOf` to one object, if no keyword but `properties` and `required` is in two of them. */
function mergeAllOf(schema: WireObject, branches: readonly unknown[]): WireObject {
  const merged: Record<string, unknown> = { ...without(schema, "allOf") };
  // Each branch is read once, for any number of branches: the result is copied once, and what must be equal is printed once.
  const properties: Record<string, unknown> = {};
  const required = new Set<unknown>();
  const texts = new Map<string, string>();
  for (const branch of branches) {
    if (!isObject(branch) || branch["$ref"] !== undefined) return schema;
    for (const [key, value] of Object.entries(branch)) {
      const known = merged[key];
      if (known === undefined) define(merged, key, value);
      else if (key === "properties" && isObject(known) && isObject(value)) {
        if (known !== properties) copyFields(known, properties);
        copyFields(value, properties);
        merged[key] = properties;
      } else if (key === "required" && Array.isArray(known) && Array.isArray(value)) {
        if (required.size === 0) for (const name of known) required.add(name);
        for (const name of value) required.add(name);
      } else {
        const text = texts.get(key) ?? JSON.stringify(known);
        texts.set(key, text);
        if (text !== JSON.stringify(value)) return schema;
      }
    }
  }
  if (required.size > 0) merged["required"] = [...required];
  return merged;
}

function copyFields(from: WireObject, to: Record<string, unknown>): void {
  for (const key of Object.keys(from)) define(to, key, from[key]);
}

function without(schema: WireObject, key: string): WireObject {
  return Object.fromEntries(Object.entries(schema).filter(([each]) => each !== key));
}
