import type { Block, CacheHint, MediaBlock } from "../../ir/index.ts";
import { compact, isAbsent, isObject, type FieldReaders, type WireObject } from "./fields.ts";
import { audioTypeOf, sourceOfFileData, sourceOfUrl } from "./media-source.ts";

type Source = MediaBlock["source"];

/** A part, its place in the request, and the readers of the client's dialect, which name a field in errors. */
interface PartAt {
  readonly part: WireObject;
  readonly path: string;
  readonly fields: FieldReaders;
}

type Reader = (at: PartAt) => Block | readonly Block[];

/**
 * Reads a part of a content that has the shape of another dialect: agents that can be pointed at any base URL send the parts of their own vendor
 * (`tool_use` and `image` of Anthropic, `image_url` of Chat, `input_text` of Responses). `undefined`: its type is none of these.
 * @throws GatewayError `invalid_request` if the part lacks what its type needs.
 */
export function readForeignPart(part: WireObject, path: string, fields: FieldReaders): readonly Block[] | undefined {
  const type = part["type"];
  const read = typeof type === "string" && Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (read === undefined) return undefined;
  return [read({ part, path, fields })].flat();
}

const readers: Readonly<Record<string, Reader>> = {
  text: readText,
  input_text: readText,
  output_text: readText,
  refusal: ({ part, path, fields }) => ({ type: "refusal", text: fields.requiredString(part, "refusal", path) }),
  image: readImage,
  image_url: readImage,
  input_image: readImage,
  document: readDocument,
  file: readFile,
  input_file: readFile,
  input_audio: readAudio,
  video_url: ({ part, path, fields }) => media(part, "video", sourceOfUrl(urlAt(part, "video_url", path, fields))),
  thinking: ({ part, path, fields }) => ({ type: "reasoning", text: fields.requiredString(part, "thinking", path) }),
  tool_use: readToolUse,
  tool_result: readToolResult,
};

function readText({ part, path, fields }: PartAt): Block {
  return compact({ type: "text" as const, text: fields.requiredString(part, "text", path), cache: readCacheControl(part) });
}

/** Content of a part: a text, one part, or parts; a part of no known type is opaque. */
function readContent(content: unknown, { path, fields }: Omit<PartAt, "part">): readonly Block[] {
  if (isAbsent(content)) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  const list = isObject(content) ? [content] : fields.readArray(content, path);
  return list.flatMap((value, index): readonly Block[] => {
    const at = fields.join(path, index);
    if (typeof value === "string") return [{ type: "text", text: value }];
    const part = fields.readObject(value, at);
    const blocks = readForeignPart(part, at, fields);
    if (blocks === undefined) throw fields.invalidField(fields.join(at, "type"), `one of ${Object.keys(readers).join(", ")}`);
    return blocks;
  });
}

/** An image of Anthropic (`source`), Chat (`image_url` with or without an object) or Responses (`image_url`, `file_id`). */
function readImage({ part, path, fields }: PartAt): Block {
  const detail = isObject(part["image_url"]) ? part["image_url"]["detail"] : part["detail"];
  const block = media(part, "image", sourceOfImage({ part, path, fields }));
  return typeof detail === "string" ? { ...block, detail } : block;
}

function sourceOfImage({ part, path, fields }: PartAt): Source {
  if (isObject(part["source"])) return readSource(part["source"], fields.join(path, "source"), fields);
  const id = fields.optionalString(part, "file_id", path);
  if (id !== undefined) return { type: "file", id };
  return sourceOfUrl(urlAt(part, "image_url", path, fields));
}

function urlAt(part: WireObject, key: string, path: string, fields: FieldReaders): string {
  const value = part[key];
  if (typeof value === "string") return value;
  const at = fields.join(path, key);
  return fields.requiredString(fields.readObject(value, at), "url", at);
}

/** Anthropic's `source`. */
function readSource(source: WireObject, path: string, fields: FieldReaders): Source {
  switch (source["type"]) {
    case "base64":
      return {
        type: "base64",
        mediaType: fields.requiredString(source, "media_type", path),
        data: fields.requiredString(source, "data", path),
      };
    case "url":
      return sourceOfUrl(fields.requiredString(source, "url", path));
    case "file":
      return { type: "file", id: fields.requiredString(source, "file_id", path) };
    case "text":
      return { type: "text", text: fields.requiredString(source, "data", path) };
    default:
      throw fields.invalidField(fields.join(path, "type"), '"base64", "url", "file" or "text"');
  }
}

