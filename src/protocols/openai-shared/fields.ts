import { GatewayError } from "../../core/index.ts";

/** An object of the wire that nobody has checked yet. */
export type WireObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is WireObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The 400 that names a field as the vendor's own messages do: `messages[0].content`. */
export function invalidField(path: string, expected: string): GatewayError {
  return new GatewayError("invalid_request", `Invalid value for "${path}": expected ${expected}.`, { param: path });
}

export function readObject(value: unknown, path: string): WireObject {
  if (!isObject(value)) throw invalidField(path, "an object");
  return value;
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

/** `null` counts as absent, here and below: the SDK's types allow it nearly wherever a field is optional. */
export function optionalString(object: WireObject, key: string, path: string): string | undefined {
  return isAbsent(object[key]) ? undefined : requiredString(object, key, path);
}

export function optionalNumber(object: WireObject, key: string, path: string): number | undefined {
  const value = object[key];
  if (isAbsent(value)) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) throw invalidField(join(path, key), "a number");
  return value;
}

export function optionalBoolean(object: WireObject, key: string, path: string): boolean | undefined {
  const value = object[key];
  if (isAbsent(value)) return undefined;
  if (typeof value !== "boolean") throw invalidField(join(path, key), "true or false");
  return value;
}

export function optionalObject(object: WireObject, key: string, path: string): WireObject | undefined {
  const value = object[key];
  return isAbsent(value) ? undefined : readObject(value, join(path, key));
}

export function optionalArray(object: WireObject, key: string, path: string): readonly unknown[] | undefined {
  const value = object[key];
  return isAbsent(value) ? undefined : readArray(value, join(path, key));
}

/** A JSON Schema: an object, or one of the two boolean schemas. */
export function optionalSchema(object: WireObject, key: string, path: string): WireObject | boolean | undefined {
  const value = object[key];
  if (isAbsent(value)) return undefined;
  if (!isObject(value) && typeof value !== "boolean") throw invalidField(join(path, key), "a JSON Schema");
  return value;
}

/** `metadata`: names to texts. */
export function optionalTexts(object: WireObject, key: string, path: string): Readonly<Record<string, string>> | undefined {
  const value = optionalObject(object, key, path);
  if (value === undefined) return undefined;
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string") throw invalidField(join(join(path, key), name), "a string");
  }
  return value as Readonly<Record<string, string>>;
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function join(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The fields that are not in `known`, as on the wire; `undefined` where there are none. */
export function restOf(object: WireObject, known: ReadonlySet<string>): WireObject | undefined {
  let rest: [string, unknown][] | undefined;
  for (const key of Object.keys(object)) if (!known.has(key)) (rest ??= []).push([key, object[key]]);
  // `fromEntries` defines its properties, so that a key `__proto__` stays a key.
  return rest === undefined ? undefined : Object.fromEntries(rest);
}

type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The object without the keys whose value is `undefined`: absent stays absent. Its keys are those of a literal, never a client's. */
export function compact<T extends object>(value: T): Compact<T> {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const field = (value as Record<string, unknown>)[key];
    if (field !== undefined) out[key] = field;
  }
  return out as Compact<T>;
}
