import {
  applyEdits,
  asBytes,
  latin1OfUtf8,
  memberIn,
  parseLatin1,
  readString,
  skipSpace,
  skipString,
  skipValue,
  utf8OfLatin1,
  type Bytes,
  type Edit,
} from "../../core/index.ts";

/** Members whose texts are no words of a user or a model: ids, signed or encrypted reasoning, media, addresses, and names of the wire. In any dialect. */
const fixedKeys: ReadonlySet<string> = new Set(
  (
    "id call_id tool_call_id tool_use_id item_id file_id container_id previous_response_id " +
    "conversation signature encrypted_content thoughtSignature thought_signature " +
    "extra_content encrypted_index url image_url file_url file_data fileUri file_uri media_type " +
    "mimeType mime_type type role model models name prompt_cache_key " +
    "cachedContent enum const pattern required format $ref jsonPath"
  ).split(" "),
);

/** Objects of a tool's own schema, and what a client adds to a request: their members have names of its own, so `id` is a text there as any other. */
const toolKeys: ReadonlySet<string> = new Set(["input", "args", "response", "metadata", "labels"]);

/** Members that have an answer's text once more, token by token. */
const tokenKeys: ReadonlySet<string> = new Set(["logprobs", "logprobsResult"]);

export interface EditOptions {
  /** All members have names of the client's own. */
  readonly isOfTool?: boolean;
  /** Probabilities of tokens are emptied. */
  readonly hasNoTokens?: boolean;
}

/** An object or array that is open. */
interface Level {
  readonly start: number;
  readonly isObject: boolean;
  readonly isFixed: boolean;
  readonly isOfTool: boolean;
  /** The member that contains it. */
  readonly key: string;
  /** Its `data` is the text of a document; `undefined`: not looked at yet. */
  hasPlainData?: boolean;
}

/**
 * The edits that change the texts of a request's or an answer's body in any dialect: instructions, messages, reasoning, arguments and results of tools, and
 * descriptions of tools. One pass, without a parse. Numbers are not texts, and names of members only inside what a tool is called with or returns.
 * @param body valid JSON.
 * @param change returns the same string if nothing changes; `key` is the member's name.
 * @throws GatewayError `invalid_json` where a string cannot be decoded.
 */
export function editTexts(
  body: Bytes,
  change: (text: string, key: string) => string,
  { isOfTool = false, hasNoTokens = false }: EditOptions = {},
): Edit[] {
  const edits: Edit[] = [];
  const levels: Level[] = [];
  let key = "";
  let isKeyNext = false;
  for (let at = 0; at < body.length;) {
    const code = body.charCodeAt(at);
    const level = levels.at(-1);
    if (code === 0x22) {
      const end = skipString(body, at);
      if (isKeyNext) key = decode(body, at, end);
      // Names that a tool gives may be texts as well, as in a map of addresses.
      if (isKeyNext ? level?.isOfTool === true : !isFixed(body, level, key)) {
        const text = isKeyNext ? key : decode(body, at, end);
        const changed = change(text, key);
        if (changed !== text) edits.push({ start: at, end, text: latin1OfUtf8(JSON.stringify(changed)) });
      }
      at = isKeyNext ? skipSpace(body, end) + 1 : end;
      isKeyNext = false;
      continue;
    }
    if (code === 0x7b || code === 0x5b) {
      const isObject = code === 0x7b;
      if (hasNoTokens && level?.isObject === true && !level.isOfTool && tokenKeys.has(key)) {
        const end = skipValue(body, at);
        edits.push({ start: at, end, text: asBytes(isObject ? "null" : "[]") });
        at = end;
        continue;
      }
      // At the top it is the object of an event of a Responses stream.
      const isToolKey = toolKeys.has(key) && !(key === "response" && levels.length === 1);
      const isToolLevel = isOfTool || level?.isOfTool === true || (isObject && level?.isObject === true && isToolKey);
      // A schema's own names: `id` there is a property like any other.
      const isProperty = level?.key === "properties";
      levels.push({
        start: at,
        isObject,
        isOfTool: isToolLevel,
        isFixed: level?.isFixed === true || (!isToolLevel && !isProperty && fixedKeys.has(key)),
        key,
      });
      isKeyNext = isObject;
      if (isObject) key = "";
    } else if (code === 0x7d || code === 0x5d) {
      key = levels.pop()?.key ?? "";
      isKeyNext = false;
    } else if (code === 0x2c) {
      isKeyNext = level?.isObject === true;
    }
    at++;
  }
  return edits;
}

/** `data` is base64 of a medium or of hidden reasoning, but the text itself in a document of plain text. */
function isFixed(body: Bytes, level: Level | undefined, key: string): boolean {
  if (level === undefined) return false;
  if (level.isFixed) return true;
  if (level.isOfTool) return false;
  if (key !== "data" || !level.isObject) return fixedKeys.has(key);
  // Once for each object: one of many such members would take quadratic time.
  level.hasPlainData ??= readString(body, memberIn(body, { start: level.start, end: body.length }, "type")) === "text";
  return !level.hasPlainData;
}

/** Arguments of calls are JSON inside a string: its own strings are looked at, so that their escapes neither hide nor join anything. Then it is a text like any other. */
export function changeText(text: string, change: (text: string) => string): string {
  if (!text.includes("\\") || !isJson(text)) return change(text);
  const inner = latin1OfUtf8(text);
  const edits = editTexts(inner, (each) => changeText(each, change), { isOfTool: true });
  const edited = edits.length === 0 ? text : utf8OfLatin1(applyEdits(inner, edits));
  // Names of members, and numbers. What would break the JSON began in an escape.
  const changed = change(edited);
  return changed === edited || isJson(changed) ? changed : edited;
}

/** The same for a text of which each part is looked at alone: of JSON its strings, and names of members, but not the whole. */
export function changeParts(text: string, change: (part: string) => string): string {
  if (!isJson(text)) return change(text);
  const inner = latin1OfUtf8(text);
  const edits = editTexts(inner, (each) => changeParts(each, change), { isOfTool: true });
  return edits.length === 0 ? text : utf8OfLatin1(applyEdits(inner, edits));
}

/** An object or array. */
export function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // A text that only looks like it.
  }
}

function decode(body: Bytes, start: number, end: number): string {
  return parseLatin1(asBytes(body.slice(start, end))) as string;
}
