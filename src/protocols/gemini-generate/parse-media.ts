import type { MediaBlock } from "../../ir/index.ts";
import { compact, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { extensionsOf, join, optionalString, readObject, requiredString } from "./fields.ts";

const knownPart: ReadonlySet<string> = new Set(["inlineData", "fileData", "thoughtSignature"]);

/** The media resolutions that have a neutral level of detail. */
const detailByLevel: Readonly<Record<string, string>> = {
  MEDIA_RESOLUTION_LOW: "low",
  MEDIA_RESOLUTION_HIGH: "high",
  MEDIA_RESOLUTION_ULTRA_HIGH: "high",
};

/**
 * Parses `{"inlineData":{"mimeType","data"}}` or `{"fileData":{"fileUri","mimeType"?}}`, with `displayName` as its name; `undefined` for any other
 * part. The other fields of the part (`videoMetadata`, `mediaResolution`, …) stay in the extensions.
 */
export function parseMedia(part: WireObject, path: string): MediaBlock | undefined {
  const inline = part["inlineData"];
  const file = part["fileData"];
  if (inline !== undefined) return parseInline(part, readObject(inline, join(path, "inlineData")), join(path, "inlineData"));
  if (file !== undefined) return parseFile(part, readObject(file, join(path, "fileData")), join(path, "fileData"));
  return undefined;
}

/** The medium that the model made; `undefined` if a part has none. */
export function pictureOf({ inlineData: blob }: WireObject): MediaBlock | undefined {
  if (!isObject(blob) || typeof blob["mimeType"] !== "string" || typeof blob["data"] !== "string") return undefined;
  return { type: "media", kind: kindOf(blob["mimeType"]), source: { type: "base64", mediaType: blob["mimeType"], data: blob["data"] } };
}

function parseInline(part: WireObject, blob: WireObject, path: string): MediaBlock {
  const mediaType = requiredString(blob, "mimeType", path);
  const data = requiredString(blob, "data", path);
  return mediaBlock(part, optionalString(blob, "displayName", path), kindOf(mediaType), { type: "base64", mediaType, data });
}

/** A file of the vendor's own store has an id, `files/…`; any other URI is an address. */
function parseFile(part: WireObject, file: WireObject, path: string): MediaBlock {
  const uri = requiredString(file, "fileUri", path);
  const mediaType = optionalString(file, "mimeType", path);
  const stored = /^(?:https:\/\/generativelanguage\.googleapis\.com\/v1\w*\/)?(files\/[^/?#]+)$/.exec(uri)?.[1];
  const isVideoPage = /^https:\/\/(?:www\.)?(?:youtube\.com|youtu\.be)\//.test(uri);
  const kind = mediaType === undefined && isVideoPage ? "video" : kindOf(mediaType ?? "");
  const source = stored === undefined ? { type: "url" as const, url: uri, mediaType } : { type: "file" as const, id: stored, mediaType };
  return mediaBlock(part, optionalString(file, "displayName", path), kind, compact(source));
}

function mediaBlock(part: WireObject, filename: string | undefined, kind: MediaBlock["kind"], source: MediaBlock["source"]): MediaBlock {
  const resolution = part["mediaResolution"];
  const level = isObject(resolution) ? resolution["level"] : undefined;
  return compact({
    type: "media" as const,
    kind,
    source,
    filename,
    detail: typeof level === "string" ? detailByLevel[level] : undefined,
    extensions: extensionsOf(restOf(part, knownPart)),
  });
}

function kindOf(mediaType: string): MediaBlock["kind"] {
  if (mediaType.startsWith("image/")) return "image";
  if (mediaType.startsWith("audio/")) return "audio";
  if (mediaType.startsWith("video/")) return "video";
  return "document";
}
