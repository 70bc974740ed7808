import { createFieldReaders, isAbsent, isObject, type FieldReaders, type WireObject } from "../shared/fields.ts";

/** The readers of the OpenAI dialects. They name a field as the vendor's own messages do: `Invalid value for "messages[0].content": …`. */
export const fields: FieldReaders = createFieldReaders({
  message: (path, expected) => `Invalid value for "${path}": expected ${expected}.`,
  element: (path, index) => `${path}[${index}]`,
});

export const {
  invalidField,
  join,
  readObject,
  readArray,
  optionalStrings,
  requiredString,
  optionalString,
  optionalNumber,
  optionalBoolean,
  optionalObject,
  optionalArray,
} = fields;

/** A JSON Schema: an object, or one of the two boolean schemas. */
export function optionalSchema(object: WireObject, key: string, path: string): WireObject | boolean | undefined {
  const value = object[key];
  if (isAbsent(value)) return undefined;
  if (!isObject(value) && typeof value !== "boolean") throw invalidField(join(path, key), "a JSON Schema");
  return value;
}

/** Reads `metadata`: names and their texts. */
export function optionalTexts(object: WireObject, key: string, path: string): Readonly<Record<string, string>> | undefined {
  const value = optionalObject(object, key, path);
  if (value === undefined) return undefined;
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string") throw invalidField(join(join(path, key), name), "a string");
  }
  return value as Readonly<Record<string, string>>;
}
