import { asBytes, elementsOf, memberIn, readString, scanDocument, type Bytes, type Edit, type Span } from "../../core/index.ts";
import { readTraits } from "../model-traits.ts";
import type { CachePlace } from "../prompt-cache.ts";
import type { RenderTarget } from "../translation.ts";
import { isMarkableType } from "./cache-marks.ts";
import { claudeTraits } from "./model-traits.ts";

const mark = '"cache_control":{"type":"ephemeral"}';

/** A place for a mark in a body, and the edits that set it. */
interface OwnPlace extends CachePlace {
  readonly edits: readonly Edit[];
}

/**
 * The cache marks in the body of a client of this dialect that sets none, where the marker chooses; all other bytes are kept. A text in place of a list of
 * blocks becomes a list of one block.
 */
export function markOwnBody(text: Bytes, target: RenderTarget): readonly Edit[] {
  const { minCacheTokens: minTokens } = readTraits(claudeTraits, target);
  const marker = target.caching?.marker;
  if (marker === undefined || minTokens === undefined || text.includes('"cache_control"')) return [];
  const [tools, system, messages] = scanDocument(text, ["tools", "system", "messages"]).spans;
  const places: OwnPlace[] = [];
  let prefix = "";
  let sizeBytes = 0;
  const add = (part: CachePlace["part"], span: Span, edits: readonly Edit[] | undefined): void => {
    prefix = marker.hash(prefix, text.slice(span.start, span.end));
    sizeBytes += span.end - span.start;
    if (edits !== undefined) places.push({ part, prefix, sizeBytes, edits });
  };
  if (tools !== undefined) add("tools", tools, markEdits(text, tools));
  if (system !== undefined) add("instructions", system, markEdits(text, system));
  let isToolStep = false;
  for (const message of elementsOf(text, messages)) {
    const isUser = readString(text, memberIn(text, message, "role")) === "user";
    const content = isUser ? memberIn(text, message, "content") : undefined;
    add("turn", message, content === undefined ? undefined : markEdits(text, content));
    isToolStep = content !== undefined && elementsOf(text, content).some((block) => typeOf(text, block) === "tool_result");
  }
  const chosen = marker.choose({ places, isToolStep, minTokens });
  return chosen.flatMap((at) => places[at]!.edits);
}

/** Marks the last block or tool of a list, or a text; `undefined` if it cannot be marked. */
function markEdits(text: Bytes, value: Span): readonly Edit[] | undefined {
  if (text[value.start] === '"') {
    if (value.end - value.start === 2) return undefined;
    return [insertion(value.start, '[{"type":"text","text":'), insertion(value.end, `,${mark}}]`)];
  }
  const last = elementsOf(text, value).at(-1);
  if (last === undefined || text[last.start] !== "{" || !isMarkable(text, last)) return undefined;
  return [insertion(last.end - 1, `,${mark}`)];
}

function isMarkable(text: Bytes, block: Span): boolean {
  const type = typeOf(text, block);
  if (type === undefined || type === "custom") return memberIn(text, block, "name") !== undefined;
  const words = type === "text" ? memberIn(text, block, "text") : undefined;
  // The vendor refuses marks on empty texts.
  return isMarkableType(type) && (words === undefined || words.end - words.start > 2);
}

function typeOf(text: Bytes, block: Span): string | undefined {
  return text[block.start] === "{" ? readString(text, memberIn(text, block, "type")) : undefined;
}

function insertion(at: number, text: string): Edit {
  return { start: at, end: at, text: asBytes(text) };
}
