import { asBytes, utf8OfLatin1, type Bytes } from "./bytes.ts";
import { skipString, skipValue } from "./json-scan.ts";
import { parseLatin1 } from "./parse-json.ts";

declare global {
  interface JSON {
    // TC39, "JSON.parse source text access": in V8 since 11.4, not yet in TypeScript's library.
    parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
    rawJSON(text: string): object;
  }
}

/**
 * Objects in a body whose numbers must come out of `JSON.stringify` as they were written: the objects under `keys`, anywhere inside the top level's
 * `list`.
 */
export interface ExactValues {
  readonly list: string;
  readonly keys: ReadonlySet<string>;
  /** Finds an object under one of the keys. */
  readonly opening: RegExp;
}

/** Create it once: compiling the pattern costs more than most searches with it. `keys` are plain letters. */
export function exactValues(list: string, keys: readonly string[]): ExactValues {
  // Inside a string the second quote would be escaped. So a match is a key, or the end of one.
  return { list, keys: new Set(keys), opening: new RegExp(`"(?:${keys.join("|")})"\\s*:\\s*(?=\\{)`, "g") };
}

/**
 * Parses like `parseLatin1`. In the objects that `exact` names, a number that would be printed differently becomes an object that `JSON.stringify`
 * prints as the original text: `{"id":1234567890123456789,"x":1.0,"n":1}` is printed unchanged, and its `n` is the number 1. `structuredClone` does
 * not know such an object.
 *
 * It costs one search for the keys (20 to 60 µs in 100 kB). Only a body that contains such a number is parsed a second time.
 * @throws GatewayError as `parseLatin1`.
 */
export function parseExact(text: Bytes, exact: ExactValues | undefined): unknown {
  const value = parseLatin1(text);
  if (exact !== undefined && hasInexact(text, exact)) {
    graft(value, parseKeepingNumbers(text), exact);
  }
  return value;
}

/**
 * A number that may be printed differently: -0, 16 digits or more, an exponent, a fraction that ends with 0, or one that is small enough to get an
 * exponent. A double keeps up to 15 digits (IEEE 754), and `JSON.stringify` prints the shortest form (ECMA-262, Number::toString), which then is the
 * original one.
 */
const inexact = /[:,[]\s*(?:-0(?![.\d])|-?(?:\d[\d.]{15}|\d+(?:\.\d+)?[eE]|\d+\.\d*0(?!\d)|0\.0{6}))/;

/** Whether an object under one of the keys, at any depth, contains such a number. `text` is valid JSON. */
function hasInexact(text: string, { opening }: ExactValues): boolean {
  opening.lastIndex = 0;
  while (opening.test(text)) {
    const start = opening.lastIndex;
    const end = skipValue(text, start);
    const isPossible = text.length > longLength || inexact.test(text.slice(start, end));
    if (isPossible && isOutsideStrings(text, start, end)) return true;
    // The search continues after the value.
    opening.lastIndex = end;
  }
  return false;
}

/** In a longer text strings are not searched: one of 26 MB of commas takes 280 ms. In a shorter one a single search of a whole object is cheaper. */
const longLength = 512 * 1024;

/** The length of `:-0`, the shortest match of `inexact`. */
const shortestInexact = 3;

/** Code and logs inside strings often contain text that looks like such numbers, so strings are skipped. */
function isOutsideStrings(text: string, start: number, end: number): boolean {
  let at = start;
  for (;;) {
    const quote = text.indexOf('"', at);
    const isLast = quote < 0 || quote >= end;
    const until = isLast ? end : quote;
    if (until - at >= shortestInexact && inexact.test(text.slice(at, until))) return true;
    if (isLast) return false;
    at = skipString(text, quote);
  }
}

/**
 * In JSON text an object with this key stands for a number, and has its index. (A string with the index would cost more: V8 looks up each short string
 * in a table.)
 */
const numberKey = "\0";
const markStart = String.raw`{"\u0000":`;

/**
 * Parses valid JSON with every number exact. Each number that may be printed differently is marked in the text, and put back after a plain parse: that
 * takes a quarter of the time that `JSON.parse` takes to call a function for each value.
 */
function parseKeepingNumbers(text: Bytes): unknown {
  // The body has such a key of its own.
  if (text.includes(String.raw`"\u0000`)) return JSON.parse(utf8OfLatin1(text), keepText);
  const { marked, numbers } = markNumbers(text);
  return putBack(JSON.parse(utf8OfLatin1(marked)) as unknown, numbers);
}

function keepText(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  return typeof value === "number" && source !== undefined ? exactNumber(source) : value;
}

function exactNumber(source: string): unknown {
  const value = Number(source);
  return String(value) === source ? value : JSON.rawJSON(source);
}

const quoteCode = 0x22;
const minus = 0x2d;
const zero = 0x30;
const nine = 0x39;

/** @returns the text with marks in place of numbers, and the numbers as they are written. */
function markNumbers(text: Bytes): { readonly marked: Bytes; readonly numbers: readonly string[] } {
  const pieces: string[] = [];
  const numbers: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === quoteCode) {
      at = skipString(text, at);
    } else if (code === minus || (code >= zero && code <= nine)) {
      const end = endOfNumber(text, at);
      const source = text.slice(at, end);
      if (maybeInexact(source)) {
        pieces.push(text.slice(copied, at), `${markStart}${numbers.length}}`);
        numbers.push(source);
        copied = end;
      }
      at = end;
    } else {
      at++;
    }
  }
  pieces.push(text.slice(copied));
  return { marked: asBytes(pieces.join("")), numbers };
}

function endOfNumber(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(++at);
    const isPart = (code >= zero && code <= nine) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === minus;
    if (!isPart) return at;
  }
}

/** As `inexact`, for a number alone; more are let through here, as each is looked at again. */
function maybeInexact(source: string): boolean {
  if (source.length === 1) return false;
  const first = source.charCodeAt(0);
  if (source.length > 15 || first === minus || first === zero) return true;
  const last = source.charCodeAt(source.length - 1);
  return (last === zero && source.includes(".")) || source.includes("e") || source.includes("E");
}

/** Replaces the marks inside `value`. */
function putBack(value: unknown, numbers: readonly string[]): unknown {
  if (!isContainer(value)) return value;
  const index = value[numberKey];
  if (typeof index === "number") return exactNumber(numbers[index]!);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = putBack(value[i], numbers);
    return value;
  }
  // Not an assignment, which is something else for the key `__proto__`.
  for (const key of Object.keys(value)) {
    const before = value[key];
    const after = putBack(before, numbers);
    if (after !== before) Object.defineProperty(value, key, { value: after, enumerable: true, configurable: true, writable: true });
  }
  return value;
}

/** Replaces objects of `value` with the exact ones of `source`: the same body, parsed with all its numbers exact. */
function graft(value: unknown, source: unknown, { list, keys }: ExactValues): void {
  if (isContainer(value) && isContainer(source)) graftInside(value[list], source[list], keys);
}

function graftInside(value: unknown, source: unknown, keys: ReadonlySet<string>): void {
  if (!isContainer(value) || !isContainer(source)) return;
  for (const key of Object.keys(value)) {
    if (keys.has(key) && isContainer(value[key])) value[key] = source[key];
    else graftInside(value[key], source[key], keys);
  }
}

/** An object or an array. */
function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
