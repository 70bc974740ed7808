/** Any JSON value, as `JSON.parse` gives it. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
/** A JSON object with unknown keys. */
export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/** The value as an object; an empty object if it is not one. The test bed reads leniently and validates separately. */
export function asObject(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** The value as an array; empty if it is not one. */
export function asArray(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

/** The value as a string, or undefined. */
export function asString(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The objects of an array; other elements are left out. */
export function asObjects(value: JsonValue | undefined): readonly JsonObject[] {
  return asArray(value).filter(isObject);
}

/** Tells a JSON object from arrays, null and scalars. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
