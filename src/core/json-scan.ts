import { asBytes, type Bytes } from "./bytes.ts";
import { GatewayError } from "./errors.ts";
import { parseLatin1 } from "./parse-json.ts";

/**
 * Finds values in JSON text without parsing it. The text is a latin1 string, so offsets are byte offsets, whatever the encoding of the text inside
 * strings. The scan checks only what it needs to be sure of the spans: brackets match, strings are closed, the top level is well formed. The parser
 * that reads a skipped value checks its inside.
 */
export interface Span {
  /** Offset of the value's first byte. */
  readonly start: number;
  /** Offset after the value's last byte. */
  readonly end: number;
}

/** Spans by wanted key, in the order of `keys`; `undefined` if the key is absent. `open` is the offset of the object's `{`. */
export interface ScannedObject {
  readonly spans: readonly (Span | undefined)[];
  readonly open: number;
  /** Offset after the closing `}`. */
  readonly end: number;
  /** True for `{}`. */
  readonly empty: boolean;
}

const quote = 0x22;
const backslash = 0x5c;
const maxDepth = 1000;

/**
 * Scans a whole JSON document whose top level is an object.
 * @throws GatewayError `invalid_json` if the text is not an object; `ambiguous_json` if a wanted key is repeated or spelt with escapes.
 */
export function scanDocument(text: string, keys: readonly string[]): ScannedObject {
  let at = skipSpace(text, text.charCodeAt(0) === 0xef && text.startsWith("\u00ef\u00bb\u00bf") ? 3 : 0);
  if (text.charCodeAt(at) !== 0x7b) throw invalid(text, at, "a JSON object");
  const object = scanObject(text, at, keys);
  at = skipSpace(text, object.end);
  if (at < text.length) throw invalid(text, at, "the end of the body");
  return object;
}

const noSpans: readonly (Span | undefined)[] = Array.from({ length: 32 }, () => undefined);

/** Of an object that is scanned for some of its members. 32 MiB of members, each of which is looked at, take 500 ms. */
const maxMembers = 500_000;

/** Scans the object that opens at `open`. @throws as `scanDocument`. */
export function scanObject(text: string, open: number, keys: readonly string[]): ScannedObject {
  // A copy of the exact length: an array that grows takes up to twice the memory.
  const spans = noSpans.slice(0, keys.length);
  while (spans.length < keys.length) spans.push(undefined);
  let at = skipSpace(text, open + 1);
  if (text.charCodeAt(at) === 0x7d) return { spans, open, end: at + 1, empty: true };
  for (let count = 1; ; count++) {
    if (count > maxMembers) throw new GatewayError("body_too_complex", `An object of the body has more than ${maxMembers} members.`);
    if (text.charCodeAt(at) !== quote) throw invalid(text, at, "a quoted key");
    const keyEnd = skipString(text, at);
    const index = keyIndex(text, at + 1, keyEnd - 1, keys);
    at = skipSpace(text, keyEnd);
    if (text.charCodeAt(at) !== 0x3a) throw invalid(text, at, '":"');
    at = skipSpace(text, at + 1);
    const end = skipValue(text, at);
    if (index >= 0) {
      if (spans[index] !== undefined) {
        throw new GatewayError("ambiguous_json", `The key "${keys[index]}" appears more than once in the body. Send it once.`, {
          param: keys[index]!,
        });
      }
      spans[index] = { start: at, end };
    }
    at = skipSpace(text, end);
    const next = text.charCodeAt(at);
    if (next === 0x7d) return { spans, open, end: at + 1, empty: false };
    if (next !== 0x2c) throw invalid(text, at, '"," or "}"');
    at = skipSpace(text, at + 1);
  }
}

/** The span of a member of the object at `object`; `undefined` if there is no such member, or no object. @throws as `scanObject`. */
export function memberIn(text: string, object: Span | undefined, key: string): Span | undefined {
  return object !== undefined && text.charCodeAt(object.start) === 0x7b ? scanObject(text, object.start, [key]).spans[0] : undefined;
}

/** The span of a member of the document, which must be an object. @throws as `scanDocument`. */
export function memberOf(text: string, key: string): Span | undefined {
  return scanDocument(text, [key]).spans[0];
}