/** A document of Anthropic; one of content blocks is their text, and its images. */
function readDocument({ part, path, fields }: PartAt): Block | readonly Block[] {
  const at = fields.join(path, "source");
  const source = fields.readObject(part["source"], at);
  const filename = fields.optionalString(part, "title", path);
  if (source["type"] !== "content") return media(part, "document", readSource(source, at, fields), filename);
  const content = readContent(source["content"], { path: fields.join(at, "content"), fields });
  const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n");
  return [media(part, "document", { type: "text", text }, filename), ...content.filter((block) => block.type === "media")];
}

/** A file of Chat (`file`) or of Responses (the same fields without an object around them, or `file_url`). */
function readFile({ part, path, fields }: PartAt): Block {
  const isNested = isObject(part["file"]);
  const file = isObject(part["file"]) ? part["file"] : part;
  const at = isNested ? fields.join(path, "file") : path;
  const filename = fields.optionalString(file, "filename", at);
  const id = fields.optionalString(file, "file_id", at);
  const url = fields.optionalString(file, "file_url", at);
  if (id !== undefined) return media(part, "document", { type: "file", id }, filename);
  if (url !== undefined) return media(part, "document", sourceOfUrl(url), filename);
  return media(part, "document", sourceOfFileData(fields.requiredString(file, "file_data", at), filename), filename);
}

function readAudio({ part, path, fields }: PartAt): Block {
  const at = fields.join(path, "input_audio");
  const audio = fields.readObject(part["input_audio"], at);
  const mediaType = audioTypeOf(fields.requiredString(audio, "format", at));
  return media(part, "audio", { type: "base64", mediaType, data: fields.requiredString(audio, "data", at) });
}

function media(part: WireObject, kind: MediaBlock["kind"], source: Source, filename?: string): MediaBlock {
  return compact({ type: "media" as const, kind, source, filename, cache: readCacheControl(part) });
}

function readToolUse({ part, path, fields }: PartAt): Block {
  const input = part["input"] ?? {};
  return compact({
    type: "tool-call" as const,
    id: fields.requiredString(part, "id", path),
    name: fields.requiredString(part, "name", path),
    kind: "function" as const,
    arguments: typeof input === "string" ? input : JSON.stringify(input),
    cache: readCacheControl(part),
  });
}

function readToolResult({ part, path, fields }: PartAt): Block {
  return compact({
    type: "tool-result" as const,
    callId: fields.requiredString(part, "tool_use_id", path),
    content: readContent(part["content"], { path: fields.join(path, "content"), fields }),
    isError: fields.optionalBoolean(part, "is_error", path),
    cache: readCacheControl(part),
  });
}

/** Whether a part is a block that only Anthropic's servers understand, and want back as it was: of its own tools, or thinking that it encrypted. */
export function isBlockOfAnthropic({ type }: { readonly type?: unknown }): boolean {
  return typeof type === "string" && anthropicOwn.test(type);
}

/** `ContentBlockParam` of `@anthropic-ai/sdk` 1.12. */
const anthropicOwn =
  /^(?:redacted_thinking|server_tool_use|[a-z_]+_tool_result|container_upload|search_result|tool_reference|mcp_tool_use)$/;

/** `cache_control` (`{"type":"ephemeral","ttl"?}`), Anthropic's mark that the prompt up to this part is worth caching. */
export function readCacheControl({ cache_control: control }: { readonly cache_control?: unknown }): CacheHint | undefined {
  if (!isObject(control)) return undefined;
  const { ttl } = control;
  return ttl === "5m" || ttl === "1h" ? { ttl } : {};
}

/** Blocks with a mark on the last of them: the mark of a whole message. */
export function withCache(blocks: readonly Block[], cache: CacheHint | undefined): readonly Block[] {
  const last = blocks.at(-1);
  if (cache === undefined || last === undefined) return blocks;
  if (last.type === "reasoning" || last.type === "refusal" || last.type === "opaque" || last.cache !== undefined) return blocks;
  return [...blocks.slice(0, -1), { ...last, cache }];
}
