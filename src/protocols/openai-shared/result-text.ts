import type { Block, MediaBlock, TextBlock, ToolResultBlock } from "../../ir/index.ts";
import type { LossList } from "./loss-list.ts";

/** What a tool's result says, and what it shows. */
export interface ResultParts {
  readonly texts: readonly string[];
  readonly media: readonly MediaBlock[];
}

/** Takes a result apart. */
export function splitResult(result: ToolResultBlock, losses: LossList): ResultParts {
  const texts: string[] = [];
  const media: MediaBlock[] = [];
  for (const block of markedResult(result, losses)) {
    if (block.type === "text" || block.type === "refusal") texts.push(block.text);
    else if (block.type === "media") media.push(block);
    else losses.drop(`tool_result.${block.type === "opaque" ? typeOf(block.value) : block.type}`, "The provider knows no such content.");
  }
  return { texts, media };
}

/** The content of a result. Neither OpenAI dialect can say that it is an error, so its text says it. */
export function markedResult({ content, isError }: ToolResultBlock, losses: LossList): readonly Block[] {
  const at = content.findIndex((block) => block.type === "text");
  const first = content[at];
  const text = first?.type === "text" ? first.text : "";
  if (isError !== true || /^\s*(?:error|<[\w-]*error)/i.test(text)) return content;
  losses.add("tool_result.is_error", "emulated", "The text of the result says so.");
  if (first?.type !== "text") return [{ type: "text", text: "Error" }, ...content];
  return content.with(at, { ...first, text: `Error: ${text}` });
}

/** The type of an opaque block, for the name of a loss. */
export function typeOf(value: unknown): string {
  const type: unknown = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  return typeof type === "string" ? type : "content";
}

/** Says what a client marked for a cache, which OpenAI's prompt caches do by themselves. */
export function noteCaches(blocks: readonly Block[], losses: LossList): void {
  if (blocks.some(isMarked)) noteCache(losses);
}

export function noteCache(losses: LossList): void {
  losses.drop("cache_control", "The provider caches by itself.");
}

function isMarked(block: Block): boolean {
  if (block.type === "reasoning" || block.type === "refusal" || block.type === "opaque") return false;
  return (block.cache !== undefined && !keepsOwnMark(block)) || (block.type === "tool-result" && block.content.some(isMarked));
}

/** OpenAI's own mark is in the extensions as well, and goes back from there. */
function keepsOwnMark({ extensions }: Exclude<Block, { type: "reasoning" | "refusal" | "opaque" }>): boolean {
  return [extensions?.["openai-chat"], extensions?.["openai-responses"]].some((own) => own?.["prompt_cache_breakpoint"] !== undefined);
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