/** The spans of an array's elements; empty if there is no array. @throws GatewayError `invalid_json`. */
export function elementsOf(text: string, array: Span | undefined): readonly Span[] {
  const elements: Span[] = [];
  if (array === undefined || text.charCodeAt(array.start) !== 0x5b) return elements;
  let at = skipSpace(text, array.start + 1);
  while (text.charCodeAt(at) !== 0x5d) {
    const end = skipValue(text, at);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === 0x2c) at = skipSpace(text, at + 1);
  }
  return elements;
}

/** Offset after the value that starts at `at`. @throws GatewayError `invalid_json`. */
export function skipValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === quote) return skipString(text, at);
  if (first === 0x7b || first === 0x5b) return skipNested(text, at);
  const end = skipLiteral(text, at);
  if (end === at || !isLiteral(text, at, end)) throw invalid(text, at, "a value");
  return end;
}

/** Offset of the first character at or after `at` that is not JSON white space. */
export function skipSpace(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

/**
 * A whole member of an object, with one comma beside it. The text without this span is still a valid object. `value` is the span of its value; `key`
 * is in plain letters, which a scan has made sure of.
 */
export function memberSpan(text: string, key: string, value: Span): Span {
  const colon = skipSpaceBack(text, value.start - 1);
  const start = skipSpaceBack(text, colon - 1) - key.length - 1;
  const before = skipSpaceBack(text, start - 1);
  if (text[before] === ",") return { start: before, end: value.end };
  const after = skipSpace(text, value.end);
  return { start, end: text[after] === "," ? after + 1 : value.end };
}

/** Offset of the last character at or before `at` that is not JSON white space. */
function skipSpaceBack(text: string, at: number): number {
  while (at > 0 && " \n\r\t".includes(text.charAt(at))) at--;
  return at;
}

/** Offset after the string that starts at `at`. @throws GatewayError `invalid_json` if it does not end. */
export function skipString(text: string, at: number): number {
  let from = at + 1;
  let walk = firstWalk;
  for (;;) {
    // Keys are short, and JSON inside a string is full of escaped quotes. One search for each quote would cost more than looking at each character.
    const walkEnd = Math.min(text.length, from + walk);
    while (from < walkEnd) {
      const code = text.charCodeAt(from);
      if (code === quote) return from + 1;
      from += code === backslash ? 2 : 1;
    }
    const end = text.indexOf('"', from);
    if (end < 0) throw invalid(text, text.length, "the end of a string");
    let slashes = end - 1;
    while (slashes >= from && text.charCodeAt(slashes) === backslash) slashes--;
    if ((end - slashes) % 2 === 1) return end + 1;
    from = end + 1;
    walk = laterWalk;
  }
}

/** The number of characters that are checked one by one at the beginning of a string, and after an escaped quote: a search costs as much as ten. */
const [firstWalk, laterWalk] = [32, 8];

/** The depth that fits into the bits of a small integer. */
const shallowDepth = 30;

/** Offset after the object or array that starts at `from`. */
function skipNested(text: string, from: number): number {
  // One bit for each open level: 1 for an object.
  let levels = text.charCodeAt(from) === 0x7b ? 1 : 0;
  let depth = 1;
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = skipString(text, at);
      continue;
    }
    if (code === 0x7b || code === 0x5b) {
      if (depth === shallowDepth) return skipDeep(text, from);
      levels = (levels << 1) | (code === 0x7b ? 1 : 0);
      depth += 1;
    } else if (code === 0x7d || code === 0x5d) {
      if ((levels & 1) !== (code === 0x7d ? 1 : 0)) throw invalid(text, at, "a matching bracket");
      levels >>= 1;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (code !== code) {
      throw invalid(text, at, "a closing bracket");
    }
    at++;
  }
}

function skipDeep(text: string, at: number): number {
  // One bit per level would be enough; an array is simpler, and the depth is limited.
  const closers = [text.charCodeAt(at) + 2];
  at++;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = skipString(text, at);
    } else if (code === 0x7b || code === 0x5b) {
      if (closers.length >= maxDepth)
        throw new GatewayError("invalid_json", `The body is nested deeper than ${maxDepth} levels. Send a flatter one.`);
      closers.push(code + 2);
      at++;
    } else if (code === 0x7d || code === 0x5d) {
      if (closers.pop() !== code) throw invalid(text, at, "a matching bracket");
      at++;
      if (closers.length === 0) return at;
    } else if (code !== code) {
      throw invalid(text, at, "a closing bracket");
    } else {
      at++;
    }
  }
}

