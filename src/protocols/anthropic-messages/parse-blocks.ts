import type { Block, MediaBlock, ReasoningProof, ToolResultBlock } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { readPart } from "../shared/loose-media.ts";
import {
  extensionsOf,
  fields,
  invalidField,
  join,
  optionalBoolean,
  optionalString,
  readArray,
  readObject,
  requiredString,
} from "./fields.ts";
import { parseCache } from "./parse-tools.ts";
import { isMadeBlock } from "./search-blocks.ts";

const knownText: ReadonlySet<string> = new Set(["type", "text", "cache_control"]);
/** The citations of an earlier answer ask for nothing. */
const knownCited: ReadonlySet<string> = new Set([...knownText, "citations"]);
const knownImage: ReadonlySet<string> = new Set(["type", "source", "cache_control"]);
const knownDocument: ReadonlySet<string> = new Set(["type", "source", "title", "cache_control"]);
const knownSearchResult: ReadonlySet<string> = new Set(["content", "title", "cache_control"]);
const knownThinking: ReadonlySet<string> = new Set(["type", "thinking", "signature"]);
const knownToolUse: ReadonlySet<string> = new Set(["type", "id", "name", "input", "cache_control"]);
const knownToolResult: ReadonlySet<string> = new Set(["type", "tool_use_id", "content", "is_error", "cache_control"]);

/** Parses the content of a message, of `system` or of a tool result: a string, or a list of blocks (also one without a list, or bare texts). */
export function parseBlocks(content: unknown, path: string): readonly Block[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  const list = isObject(content) ? [content] : readArray(content, path);
  return list.flatMap((value, index): Block | readonly Block[] => {
    const at = join(path, index);
    if (typeof value === "string") return { type: "text", text: value };
    const block = readObject(value, at);
    return isMadeBlock(block) ? [] : parseBlock(block, at);
  });
}

/**
 * Parses one wire block, usually to one block. What only this vendor runs or understands (`server_tool_use`, `web_search_tool_result`,
 * `container_upload`, future types) becomes an opaque block that keeps its wire form; a part of another dialect is read as what it is there.
 */
function parseBlock(block: WireObject, path: string): readonly Block[] {
  return readPart(block, path, readOwnBlocks, fields) ?? [{ type: "opaque", protocol: "anthropic-messages", value: block }];
}

function readOwnBlocks(block: WireObject, path: string): readonly Block[] | undefined {
  const read = readOwnBlock(block, path);
  return read === undefined ? undefined : [read].flat();
}

/** `undefined`: the block is none of this dialect. */
function readOwnBlock(block: WireObject, path: string): Block | readonly Block[] | undefined {
  switch (requiredString(block, "type", path)) {
    case "text":
      return compact({
        type: "text" as const,
        text: requiredString(block, "text", path),
        cache: parseCache(block, path),
        extensions: extensionsOf(restOf(block, Array.isArray(block["citations"]) ? knownCited : knownText)),
      });
    case "image":
      return parseImage(block, path);
    case "document":
      return parseDocument(block, path);
    case "search_result":
      return parseSearchResult(block, path);
    case "thinking":
      return compact({
        type: "reasoning" as const,
        text: requiredString(block, "thinking", path),
        proof: signatureOf(optionalString(block, "signature", path) ?? ""),
        extensions: extensionsOf(restOf(block, knownThinking)),
      });
    case "redacted_thinking":
      return {
        type: "reasoning",
        text: "",
        proof: { protocol: "anthropic-messages", kind: "redacted", data: requiredString(block, "data", path) },
      };
    case "tool_use":
      return compact({
        type: "tool-call" as const,
        id: requiredString(block, "id", path),
        name: requiredString(block, "name", path),
        kind: "function" as const,
        arguments: JSON.stringify(block["input"] ?? {}),
        cache: parseCache(block, path),
        extensions: extensionsOf(restOf(block, knownToolUse)),
      });
    case "tool_result":
      return parseToolResult(block, path);
    case "tool_reference":
      return parseToolReference(block, path);
    default:
      return undefined;
  }
}

function signatureOf(data: string): ReasoningProof | undefined {
  return data === "" ? undefined : { protocol: "anthropic-messages", kind: "signature", data };
}

function parseImage(block: WireObject, path: string): MediaBlock {
  const at = join(path, "source");
  return compact({
    type: "media" as const,
    kind: "image" as const,
    source: parseMediaSource(readObject(block["source"], at), at),
    cache: parseCache(block, path),
    extensions: extensionsOf(restOf(block, knownImage)),
  });
}

/**
 * Parses `{"type":"document","source":…,"title","context","citations"}`. A source of content blocks becomes one text, followed by its images; the
 * extensions keep the original blocks.
 */
function parseDocument(block: WireObject, path: string): Block | Block[] {
  const at = join(path, "source");
  const source = readObject(block["source"], at);
  const isContent = source["type"] === "content";
  const content = isContent ? parseBlocks(source["content"], join(at, "content")) : [];
  const document: MediaBlock = compact({
    type: "media" as const,
    kind: "document" as const,
    source: isContent ? { type: "text" as const, text: textOf(content) } : parseMediaSource(source, at),
    filename: optionalString(block, "title", path),
    cache: parseCache(block, path),
    extensions: extensionsOf(isContent ? { ...restOf(block, knownDocument), source } : restOf(block, knownDocument)),
  });
  return [document, ...content.filter((inner) => inner.type === "media")];
}

/** A search result becomes a short text with a title. Its type, `source` and `citations` stay in the extensions. */
function parseSearchResult(block: WireObject, path: string): MediaBlock {
  return compact({
    type: "media" as const,
    kind: "document" as const,
    source: { type: "text" as const, text: textOf(parseBlocks(block["content"], join(path, "content"))) },
    filename: optionalString(block, "title", path),
    cache: parseCache(block, path),
    extensions: extensionsOf(restOf(block, knownSearchResult)),
  });
}

function textOf(blocks: readonly Block[]): string {
  return blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n");
}

function parseMediaSource(source: WireObject, path: string): MediaBlock["source"] {
  switch (source["type"]) {
    case "base64":
      return { type: "base64", mediaType: requiredString(source, "media_type", path), data: requiredString(source, "data", path) };
    case "url":
      return { type: "url", url: requiredString(source, "url", path) };
    case "file":
      return { type: "file", id: requiredString(source, "file_id", path) };
    case "text":
      return { type: "text", text: requiredString(source, "data", path) };
    default:
      throw invalidField(join(path, "type"), '"base64", "url", "file", "text" or "content"');
  }
}

function parseToolResult(block: WireObject, path: string): ToolResultBlock {
  const content = block["content"];
  return compact({
    type: "tool-result" as const,
    callId: requiredString(block, "tool_use_id", path),
    content: isAbsent(content) ? [] : parseBlocks(content, join(path, "content")),
    isError: optionalBoolean(block, "is_error", path),
    cache: parseCache(block, path),
    extensions: extensionsOf(restOf(block, knownToolResult)),
  });
}

/** A reference to a tool that was loaded later: a sentence for any other model, and the reference itself in the extensions. */
function parseToolReference(block: WireObject, path: string): Block {
  return compact({
    type: "text" as const,
    text: `Tool ${requiredString(block, "tool_name", path)} loaded.`,
    cache: parseCache(block, path),
    extensions: extensionsOf(restOf(block, new Set(["cache_control"]))),
  });
}
