import { DocumentError } from "./document-error.ts";

/** Checks one value of a document and returns it with its type. `at` names the value in an error: `offer/1 price.input`. */
export type Field<T> = (value: unknown, at: string) => T;

/** The type of the values that a field accepts. */
export type FieldValue<F> = F extends Field<infer T> ? T : never;

/** A field that may be absent. Absent is not the same as `""`: only fields marked so may be left out. */
export interface OptionalField<T> {
  readonly optional: Field<T>;
}

type Shape = Readonly<Record<string, Field<unknown> | OptionalField<unknown>>>;

type RequiredKeys<S extends Shape> = { [K in keyof S]: S[K] extends Field<unknown> ? K : never }[keyof S];
type OptionalKeys<S extends Shape> = Exclude<keyof S, RequiredKeys<S>>;

/** The object that a shape describes. */
export type ShapeValue<S extends Shape> = { readonly [K in RequiredKeys<S>]: FieldValue<S[K]> } & {
  readonly [K in OptionalKeys<S>]?: S[K] extends OptionalField<infer T> ? T : never;
};

function refuse(at: string, must: string): never {
  throw new DocumentError("bad_field", `${at} must be ${must}.`);
}

/** @throws DocumentError `bad_field` for a member that is missing, unknown or wrong. */
export function object<S extends Shape>(shape: S): Field<ShapeValue<S>> {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(at, "an object");
    const members = value as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(members).find((key) => !Object.hasOwn(shape, key));
    if (unknown !== undefined)
      throw new DocumentError("bad_field", `${at} has a field that is not known: ${JSON.stringify(unknown.slice(0, 64))}.`);
    const checked: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(shape)) {
      const member = members[key];
      const place = at.endsWith("/1") ? `${at} ${key}` : `${at}.${key}`;
      if (typeof field === "function") {
        if (member === undefined) throw new DocumentError("bad_field", `${place} is missing.`);
        checked[key] = field(member, place);
      } else if (member !== undefined) {
        checked[key] = field.optional(member, place);
      }
    }
    return checked as ShapeValue<S>;
  };
}

export function optional<T>(field: Field<T>): OptionalField<T> {
  return { optional: field };
}

const control = /[\p{Cc}]/u;

/** Text of `least` to `most` characters (UTF-16), without control characters. */
export function text(least: number, most: number): Field<string> {
  return (value, at) => {
    if (typeof value === "string" && value.length >= least && value.length <= most && !control.test(value)) return value;
    return refuse(at, `text of ${least} to ${most} characters without control characters`);
  };
}

/** Text of one form; `must` says which in an error. */
export function pattern(form: RegExp, must: string): Field<string> {
  return (value, at) => (typeof value === "string" && form.test(value) ? value : refuse(at, must));
}

export function integer(least: number, most: number): Field<number> {
  return (value, at) => {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    return refuse(at, `an integer from ${least} to ${most}`);
  };
}

export const boolean: Field<boolean> = (value, at) => (typeof value === "boolean" ? value : refuse(at, "true or false"));

export function oneOf<const T extends string>(...words: readonly T[]): Field<T> {
  return (value, at) => {
    const found = words.find((word) => word === value);
    return found ?? refuse(at, `one of ${words.join(", ")}`);
  };
}

/** A list of `least` to `most` items. */
export function list<T>(item: Field<T>, least: number, most: number): Field<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) return refuse(at, `a list of ${least} to ${most} items`);
    return value.map((one, index) => item(one, `${at}[${index}]`));
  };
}

/** A list whose items are sorted by UTF-16 code units, each once, so that one set has one text. */
export function sortedSet<T extends string>(item: Field<T>, most: number): Field<readonly T[]> {
  const items = list(item, 0, most);
  return (value, at) => {
    const checked = items(value, at);
    if (checked.some((one, index) => index > 0 && checked[index - 1]! >= one)) return refuse(at, "sorted, each item once");
    return checked;
  };
}

const maxAmount = 2n ** 63n - 1n;

/** Nano-credits from `least` to 2^63 - 1 as a decimal string without leading zeros, which is how amounts travel. */
export function amount(least: bigint, most: bigint = maxAmount): Field<string> {
  return (value, at) => {
    if (typeof value === "string" && /^(?:0|[1-9]\d{0,18})$/.test(value) && BigInt(value) >= least && BigInt(value) <= most) return value;
    return refuse(at, `a decimal string from ${least} to ${most}`);
  };
}

/** The same with a minus sign for amounts below 0. */
export const signedAmount: Field<string> = (value, at) => {
  if (typeof value === "string" && /^(?:0|-?[1-9]\d{0,18})$/.test(value) && absolute(BigInt(value)) <= maxAmount) return value;
  return refuse(at, "a decimal string, with a minus sign if it is below 0");
};

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}
