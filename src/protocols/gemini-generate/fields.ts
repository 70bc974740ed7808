import { GatewayError } from "../../core/index.ts";
import type { Extensions } from "../../ir/index.ts";

/** An object of the wire that nobody has checked yet. */
export type WireObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is WireObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The 400 that names a field as the vendor's own messages do: `contents[0].parts[1].text`. */
export function invalidField(path: string, expected: string): GatewayError {
  return new GatewayError("invalid_request", `Invalid value at "${path}": expected ${expected}.`, { param: path });
}

/**
 * An object of the protocol with its keys in camelCase: the API takes `system_instruction` for `systemInstruction` too, and some SDKs send a
 * mixture. Only this object's own keys change; where both spellings stand, camelCase wins. Not for data (arguments, results, schemas).
 */
export function readObject(value: unknown, path: string): WireObject {
  if (!isObject(value)) throw invalidField(path, "an object");
  const keys = Object.keys(value);
  if (!keys.some((key) => key.includes("_"))) return value;
  // `fromEntries` defines its properties, so that a key `__proto__` stays a key.
  return Object.fromEntries([...keys.map((key) => [camelCase(key), value[key]]), ...keys.map((key) => [key, value[key]])].filter(isCamel));
}

function isCamel([key]: unknown[]): boolean {
  return typeof key === "string" && camelCase(key) === key;
}

/** `system_instruction` → `systemInstruction`; a leading underscore stays. */
export function camelCase(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
}

export function readArray(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalidField(path, "an array");
  return value;
}

export function requiredString(object: WireObject, key: string, path: string): string {
  const value = object[key];
  if (typeof value !== "string") throw invalidField(join(path, key), "a string");
  return value;
}

/** `null` counts as absent, as in the JSON form of protocol buffers. */
export function optionalString(object: WireObject, key: string, path: string): string | undefined {
  return isAbsent(object[key]) ? undefined : requiredString(object, key, path);
}

/** A number, or its decimal text: the JSON form of protocol buffers takes both. */
export function optionalNumber(object: WireObject, key: string, path: string): number | undefined {
  const value = object[key];
  if (isAbsent(value)) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) throw invalidField(join(path, key), "a number");
  return number;
}

export function optionalBoolean(object: WireObject, key: string, path: string): boolean | undefined {
  const value = object[key];
  if (isAbsent(value)) return undefined;
  if (typeof value !== "boolean") throw invalidField(join(path, key), "true or false");
  return value;
}

export function optionalObject(object: WireObject, key: string, path: string): WireObject | undefined {
  return isAbsent(object[key]) ? undefined : readObject(object[key], join(path, key));
}

export function optionalArray(object: WireObject, key: string, path: string): readonly unknown[] | undefined {
  return isAbsent(object[key]) ? undefined : readArray(object[key], join(path, key));
}

export function optionalStrings(object: WireObject, key: string, path: string): readonly string[] | undefined {
  return optionalArray(object, key, path)?.map((value, index) => {
    if (typeof value !== "string") throw invalidField(join(join(path, key), index), "a string");
    return value;
  });
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function join(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The fields that are not in `known`; `undefined` where there are none. */
export function restOf(object: WireObject, known: ReadonlySet<string>): WireObject | undefined {
  const rest = Object.entries(object).filter(([key]) => !known.has(key));
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

export function extensionsOf(fields: WireObject | undefined): Extensions | undefined {
  return fields === undefined || Object.keys(fields).length === 0 ? undefined : { "gemini-generate": fields };
}

type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The object without the keys whose value is `undefined`: absent stays absent. */
export function compact<T extends object>(value: T): Compact<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Compact<T>;
}
