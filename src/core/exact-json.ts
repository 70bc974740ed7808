import { parseLatin1, skipValue, utf8OfLatin1 } from "./json-scan.ts";

declare global {
  interface JSON {
    // TC39, "JSON.parse source text access": in V8 since 11.4, not yet in TypeScript's library.
    parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
    rawJSON(text: string): object;
  }
}

/** Objects in a body whose numbers must come out of `JSON.stringify` as they were written: those under `keys`, anywhere inside the top level's `list`. */
export interface ExactValues {
  readonly list: string;
  readonly keys: ReadonlySet<string>;
  /** Finds an object under one of the keys. */
  readonly opening: RegExp;
}

/** Made once, as making a pattern costs more than most searches with it. `keys` are plain letters. */
export function exactValues(list: string, keys: readonly string[]): ExactValues {
  // Inside a string the second quote would be escaped, so that this is a key, or the end of one.
  return { list, keys: new Set(keys), opening: new RegExp(`"(?:${keys.join("|")})"\\s*:\\s*(?=\\{)`, "g") };
}

/**
 * Parses as `parseLatin1` does, but in the objects that `exact` names, a number that would be printed in another way is no number: it is an object that
 * `JSON.stringify` prints as the text it was. `{"id":1234567890123456789,"x":1.0,"n":1}` comes out as it is, and its `n` is 1. Such an object is none
 * for `structuredClone`.
 *
 * Costs one search for the keys (20 to 60 µs in 100 kB); only a body that holds such a number is parsed a second time.
 * @throws GatewayError as `parseLatin1`.
 */
export function parseExact(text: string, exact: ExactValues | undefined): unknown {
  const value = parseLatin1(text);
  if (exact !== undefined && holdsInexact(text, exact)) {
    graft(value, JSON.parse(utf8OfLatin1(text), keepText), exact);
  }
  return value;
}

/**
 * Where a number may be printed in another way: -0, 16 digits or more, an exponent, a fraction that ends with 0, one so small that it gets an exponent.
 * Up to 15 digits a double keeps (IEEE 754), and its shortest form, which is what is printed (ECMA-262, Number::toString), is theirs.
 */
const inexact = /[:,[]\s*(?:-0(?![.\d])|-?(?:\d[\d.]{15}|\d+(?:\.\d+)?[eE]|\d+\.\d*0(?!\d)|0\.0{6}))/;

/** Whether an object under one of the keys, wherever it stands, holds such a number. `text` is valid JSON. */
function holdsInexact(text: string, { opening }: ExactValues): boolean {
  opening.lastIndex = 0;
  while (opening.test(text)) {
    const start = opening.lastIndex;
    const end = skipValue(text, start);
    if (inexact.test(text.slice(start, end)) && standsOutsideStrings(text, start, end)) return true;
    // The search goes on behind the value.
    opening.lastIndex = end;
  }
  return false;
}

/** Code and logs in strings are full of what looks like such numbers. */
function standsOutsideStrings(text: string, start: number, end: number): boolean {
  let at = start;
  for (;;) {
    const quote = text.indexOf('"', at);
    const isLast = quote < 0 || quote >= end;
    if (inexact.test(text.slice(at, isLast ? end : quote))) return true;
    if (isLast) return false;
    at = skipValue(text, quote);
  }
}

function keepText(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  return typeof value === "number" && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value;
}

/** Puts the exact objects in the place of the others. `source` is the same body as `value`, with all its numbers exact. */
function graft(value: unknown, source: unknown, { list, keys }: ExactValues): void {
  if (isHolder(value) && isHolder(source)) graftInside(value[list], source[list], keys);
}

function graftInside(value: unknown, source: unknown, keys: ReadonlySet<string>): void {
  if (!isHolder(value) || !isHolder(source)) return;
  for (const key of Object.keys(value)) {
    if (keys.has(key) && isHolder(value[key])) value[key] = source[key];
    else graftInside(value[key], source[key], keys);
  }
}

/** An object or an array. */
function isHolder(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
