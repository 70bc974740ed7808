import { scanDocument, scanObject, type Edit, type ScannedObject, type Span } from "../core/index.ts";

/**
 * Every name by which a dialect, or a server that speaks it, bounds its output, counts its answers, or nests both. Unknown fields go to the provider as they are, so
 * each name is looked for in each dialect: what counts for a budget is the largest value that any server may read.
 */
export const outputLimitKeys = [
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "maxOutputTokens",
  "max_new_tokens",
  "n",
  "best_of",
  "candidateCount",
  "candidate_count",
  "generationConfig",
  "generation_config",
] as const;
const limitCount = 5;
const choiceCount = 4;
const quote = 0x22;
const openBrace = 0x7b;

export interface OutputLimits {
  /** The largest bound on output tokens; absent if the body has none, or only ones that are 0 or no number. */
  readonly maxOutputTokens?: number;
  /** The largest number of answers, if it is above 1. */
  readonly choices?: number;
}

/**
 * The largest of all bounds in a body. `spans` are those of `outputLimitKeys`, which begin at `first`. The configuration objects are read too, without those inside
 * them.
 */
export function readOutputLimits(body: string, spans: readonly (Span | undefined)[], first: number): OutputLimits {
  let limit = largest(body, spans, first, limitCount);
  let choices = largest(body, spans, first + limitCount, choiceCount);
  for (let at = first + limitCount + choiceCount; at < first + outputLimitKeys.length; at++) {
    const config = spans[at];
    if (config === undefined || body.charCodeAt(config.start) !== openBrace) continue;
    const inner = scanObject(body, config.start, outputLimitKeys).spans;
    limit = Math.max(limit, largest(body, inner, 0, limitCount));
    choices = Math.max(choices, largest(body, inner, limitCount, choiceCount));
  }
  return { ...(limit > 0 ? { maxOutputTokens: limit } : {}), ...(choices > 1 ? { choices } : {}) };
}

function largest(body: string, spans: readonly (Span | undefined)[], first: number, count: number): number {
  let most = 0;
  for (let at = first; at < first + count; at++) {
    const span = spans[at];
    if (span !== undefined) most = Math.max(most, readLimit(body, span));
  }
  return most;
}

/** A number, or its decimal text, which protocol buffers and lenient servers take as well; 0 for anything else. */
function readLimit(body: string, { start, end }: Span): number {
  const isText = body.charCodeAt(start) === quote;
  const value = Number(isText ? body.slice(start + 1, end - 1) : body.slice(start, end));
  if (!(value > 0)) return 0;
  return Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER);
}

/** Whether no member of a body says anything about the bound on its output: all are absent or null. */
export function isUnbounded(body: string): boolean {
  const { spans } = scanDocument(body, outputLimitKeys);
  if (!saysNothing(body, spans)) return false;
  for (let at = limitCount + choiceCount; at < outputLimitKeys.length; at++) {
    const config = spans[at];
    if (config === undefined || isNull(body, config)) continue;
    if (body.charCodeAt(config.start) !== openBrace) return false;
    if (!saysNothing(body, scanObject(body, config.start, outputLimitKeys).spans)) return false;
  }
  return true;
}

function saysNothing(body: string, spans: readonly (Span | undefined)[]): boolean {
  for (let at = 0; at < limitCount; at++) if (spans[at] !== undefined && !isNull(body, spans[at]!)) return false;
  return true;
}

/**
 * The edit that bounds the output of an unbounded body.
 * @param place where its protocol has the bound: `max_tokens`, or a member of an object, `generationConfig.maxOutputTokens`.
 */
export function setOutputLimit(body: string, place: string, limit: number): Edit {
  const [outer = "", inner] = place.split(".");
  if (inner === undefined) return setMember(scanDocument(body, [outer]), outer, String(limit));
  const document = scanDocument(body, [outer, inSnakeCase(outer)]);
  const config = document.spans.find((span) => span !== undefined && !isNull(body, span));
  if (config === undefined) return setMember(document, outer, `{"${inner}":${limit}}`);
  return setMember(scanObject(body, config.start, [inner, inSnakeCase(inner)]), inner, String(limit));
}

/** Where the member is there, it is null. */
function setMember({ spans, open, empty }: ScannedObject, key: string, value: string): Edit {
  const found = spans.find((span) => span !== undefined);
  if (found !== undefined) return { start: found.start, end: found.end, text: value };
  return { start: open + 1, end: open + 1, text: `"${key}":${value}${empty ? "" : ","}` };
}

function isNull(body: string, span: Span): boolean {
  return body.startsWith("null", span.start);
}

function inSnakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
