import { skipSpace, skipString } from "../../core/index.ts";
import { DocumentError } from "./document-error.ts";

/** What a document may contain: no null, no number that is not a safe integer. */
export type CanonicalValue = string | number | boolean | readonly CanonicalValue[] | CanonicalObject;

export interface CanonicalObject {
  readonly [key: string]: CanonicalValue;
}

const maxDepth = 16;

/**
 * The one text of a value, by the JSON Canonicalization Scheme (RFC 8785): members sorted by UTF-16 code units, no white space. Two nodes that agree
 * about a value agree about these bytes, so they can be signed and hashed.
 * @throws DocumentError `not_canonical` for null, fractions, -0, integers past 2^53 - 1, lone surrogates, and anything that is not JSON.
 */
export function canonicalText(value: unknown): string {
  return textOf(value, 0);
}

function textOf(value: unknown, depth: number): string {
  if (depth > maxDepth) throw new DocumentError("not_canonical", `A document has at most ${maxDepth} levels.`);
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
        throw new DocumentError("not_canonical", "A number must be an integer from -(2^53 - 1) to 2^53 - 1, and not -0.");
      }
      return String(value);
    case "object":
      if (Array.isArray(value)) return `[${value.map((item) => textOf(item, depth + 1)).join(",")}]`;
      if (value !== null) return objectText(value as Readonly<Record<string, unknown>>, depth);
      break;
    default:
  }
  throw new DocumentError("not_canonical", "A value must be an object, a list, a string, a boolean or an integer.");
}

function objectText(value: Readonly<Record<string, unknown>>, depth: number): string {
  // The default order of `sort` is by UTF-16 code units, as RFC 8785, section 3.2.3, asks.
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${quoted(key)}:${textOf(value[key], depth + 1)}`);
  return `{${members.join(",")}}`;
}

/** `JSON.stringify` escapes exactly what RFC 8785, section 3.2.2.2, escapes. */
function quoted(text: string): string {
  if (!text.isWellFormed()) throw new DocumentError("not_canonical", "A string contains half a surrogate pair.");
  return JSON.stringify(text);
}

/**
 * Parses the text of a document.
 * @throws DocumentError `not_json`, also if an object names a key twice; `not_canonical` as `canonicalText`.
 */
export function parseCanonical(text: string): CanonicalValue {
  let value: unknown;
  let members = 0;
  try {
    value = JSON.parse(text, (_key, member: unknown, { source }: { readonly source?: string }) => {
      // `1.0` and `1e2` are integers once they are parsed.
      if (typeof member === "number" && !/^-?\d+$/.test(source ?? "")) throw notAnInteger();
      if (typeof member === "object" && member !== null && !Array.isArray(member)) members += Object.keys(member).length;
      return member;
    });
  } catch (error) {
    if (error instanceof DocumentError) throw error;
    throw new DocumentError("not_json", "The text is not valid JSON.");
  }
  canonicalText(value);
  if (members !== keysIn(text)) throw new DocumentError("not_json", "An object names a key twice.");
  return value as CanonicalValue;
}

function notAnInteger(): DocumentError {
  return new DocumentError("not_canonical", "A number must be written as an integer, without fraction or exponent.");
}

/** How many keys valid JSON text has. A key that occurs twice counts twice. */
function keysIn(text: string): number {
  let keys = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    at = skipString(text, at);
    if (text[skipSpace(text, at)] === ":") keys++;
  }
  return keys;
}
