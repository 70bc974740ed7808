import type { MediaBlock } from "../../ir/index.ts";
import { compact, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import type { ModelTraits } from "./model-traits.ts";

const filesUrl = "https://generativelanguage.googleapis.com/v1beta/";
const levelByDetail: Readonly<Record<string, string>> = { low: "MEDIA_RESOLUTION_LOW", high: "MEDIA_RESOLUTION_HIGH" };
/** The media type for a URL's ending, as the wire requires the type of a file. */
const typeByEnding: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  pdf: "application/pdf",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  mp4: "video/mp4",
  txt: "text/plain",
};
const typeByKind: Readonly<Record<MediaBlock["kind"], string>> = {
  image: "image/jpeg",
  document: "application/pdf",
  audio: "audio/mpeg",
  video: "video/mp4",
};

/** Renders `{"inlineData"}`, `{"fileData"}` or `{"text"}`; a file in another vendor's store becomes a text that says so. */
export function renderMedia(block: MediaBlock, traits: ModelTraits, losses: Losses): WireObject {
  const own = block.extensions?.["gemini-generate"];
  losses.dropForeign(block.extensions, "gemini-generate", "content[]");
  if (block.filename !== undefined) losses.drop("media.filename", "The provider accepts no names of files.");
  const level = block.detail === undefined ? undefined : levelByDetail[block.detail];
  const detail = traits.takesMediaResolution && level !== undefined ? { mediaResolution: { level } } : {};
  if (!traits.takesMediaResolution && level !== undefined) losses.drop("media.detail", "The model has no level of detail for images.");
  const { source } = block;
  switch (source.type) {
    case "base64":
      return { inlineData: { mimeType: source.mediaType, data: source.data }, ...detail, ...own };
    case "url":
      return { fileData: { fileUri: source.url, mimeType: source.mediaType ?? typeOfUrl(source.url, block.kind) }, ...detail, ...own };
    case "file":
      if (source.id.startsWith("files/")) {
        return { fileData: compact({ fileUri: `${filesUrl}${source.id}`, mimeType: source.mediaType }), ...detail, ...own };
      }
      losses.drop(block.kind, "The file is in another provider's store.");
      return { text: `[${block.kind} left out${block.filename === undefined ? "" : `: ${block.filename}`}]` };
    case "text":
      return { text: block.filename === undefined ? source.text : `${block.filename}:\n${source.text}` };
  }
}

function typeOfUrl(url: string, kind: MediaBlock["kind"]): string {
  const ending = /\.([a-z0-9]+)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase() ?? "";
  return (Object.hasOwn(typeByEnding, ending) ? typeByEnding[ending] : undefined) ?? typeByKind[kind];
}
