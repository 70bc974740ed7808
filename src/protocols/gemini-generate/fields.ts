import type { Extensions } from "../../ir/index.ts";
import { createFieldReaders, type FieldReaders, type WireObject } from "../shared/fields.ts";

/**
 * The readers of the dialect. They name a field as the vendor's own messages do: `Invalid value at "contents[0].parts[1].text": …`. `readObject`
 * returns the keys of a protocol object in camelCase: the API accepts `system_instruction` for `systemInstruction` too, and some SDKs send a mixture.
 * So it must not be used for data (arguments, results, schemas). A number may be its decimal text, as in the JSON form of protocol buffers.
 */
const fields: FieldReaders = createFieldReaders({
  message: (path, expected) => `Invalid value at "${path}": expected ${expected}.`,
  element: (path, index) => `${path}[${index}]`,
  spellKeys: inCamelCase,
  readNumber: (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
});

export const {
  invalidField,
  join,
  readObject,
  readArray,
  requiredString,
  optionalString,
  optionalNumber,
  optionalBoolean,
  optionalObject,
  optionalArray,
  optionalStrings,
} = fields;

/** The same for parts and tools in the shape of another dialect, whose keys stay as they are. */
export const foreignFields: FieldReaders = createFieldReaders({
  message: (path, expected) => `Invalid value at "${path}": expected ${expected}.`,
  element: (path, index) => `${path}[${index}]`,
});

/** Only the object's own keys change; if both spellings are there, camelCase wins. */
function inCamelCase(object: WireObject): WireObject {
  const keys = Object.keys(object);
  if (!keys.some((key) => key.includes("_"))) return object;
  // `fromEntries` defines its properties, so a key `__proto__` stays an ordinary key.
  return Object.fromEntries(
    [...keys.map((key) => [camelCase(key), object[key]]), ...keys.map((key) => [key, object[key]])].filter(isCamel),
  );
}

function isCamel([key]: unknown[]): boolean {
  return typeof key === "string" && camelCase(key) === key;
}

/** `system_instruction` → `systemInstruction`; a leading underscore is kept. */
export function camelCase(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
}

export function extensionsOf(own: WireObject | undefined): Extensions | undefined {
  return own === undefined || Object.keys(own).length === 0 ? undefined : { "gemini-generate": own };
}
