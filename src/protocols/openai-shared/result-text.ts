import type { Block, Extensions, MediaBlock, TextBlock, ToolResultBlock } from "../../ir/index.ts";
import type { WireObject } from "../fields.ts";
import { nameOfOpaque, type Losses } from "../losses.ts";

/** What a tool's result says, and what it shows. */
export interface ResultParts {
  readonly texts: readonly string[];
  readonly media: readonly MediaBlock[];
}

/** Takes a result apart. */
export function splitResult(result: ToolResultBlock, losses: Losses): ResultParts {
  const texts: string[] = [];
  const media: MediaBlock[] = [];
  for (const block of markedResult(result, losses)) {
    if (block.type === "text" || block.type === "refusal") texts.push(block.text);
    else if (block.type === "media") media.push(block);
    else losses.drop(`items[].${block.type === "opaque" ? nameOfOpaque(block.value) : block.type}`, "The provider knows no such content.");
  }
  return { texts, media };
}

/** The content of a result. Neither OpenAI dialect can say that it is an error, so its text says it. */
export function markedResult({ content, isError }: ToolResultBlock, losses: Losses): readonly Block[] {
  const at = content.findIndex((block) => block.type === "text");
  const first = content[at];
  const text = first?.type === "text" ? first.text : "";
  if (isError !== true || /^\s*(?:error|<[\w-]*error)/i.test(text)) return content;
  losses.emulate("toolResults.isError", "The text of the result says so.");
  if (first?.type !== "text") return [{ type: "text", text: "Error" }, ...content];
  return content.with(at, { ...first, text: `Error: ${text}` });
}

/** Says what a client marked for a cache, which OpenAI's prompt caches do by themselves. */
export function noteCaches(blocks: readonly Block[], losses: Losses): void {
  if (blocks.some(isMarked)) noteCache(losses);
}

export function noteCache(losses: Losses): void {
  losses.drop("cache", "The provider caches automatically.");
}

function isMarked(block: Block): boolean {
  if (block.type === "reasoning" || block.type === "refusal" || block.type === "opaque") return false;
  return (block.cache !== undefined && !keepsOwnMark(block)) || (block.type === "tool-result" && block.content.some(isMarked));
}

/** OpenAI's own mark is in the extensions as well, and goes back from there. */
function keepsOwnMark({ extensions }: Exclude<Block, { type: "reasoning" | "refusal" | "opaque" }>): boolean {
  return [extensions?.["openai-chat"], extensions?.["openai-responses"]].some((own) => own?.["prompt_cache_breakpoint"] !== undefined);
}

/** Fields of a part that `own` has no neutral name for, and the mark of a cache, which both OpenAI dialects have. */
export function ownPartFields({ extensions }: { readonly extensions?: Extensions }, own: "openai-chat" | "openai-responses"): WireObject {
  if (extensions === undefined) return {};
  const mark = [extensions["openai-chat"], extensions["openai-responses"]].find(
    (fields) => fields?.["prompt_cache_breakpoint"] !== undefined,
  );
  return {
    ...(mark === undefined ? {} : { prompt_cache_breakpoint: mark["prompt_cache_breakpoint"] }),
    ...extensions[own],
  };
}

/** Text of a document that the wire has no other place for, under its name. */
export function documentText(filename: string | undefined, text: string): TextBlock {
  return { type: "text", text: filename === undefined ? text : `${filename}:\n${text}` };
}

/** The text of a document that is one, though it came as base64; `undefined` for any other. */
export function decodeText({ kind, source }: MediaBlock): string | undefined {
  if (kind !== "document") return undefined;
  if (source.type === "text") return source.text;
  if (source.type !== "base64" || !/^(?:text\/|application\/(?:json|xml)\b)/.test(source.mediaType)) return undefined;
  return Buffer.from(source.data, "base64").toString("utf8");
}
