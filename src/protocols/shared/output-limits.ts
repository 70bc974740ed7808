import { scanDocument, scanObject, type Edit, type ScannedObject, type Span, asBytes } from "../../core/index.ts";

/**
 * Every name by which a dialect, or a server that speaks it, limits its output or counts its answers, and the objects that contain such names.
 * Unknown fields are sent to the provider unchanged, so each name is searched in each dialect: for a budget, the largest value that any server may
 * read counts.
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
  /** The largest output limit under the dialect's own names; absent if there is none that is a number above 0. */
  readonly maxOutputTokens?: number;
  /** Then the largest limit under other names. A provider may ignore it, so it limits nothing, but it may be more than the provider's own default. */
  readonly otherLimit?: number;
  /** The largest number of answers, if it is above 1. */
  readonly choices?: number;
}

/** The names of a dialect's own limit: at the top of the body, or in a configuration object. */
export interface OwnLimits {
  readonly names: readonly string[];
  readonly isNested: boolean;
}

/**
 * Reads the largest of all limits in a body. `spans` are those of `outputLimitKeys`, which begin at `first`. The configuration objects are read too,
 * without the objects inside them.
 */
export function readOutputLimits(body: string, spans: readonly (Span | undefined)[], first: number, own: OwnLimits): OutputLimits {
  const limits = { own: 0, all: 0, choices: 0 };
  note(limits, body, { spans, first }, own.isNested ? [] : own.names);
  for (let at = first + limitCount + choiceCount; at < first + outputLimitKeys.length; at++) {
    const config = spans[at];
    if (config === undefined || body.charCodeAt(config.start) !== openBrace) continue;
    note(limits, body, { spans: scanObject(body, config.start, outputLimitKeys).spans, first: 0 }, own.isNested ? own.names : []);
  }
  return limitsOf(limits);
}

function limitsOf({ own, all, choices }: FoundLimits): OutputLimits {
  if (all === 0) return choices > 1 ? { choices } : {};
  if (own === 0) return choices > 1 ? { otherLimit: all, choices } : { otherLimit: all };
  return choices > 1 ? { maxOutputTokens: all, choices } : { maxOutputTokens: all };
}

interface FoundLimits {
  own: number;
  all: number;
  choices: number;
}

interface FoundSpans {
  readonly spans: readonly (Span | undefined)[];
  readonly first: number;
}

function note(limits: FoundLimits, body: string, { spans, first }: FoundSpans, own: readonly string[]): void {
  for (let i = 0; i < limitCount + choiceCount; i++) {
    const span = spans[first + i];
    if (span === undefined) continue;
    const value = readLimit(body, span);
    if (i >= limitCount) limits.choices = Math.max(limits.choices, value);
    else {
      limits.all = Math.max(limits.all, value);
      if (own.includes(outputLimitKeys[i]!)) limits.own = Math.max(limits.own, value);
    }
  }
}

/** Reads a number, or its decimal text, which protocol buffers and lenient servers accept as well; 0 for anything else. */
function readLimit(body: string, { start, end }: Span): number {
  const isText = body.charCodeAt(start) === quote;
  const value = Number(isText ? body.slice(start + 1, end - 1) : body.slice(start, end));
  if (!(value > 0)) return 0;
  return Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER);
}

/** Whether no member of a body sets an output limit: all are absent or null. */
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
 * Returns the edit that sets the output limit of an unbounded body. @param place the place of the limit in its protocol: `max_tokens`, or a member of
 * an object, `generationConfig.maxOutputTokens`.
 */
export function setOutputLimit(body: string, place: string, limit: number): Edit {
  const [outer = "", inner] = place.split(".");
  if (inner === undefined) return setMember(scanDocument(body, [outer]), outer, String(limit));
  const document = scanDocument(body, [outer, inSnakeCase(outer)]);
  const config = document.spans.find((span) => span !== undefined && !isNull(body, span));
  if (config === undefined) return setMember(document, outer, `{"${inner}":${limit}}`);
  return setMember(scanObject(body, config.start, [inner, inSnakeCase(inner)]), inner, String(limit));
}

/** If the member exists, its value is null. */
function setMember({ spans, open, empty }: ScannedObject, key: string, value: string): Edit {
  const found = spans.find((span) => span !== undefined);
  if (found !== undefined) return { start: found.start, end: found.end, text: asBytes(value) };
  return { start: open + 1, end: open + 1, text: asBytes(`"${key}":${value}${empty ? "" : ","}`) };
}

function isNull(body: string, span: Span): boolean {
  return body.startsWith("null", span.start);
}

function inSnakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
