import { isObject, type WireObject } from "../shared/fields.ts";
import { lowerSchema, type SchemaSupport } from "../shared/lower-schema.ts";
import { mapSchemas, namedSchemas } from "../shared/map-schema.ts";

/** Plain keywords of a strict function's schema (OpenAI's guide to structured outputs, "Supported schemas", November 2026). */
const keptWords: ReadonlySet<string> = new Set([
  "type",
  "title",
  "enum",
  "const",
  "required",
  "pattern",
  "format",
  "minLength",
  "maxLength",
  "multipleOf",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minItems",
  "maxItems",
  "$ref",
]);

const support: SchemaSupport = { narrow: true, keeps: (key) => keptWords.has(key) };

/**
 * The schema of a strict function: what OpenAI refuses there ("'default' is not permitted", "'allOf' is not permitted", "'oneOf' is not permitted") is
 * said in another way, or in a description (`described`: those keywords).
 */
export function lowerStrict(schema: WireObject): { readonly schema: WireObject; readonly described: readonly string[] } {
  return lowerSchema(mapSchemas(schema, withAnyOf), support);
}

function withAnyOf(schema: WireObject): WireObject {
  const { oneOf, ...rest } = schema;
  return oneOf === undefined || rest["anyOf"] !== undefined ? schema : { ...rest, anyOf: oneOf };
}

/** The limits of a strict schema (the same guide): all properties, levels, letters of names and values, values of all `enum`s, letters of a long one. */
const limits = { properties: 5000, levels: 10, letters: 120_000, values: 1000, longEnum: 250, lettersOfLongEnum: 15_000 };

/** Whether a strict schema is within the vendor's limits of size. */
export function isWithinStrictLimits(schema: unknown): boolean {
  const size = { properties: 0, letters: 0, values: 0, isLongEnumTooLong: false };
  const isShallow = measure(schema, 1, size);
  const { properties, letters, values, isLongEnumTooLong } = size;
  return isShallow && !isLongEnumTooLong && properties <= limits.properties && letters <= limits.letters && values <= limits.values;
}

interface Size {
  properties: number;
  letters: number;
  values: number;
  isLongEnumTooLong: boolean;
}

/** Adds up the size of a schema; `false` if it is too deep. */
function measure(schema: unknown, level: number, size: Size): boolean {
  if (Array.isArray(schema)) return schema.every((each) => measure(each, level, size));
  if (!isObject(schema)) return true;
  if (level > limits.levels) return false;
  if (Array.isArray(schema["enum"])) measureEnum(schema["enum"], size);
  if (typeof schema["const"] === "string") size.letters += schema["const"].length;
  return Object.entries(schema).every(([key, value]) => {
    if (key === "enum" || key === "const" || key === "default") return true;
    if (!namedSchemas.has(key) || !isObject(value)) return measure(value, key === "items" ? level + 1 : level, size);
    const names = Object.keys(value);
    size.letters += names.reduce((sum, name) => sum + name.length, 0);
    if (key === "properties") size.properties += names.length;
    return measure(Object.values(value), key === "properties" ? level + 1 : level, size);
  });
}

function measureEnum(values: readonly unknown[], size: Size): void {
  const letters = values.reduce((sum: number, value) => sum + (typeof value === "string" ? value.length : 0), 0);
  size.values += values.length;
  size.letters += letters;
  if (values.length > limits.longEnum && letters > limits.lettersOfLongEnum) size.isLongEnumTooLong = true;
}
