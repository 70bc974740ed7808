import type { Extensions } from "../../ir/index.ts";
import { createFieldReaders, type WireObject } from "../fields.ts";

/**
 * The readers of the dialect: `Invalid value at "contents[0].parts[1].text": …`, as the vendor's own messages name a field. An object of the protocol
 * has its keys in camelCase: the API takes `system_instruction` for `systemInstruction` too, and some SDKs send a mixture; so `readObject` is not
 * for data (arguments, results, schemas). A number may be its decimal text, as in the JSON form of protocol buffers.
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

/** Only the object's own keys change; where both spellings stand, camelCase wins. */
function inCamelCase(object: WireObject): WireObject {
  const keys = Object.keys(object);
  if (!keys.some((key) => key.includes("_"))) return object;
  // `fromEntries` defines its properties, so that a key `__proto__` stays a key.
  return Object.fromEntries(
    [...keys.map((key) => [camelCase(key), object[key]]), ...keys.map((key) => [key, object[key]])].filter(isCamel),
  );
}

function isCamel([key]: unknown[]): boolean {
  return typeof key === "string" && camelCase(key) === key;
}

/** `system_instruction` → `systemInstruction`; a leading underscore stays. */
export function camelCase(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
}

export function extensionsOf(fields: WireObject | undefined): Extensions | undefined {
  return fields === undefined || Object.keys(fields).length === 0 ? undefined : { "gemini-generate": fields };
}
