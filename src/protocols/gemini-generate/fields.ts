import type { Extensions } from "../../ir/index.ts";
import { createFieldReaders, type WireObject } from "../shared/fields.ts";

/**
 * The readers of the dialect. They name a field as the vendor's own messages do: `Invalid value at "contents[0].parts[1].text": …`. `readObject`
 * returns the keys of a protocol object in camelCase: the API accepts `system_instruction` for `systemInstruction` too, and some SDKs send a mixture.
 * So it must not be used for data (arguments, results, schemas). A number may be its decimal text, as in the JSON form of protocol buffers.
 */
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
} = createFieldReaders({
  message: (path, expected) => `Invalid value at "${path}": expected ${expected}.`,
  element: (path, index) => `${path}[${index}]`,
  spellKeys: inCamelCase,
  readNumber: (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
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

export function extensionsOf(fields: WireObject | undefined): Extensions | undefined {
  return fields === undefined || Object.keys(fields).length === 0 ? undefined : { "gemini-generate": fields };
}
