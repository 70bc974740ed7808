import type { Block, Extensions, MediaBlock, TextBlock, ToolResultBlock } from "../../ir/index.ts";
import type { WireObject } from "../shared/fields.ts";
import { isTextType } from "../shared/media-form.ts";
import { nameOfOpaque, type Losses } from "../shared/losses.ts";

/** The texts and the media of a tool's result. */
export interface ResultParts {
  readonly texts: readonly string[];
  readonly media: readonly MediaBlock[];
}

/** Splits a result into texts and media. */
export function splitResult(result: ToolResultBlock, losses: Losses): ResultParts {
  const texts: string[] = [];
  const media: MediaBlock[] = [];
  for (const block of markedResult(result, losses)) {
    if (block.type === "text" || block.type === "refusal") texts.push(block.text);
    else if (block.type === "media") media.push(block);
    else losses.drop(`items[].${block.type === "opaque" ? nameOfOpaque(block.value) : block.type}`, "The provider has no such content.");
  }
  return { texts, media };
}

/** The content of a result. Neither OpenAI dialect has a field for an error, so the text says that it is one. */
export function markedResult({ content, isError }: ToolResultBlock, losses: Losses): readonly Block[] {
  const at = content.findIndex((block) => block.type === "text");
  const first = content[at];
  const text = first?.type === "text" ? first.text : "";
  if (isError !== true || /^\s*(?:error|<[\w-]*error)/i.test(text)) return content;
  losses.emulate("toolResults.isError", "The text of the result says so.");
  if (first?.type !== "text") return [{ type: "text", text: "Error" }, ...content];
  return content.with(at, { ...first, text: `Error: ${text}` });
}

/** Reports the cache marks of a client, which are not sent: OpenAI's prompt caches work without marks. */
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

/** OpenAI's own mark is in the extensions as well, and is rendered from there. */
function keepsOwnMark({ extensions }: Exclude<Block, { type: "reasoning" | "refusal" | "opaque" }>): boolean {
  return [extensions?.["openai-chat"], extensions?.["openai-responses"]].some((own) => own?.["prompt_cache_breakpoint"] !== undefined);
}

/** Fields of a part without a neutral name in `own`, and the cache mark, which both OpenAI dialects have. */
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

/** The text of a document that has no other place on the wire, under its name. */
export function documentText(filename: string | undefined, text: string): TextBlock {
  return { type: "text", text: filename === undefined ? text : `${filename}:\n${text}` };
}

/** The text of a document that contains text, though it came as base64; `undefined` for any other. */
export function decodeText({ kind, source }: MediaBlock): string | undefined {
  if (kind !== "document") return undefined;
  if (source.type === "text") return source.text;
  if (source.type !== "base64" || !isTextType(source.mediaType)) return undefined;
  return Buffer.from(source.data, "base64").toString("utf8");
}