function skipLiteral(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(at);
    // A number or a name consists of letters, digits, + - and the full stop.
    const part =
      (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x7a) || code === 0x2d || code === 0x2e || code === 0x2b || code === 0x45;
    if (!part) return at;
    at++;
  }
}

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function isLiteral(text: string, start: number, end: number): boolean {
  if (isPlainNumber(text, start, end)) return true;
  const literal = text.slice(start, end);
  return literal === "true" || literal === "false" || literal === "null" || numberPattern.test(literal);
}

/** Whether it is a number without an exponent; `false` may be wrong. No copy of the text is made for it. */
function isPlainNumber(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start);
  if (first < 0x30 || first > 0x39) return false;
  let at = start + 1;
  if (first !== 0x30) at = skipDigits(text, at);
  if (at >= end) return true;
  return text.charCodeAt(at) === 0x2e && at + 1 < end && skipDigits(text, at + 1) === end;
}

function skipDigits(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(at);
    if (!(code >= 0x30 && code <= 0x39)) return at;
    at++;
  }
}

function keyIndex(text: string, start: number, end: number, keys: readonly string[]): number {
  const length = end - start;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key.length === length && text.startsWith(key, start)) return i;
  }
  const raw = text.slice(start, end);
  if (raw.includes("\\")) {
    const decoded = decodeKey(raw);
    const index = decoded === undefined ? -1 : keys.indexOf(decoded);
    if (index >= 0) {
      throw new GatewayError("ambiguous_json", `The key "${keys[index]}" is spelt with escapes in the body. Send it in plain letters.`, {
        param: keys[index]!,
      });
    }
  }
  return -1;
}

function decodeKey(raw: string): string | undefined {
  try {
    const value: unknown = JSON.parse(`"${raw}"`);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined; // A bad escape in a key that is not wanted: the parser of the body reports it.
  }
}

function invalid(text: string, at: number, expected: string): GatewayError {
  const found = at >= text.length ? "the end of the body" : `character ${JSON.stringify(text.charAt(at))}`;
  return new GatewayError(
    "invalid_json",
    `The body is not valid JSON: expected ${expected} at byte ${Math.min(at, text.length)}, found ${found}.`,
  );
}

/** The string value of a span, or `undefined` if the span is not a string. */
export function readString(text: string, span: Span | undefined): string | undefined {
  if (span === undefined || text.charCodeAt(span.start) !== quote) return undefined;
  const raw = text.slice(span.start + 1, span.end - 1);
  if (!/[\\\u0080-\u00ff]/.test(raw)) return raw;
  const value = parseSpan(text, span);
  return typeof value === "string" ? value : undefined;
}

/** The boolean value of a span, or `undefined`. */
export function readBoolean(text: string, span: Span | undefined): boolean | undefined {
  if (span === undefined) return undefined;
  if (text.startsWith("true", span.start)) return true;
  if (text.startsWith("false", span.start)) return false;
  return undefined;
}

/** The finite number of a span, or `undefined`. */
export function readNumber(text: string, span: Span | undefined): number | undefined {
  if (span === undefined) return undefined;
  const value = Number(text.slice(span.start, span.end));
  return Number.isFinite(value) && text.charCodeAt(span.start) !== quote ? value : undefined;
}

/** Parses the value of a span. @throws GatewayError `invalid_json`. */
export function parseSpan(text: string, span: Span): unknown {
  return parseLatin1(asBytes(text.slice(span.start, span.end)));
}

/** One replacement in a text: the characters from `start` to `end` become `text` (latin1). An insertion has `start === end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: Bytes;
}

/** Applies edits, which must be in order and must not overlap. All bytes outside the edits are unchanged. */
export function applyEdits(text: string, edits: readonly Edit[]): Bytes {
  let out = "";
  let at = 0;
  for (const edit of edits) {
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return asBytes(out + text.slice(at));
}
