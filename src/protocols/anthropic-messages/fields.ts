import { GatewayError } from "../../core/index.ts";
import type { Extensions } from "../../ir/index.ts";

/** An object of the wire that nobody has checked yet. */
export type WireObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is WireObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The 400 that names a field as the vendor's own messages do: `messages.0.content.1.text`. */
export function invalidField(path: string, expected: string): GatewayError {
  return new GatewayError("invalid_request", `${path}: expected ${expected}.`, { param: path });
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

/** `null` counts as absent: the SDK's types allow it wherever a field is optional. */
export function optionalString(object: WireObject, key: string, path: string): string | undefined {
  return object[key] === undefined || object[key] === null ? undefined : requiredString(object, key, path);
}

export function optionalNumber(object: WireObject, key: string, path: string): number | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) throw invalidField(join(path, key), "a number");
  return value;
}

export function optionalBoolean(object: WireObject, key: string, path: string): boolean | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw invalidField(join(path, key), "true or false");
  return value;
}

export function optionalObject(object: WireObject, key: string, path: string): WireObject | undefined {
  const value = object[key];
  return value === undefined || value === null ? undefined : readObject(value, join(path, key));
}

export function optionalArray(object: WireObject, key: string, path: string): readonly unknown[] | undefined {
  const value = object[key];
  return value === undefined || value === null ? undefined : readArray(value, join(path, key));
}

export function join(path: string, key: string | number): string {
  return path === "" ? String(key) : `${path}.${key}`;
}

/** The fields that are not in `known`, as on the wire; `undefined` where there are none. */
export function restOf(object: WireObject, known: ReadonlySet<string>): WireObject | undefined {
  const rest = Object.entries(object).filter(([key]) => !known.has(key));
  // `fromEntries` defines its properties, so that a key `__proto__` stays a key.
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

export function extensionsOf(fields: WireObject | undefined): Extensions | undefined {
  return fields === undefined ? undefined : { "anthropic-messages": fields };
}

type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The object without the keys whose value is `undefined`: absent stays absent. */
export function compact<T extends object>(value: T): Compact<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Compact<T>;
}
