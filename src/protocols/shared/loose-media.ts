import { GatewayError } from "../../core/index.ts";
import type { Block, MediaBlock } from "../../ir/index.ts";
import { compact, isObject, type FieldReaders, type WireObject } from "./fields.ts";
import { readCacheControl, readForeignPart } from "./foreign-parts.ts";
import { sniffMediaType } from "./media-form.ts";
import { audioTypeOf } from "./media-source.ts";

type Source = MediaBlock["source"];

/**
 * Reads a part of a content: as one of the client's dialect, as one of another dialect, or as a medium in the shape of a framework. `undefined`: its type is
 * none of these.
 * @throws GatewayError `invalid_request` if the part lacks what its type needs, and no medium is in it.
 */
export function readPart(
  part: WireObject,
  path: string,
  readOwn: (part: WireObject, path: string) => readonly Block[] | undefined,
  fields: FieldReaders,
): readonly Block[] | undefined {
  try {
    const blocks = readOwn(part, path) ?? readForeignPart(part, path, fields);
    if (blocks !== undefined) return blocks;
  } catch (error) {
    // What is not in the form of its type may still be a medium.
    const media = error instanceof GatewayError ? readLooseMedia(part) : undefined;
    if (media === undefined) throw error;
    return [media];
  }
  const media = readLooseMedia(part);
  return media === undefined ? undefined : [media];
}

const kindOfType: Readonly<Record<string, MediaBlock["kind"]>> = {
  image: "image",
  image_url: "image",
  input_image: "image",
  audio: "audio",
  audio_url: "audio",
  input_audio: "audio",
  video: "video",
  video_url: "video",
  input_video: "video",
  file: "document",
  file_url: "document",
  input_file: "document",
  document: "document",
  document_url: "document",
  media: "document",
};

/** Members in which a part has its medium, beside the one with the name of its type. */
const places = ["source", "image_url", "image", "audio", "video", "file", "inlineData", "inline_data", "fileData", "file_data"] as const;
const geminiPlaces = ["inlineData", "inline_data", "fileData", "file_data"] as const;
const urlKeys = ["url", "uri", "fileUri", "file_uri", "file_url"] as const;
const dataKeys = ["data", "base64", "b64_json", "file_data"] as const;
const typeKeys = ["mime_type", "mimeType", "media_type", "mediaType", "content_type", "contentType"] as const;
const nameKeys = ["filename", "name", "title", "displayName"] as const;

/**
 * Reads a medium of a shape that agents' frameworks have: `{"type":"image","image":…}` (AI SDK, Qwen), `{"type":"image","data","mimeType"}` (MCP),
 * `{"type":"image","source_type":"base64","data","mime_type"}` and `{"type":"media",…}` (LangChain), `{"type":"audio_url","audio_url":{"url"}}` (vLLM),
 * `{"type":"document_url"}` (Mistral), `{"inlineData"}` without a type (Gemini). `undefined` if there is none.
 */
export function readLooseMedia(part: WireObject): MediaBlock | undefined {
  const type = typeof part["type"] === "string" ? part["type"] : "";
  const isKnown = Object.hasOwn(kindOfType, type);
  if (!isKnown && (type !== "" || !geminiPlaces.some((place) => isObject(part[place])))) return undefined;
  const carriers = [part[type], ...places.map((place) => part[place]), part];
  for (const carrier of carriers) {
    const source = sourceOf(carrier, part);
    const inner = isObject(carrier) ? carrier : part;
    const filename = textIn(inner, nameKeys) ?? textIn(part, nameKeys);
    if (source === undefined || !isTyped(source, filename)) continue;
    const detail = inner["detail"] ?? part["detail"];
    return compact({
      type: "media" as const,
      kind: kindOfType[type] ?? "document",
      source,
      filename,
      detail: typeof detail === "string" ? detail : undefined,
      cache: readCacheControl(part),
    });
  }
  return undefined;
}

function sourceOf(carrier: unknown, part: WireObject): Source | undefined {
  if (typeof carrier === "string") return sourceOfText(carrier, typeIn(part));
  if (!isObject(carrier)) return undefined;
  const mediaType = typeIn(carrier) ?? typeIn(part);
  const url = textIn(carrier, urlKeys);
  if (url !== undefined) return sourceOfText(url, mediaType);
  const data = textIn(carrier, dataKeys);
  if (data !== undefined) return { type: "base64", mediaType: mediaType ?? "", data };
  return typeof carrier["file_id"] === "string" ? { type: "file", id: carrier["file_id"] } : undefined;
}

/** An address, or base64 where others have an address. */
function sourceOfText(text: string, mediaType: string | undefined): Source | undefined {
  if (/^data:/i.test(text)) return { type: "url", url: text };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return compact({ type: "url" as const, url: text, mediaType });
  const isBase64 = text.length >= 4 && /^[\w+/=\s-]+$/.test(text.slice(0, 256));
  return isBase64 ? { type: "base64", mediaType: mediaType ?? "", data: text } : undefined;
}

/** Whether it is known what the data is. */
function isTyped(source: Source, filename: string | undefined): boolean {
  return source.type !== "base64" || source.mediaType !== "" || filename !== undefined || sniffMediaType(source.data) !== undefined;
}

function typeIn(object: WireObject): string | undefined {
  const { format } = object;
  return textIn(object, typeKeys) ?? (typeof format === "string" && format !== "" ? audioTypeOf(format) : undefined);
}

function textIn(object: WireObject, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = object[key];
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}
