import { scanObject, skipSpace, skipValue, type Span } from "../core/index.ts";

/** The text of arguments where it is one JSON object, without the space around it; `undefined` where it is anything else. Empty text is `{}`. */
export function objectText(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return "{}";
  if (!trimmed.startsWith("{")) return undefined;
  try {
    JSON.parse(trimmed);
    return trimmed;
  } catch {
    return undefined; // Cut off, or never JSON: the caller wraps it.
  }
}

/** The text of the value under a path of keys and indexes, as it stands in the JSON; `undefined` where there is none, or not for sure. */
export function textAt(json: string, path: readonly (string | number)[]): string | undefined {
  try {
    const top = skipSpace(json, 0);
    let span: Span | undefined = { start: top, end: skipValue(json, top) };
    for (const key of path) {
      span = span === undefined ? undefined : typeof key === "number" ? elementAt(json, span, key) : memberAt(json, span, key);
    }
    return span === undefined ? undefined : json.slice(span.start, span.end);
  } catch {
    return undefined; // A repeated or escaped key: whoever parsed the JSON knows the value, if not its text.
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
