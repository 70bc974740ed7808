import { GatewayError } from "../../core/index.ts";

/** A wire object whose fields are not checked yet. */
export type WireObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is WireObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The objects of a list; none if the value is not a list. */
export function objectsOf(value: unknown): readonly WireObject[] {
  if (!Array.isArray(value)) return none;
  const list = value as readonly unknown[];
  // Nearly always all of them are; a list of one is read for each answer and each piece of a stream.
  return list.every(isObject) ? list : list.filter(isObject);
}

const none: readonly WireObject[] = [];

/** `null` counts as absent for nearly all optional fields: the vendors' SDKs allow it, and so does the JSON form of protocol buffers. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/**
 * The fields that are not in `known`, in their wire form, followed by the fields of `more` that are not `undefined`; `undefined` if there are none.
 * The number of a client's fields is limited only by the size of its body, so they are copied once: a spread of 120,000 fields alone costs 118 ms.
 */
export function restOf(object: WireObject, known: ReadonlySet<string>, more?: WireObject): WireObject | undefined {
  let rest: Record<string, unknown> | undefined;
  for (const key of Object.keys(object)) if (!known.has(key)) define((rest ??= {}), key, object[key]);
  if (more === undefined) return rest;
  for (const key of Object.keys(more)) if (more[key] !== undefined) define((rest ??= {}), key, more[key]);
  return rest;
}

type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The object without the keys whose value is `undefined`, so that an absent field stays absent. `value` is a plain object. */
export function compact<T extends object>(value: T): Compact<T> {
  const out: Record<string, unknown> = {};
  // V8 caches the list of keys for `for … in`, but makes a new list for each call of `Object.keys`.
  for (const key in value) if (value[key] !== undefined) define(out, key, value[key]);
  return out as Compact<T>;
}

/** Sets the fields of `more` that are not `undefined`, except `omitted`. */
export function addFields(object: Record<string, unknown>, more: WireObject, omitted?: string): void {
  for (const key in more) if (key !== omitted && more[key] !== undefined) define(object, key, more[key]);
}

/** The object with its values changed; the object itself if `change` returns every value unchanged. */
export function mapFields(object: WireObject, change: (value: unknown, key: string) => unknown): WireObject {
  const keys = Object.keys(object);
  let out: Record<string, unknown> | undefined;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    const value = change(object[key], key);
    if (out === undefined) {
      if (value === object[key]) continue;
      out = copyUpTo(object, keys, index);
    }
    define(out, key, value);
  }
  return out ?? object;
}

/** A copy with the fields before `end`, one by one: a spread of 120,000 fields takes several times as long. */
function copyUpTo(object: WireObject, keys: readonly string[], end: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (let index = 0; index < end; index++) define(copy, keys[index]!, object[keys[index]!]);
  return copy;
}

/** Sets a property whose key may come from a client: a key `__proto__` stays an ordinary key. */
export function define(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}

/** How a dialect names its fields. */
export interface FieldDialect {
  /** The text of the 400 that names a field, as in the vendor's own messages. `expected`: the correct form, such as `a string`. */
  readonly message: (path: string, expected: string) => string;
  /** The path of a list's element: `messages[0]`, `messages.0`. */
  readonly element: (path: string, index: number) => string;
  /** If the keys of an object have several spellings: returns the object with the protocol's own keys. */
  readonly spellKeys?: (object: WireObject) => WireObject;
  /** If a number may have another form: returns the number. */
  readonly readNumber?: (value: unknown) => unknown;
}

/**
 * The readers of a dialect's fields. `path` is the place of the object, `key` a field of it; the body has the path `""`. Each reader throws
 * `invalidField` if the value has another type.
 */
export interface FieldReaders {
  /** The 400 (`invalid_request`) that names a field. */
  readonly invalidField: (path: string, expected: string) => GatewayError;
  readonly join: (path: string, key: string | number) => string;
  readonly readObject: (value: unknown, path: string) => WireObject;
  readonly readArray: (value: unknown, path: string) => readonly unknown[];
  readonly requiredString: (object: WireObject, key: string, path: string) => string;
  readonly optionalString: (object: WireObject, key: string, path: string) => string | undefined;
  readonly optionalNumber: (object: WireObject, key: string, path: string) => number | undefined;
  readonly optionalBoolean: (object: WireObject, key: string, path: string) => boolean | undefined;
  readonly optionalObject: (object: WireObject, key: string, path: string) => WireObject | undefined;
  readonly optionalArray: (object: WireObject, key: string, path: string) => readonly unknown[] | undefined;
  readonly optionalStrings: (object: WireObject, key: string, path: string) => readonly string[] | undefined;
}

export function createFieldReaders({ message, element, spellKeys, readNumber }: FieldDialect): FieldReaders {
  function invalidField(path: string, expected: string): GatewayError {
    return new GatewayError("invalid_request", message(path, expected), { param: path });
  }

  function join(path: string, key: string | number): string {
    if (typeof key === "number") return element(path, key);
    return path === "" ? key : `${path}.${key}`;
  }

  function readObject(value: unknown, path: string): WireObject {
    if (!isObject(value)) throw invalidField(path, "an object");
    return spellKeys === undefined ? value : spellKeys(value);
  }

  function readArray(value: unknown, path: string): readonly unknown[] {
    if (!Array.isArray(value)) throw invalidField(path, "an array");
    return value;
  }

  function readStrings(value: unknown, path: string): readonly string[] {
    return readArray(value, path).map((text, index) => {
      if (typeof text !== "string") throw invalidField(join(path, index), "a string");
      return text;
    });
  }

  function requiredString(object: WireObject, key: string, path: string): string {
    const value = object[key];
    if (typeof value !== "string") throw invalidField(join(path, key), "a string");
    return value;
  }

  function optionalNumber(object: WireObject, key: string, path: string): number | undefined {
    if (isAbsent(object[key])) return undefined;
    const value = readNumber === undefined ? object[key] : readNumber(object[key]);
    if (typeof value !== "number" || !Number.isFinite(value)) throw invalidField(join(path, key), "a number");
    return value;
  }

  function optionalBoolean(object: WireObject, key: string, path: string): boolean | undefined {
    const value = object[key];
    if (isAbsent(value)) return undefined;
    if (typeof value !== "boolean") throw invalidField(join(path, key), "true or false");
    return value;
  }

  /** Makes the reader of an optional field from the reader of its value. */
  function optional<T>(read: (value: unknown, path: string) => T): (object: WireObject, key: string, path: string) => T | undefined {
    return (object, key, path) => (isAbsent(object[key]) ? undefined : read(object[key], join(path, key)));
  }

  return {
    invalidField,
    join,
    readObject,
    readArray,
    requiredString,
    optionalString: (object, key, path) => (isAbsent(object[key]) ? undefined : requiredString(object, key, path)),
    optionalNumber,
    optionalBoolean,
    optionalObject: optional(readObject),
    optionalArray: optional(readArray),
    optionalStrings: optional(readStrings),
  };
}
