import type { Block, MediaBlock } from "./block.ts";
import { estimateMedia } from "./estimate-media.ts";
import type { ChatRequest, Tool } from "./request.ts";
import type { ChatResponse } from "./response.ts";

/** Tokens that vendors add around a message, a tool, a call or a result. */
const frameTokens = 4;

/**
 * Estimated tokens of a request: instructions, messages, tools, calls, results and media. A whole number, 0 for an empty request. No vendor's
 * tokenizer is used: `docs/token-counts.md` says how far off the estimate is.
 */
export function estimateRequest(request: ChatRequest): number {
  let tokens = 0;
  for (const message of request.messages) tokens += frameTokens + sum(message.content, estimateBlock);
  for (const tool of request.tools ?? []) tokens += frameTokens + estimateTool(tool);
  const format = request.responseFormat;
  if (format?.type === "json-schema") tokens += estimateText(JSON.stringify(format.schema));
  return Math.round(tokens);
}

/** Estimated tokens of an answer, all its alternatives together. */
export function estimateAnswer({ content, alternatives = [] }: ChatResponse): number {
  return Math.round(sum([{ content }, ...alternatives], (candidate) => sum(candidate.content, estimateBlock)));
}

function estimateTool(tool: Tool): number {
  if (tool.type === "server") return estimateText(JSON.stringify(tool.wire));
  const { name, description } = tool;
  const schema = tool.type === "custom" ? (tool.grammar?.definition ?? "") : JSON.stringify(tool.parameters ?? {});
  return estimateText(name) + estimateText(description ?? "") + estimateText(schema);
}

function estimateBlock(block: Block): number {
  switch (block.type) {
    case "text":
    case "refusal":
    case "reasoning":
      return estimateText(block.text);
    case "tool-call":
      return frameTokens + estimateText(block.name) + estimateText(block.arguments);
    case "tool-result":
      return frameTokens + sum(block.content, estimateBlock);
    case "media":
      return estimateMediaBlock(block);
    case "opaque":
      return estimateText(JSON.stringify(block.value) ?? "");
  }
}

function estimateMediaBlock(block: MediaBlock): number {
  return block.source.type === "text" ? estimateText(block.source.text) : estimateMedia(block);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}

/** The kinds of character runs into which tokenizers cut a text. */
const word = 0;
const digits = 1;
const space = 2;
const lineBreak = 3;
const mark = 4;
const ideograph = 5;
const kana = 6;
const hangul = 7;
const accented = 8;
/** Cyrillic, Greek, Arabic, Hebrew, Devanagari, … */
const script = 9;
const other = 10;

/**
 * Estimated tokens of a text. The text is cut where byte-pair tokenizers cut: into words, numbers, marks and space. Each piece counts as such a piece
 * does on average. The result is not rounded, so that the counts of parts can be added.
 */
export function estimateText(text: string): number {
  if (text.length <= longText) return estimatePart(text, 0, text.length);
  const step = (text.length - partLength) / (partCount - 1);
  let tokens = 0;
  for (let part = 0; part < partCount; part++) {
    const start = Math.floor(part * step);
    tokens += estimatePart(text, start, start + partLength);
  }
  return (tokens * text.length) / (partCount * partLength);
}

/** Of a longer text, parts are estimated, and the rest like them: to go through 48 MB takes 400 ms. */
const longText = 4 * 1024 * 1024;
const partLength = 64 * 1024;
const partCount = 32;

function estimatePart(text: string, from: number, until: number): number {
  let tokens = 0;
  let start = from;
  let kind = -1;
  let wasLower = false;
  for (let at = from; at < until; at++) {
    const code = text.charCodeAt(at);
    const next = kindOf(code);
    // In `camelCase` a capital begins a word.
    const isUpper = next === word && code >= 0x41 && code <= 0x5a;
    if (next !== kind || (isUpper && wasLower)) {
      if (kind >= 0) tokens += tokensOf(kind, at - start);
      start = at;
      kind = next;
    }
    wasLower = next === word && !isUpper;
  }
  return kind < 0 ? 0 : tokens + tokensOf(kind, until - start);
}

function kindOf(code: number): number {
  if (code < 0x80) {
    if ((code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)) return word;
    if (code >= 0x30 && code <= 0x39) return digits;
    if (code === 0x20 || code === 0x09) return space;
    if (code === 0x0a || code === 0x0d) return lineBreak;
    return mark;
  }
  if (code < 0x250) return code < 0xc0 ? other : accented;
  if (code < 0x1100) return script;
  if (code >= 0x3040 && code <= 0x30ff) return kana;
  if ((code >= 0x3400 && code <= 0x9fff) || (code >= 0xf900 && code <= 0xfaff)) return ideograph;
  if (code >= 0xac00 && code <= 0xd7af) return hangul;
  return other;
}

/** The numbers are fitted to the texts of `estimate-tokens.test.ts`. */
function tokensOf(kind: number, length: number): number {
  switch (kind) {
    case word:
      return length <= 6 ? 1 : 1 + (length - 6) / 6;
    case digits:
      return Math.ceil(length / 3);
    case space:
      // One space belongs to the word after it.
      return length === 1 ? 0 : 1;
    case lineBreak:
      return 0.4;
    case mark:
      return length === 1 ? 0.72 : length * 0.44;
    case ideograph:
      return length * 0.78;
    case kana:
      return length * 0.68;
    case hangul:
      return length * 0.7;
    case accented:
      return length * 0.4;
    case script:
      return length * 0.3;
    default:
      return length;
  }
}
