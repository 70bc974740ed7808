import { scanObject, skipSpace, skipValue, type Span } from "../../core/index.ts";
import { isObject, type WireObject } from "./fields.ts";

/** The text of arguments if it is one JSON object, without the white space around it; `undefined` for any other text. Empty text is `{}`. */
export function objectText(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return "{}";
  return trimmed.startsWith("{") && jsonValue(trimmed) !== undefined ? trimmed : undefined;
}

/** The JSON value of a text; `undefined` if it is not JSON. */
export function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller decides whether that is an error.
  }
}

/** The same, if it is an object. */
export function jsonObject(text: string): WireObject | undefined {
  const value = jsonValue(text);
  return isObject(value) ? value : undefined;
}

/** The text of the value at a path of keys and indexes, unchanged from the JSON; `undefined` if there is no such value, or if it is not certain. */
export function textAt(json: string, path: readonly (string | number)[]): string | undefined {
  try {
    const top = skipSpace(json, 0);
    let span: Span | undefined = { start: top, end: skipValue(json, top) };
    for (const key of path) {
      span = typeof key === "number" ? elementAt(json, span, key) : memberAt(json, span, key);
      if (span === undefined) return undefined;
    }
    return json.slice(span.start, span.end);
  } catch {
    return undefined; // A repeated or escaped key: the parsed value is known, but not its text.
  }
}

function memberAt(json: string, span: Span, key: string): Span | undefined {
  return json[span.start] === "{" ? scanObject(json, span.start, [key]).spans[0] : undefined;
}

function elementAt(json: string, span: Span, index: number): Span | undefined {
  if (json[span.start] !== "[") return undefined;
  let at = skipSpace(json, span.start + 1);
  for (let i = 0; json[at] !== "]"; i++) {
    const end = skipValue(json, at);
    if (i === index) return { start: at, end };
    at = skipSpace(json, end);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
  return undefined;
}
