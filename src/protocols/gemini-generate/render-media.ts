import type { MediaBlock } from "../../ir/index.ts";
import { compact, type WireObject } from "../shared/fields.ts";
import { refuse, type Losses } from "../shared/losses.ts";
import { isTextType, mediaTypeOfUrl, normalizeMedia } from "../shared/media-form.ts";
import type { ModelTraits } from "./model-traits.ts";

const filesUrl = "https://generativelanguage.googleapis.com/v1beta/";
const levelByDetail: Readonly<Record<string, string>> = { low: "MEDIA_RESOLUTION_LOW", high: "MEDIA_RESOLUTION_HIGH" };
type Inline = Extract<MediaBlock["source"], { type: "base64" }>;

/** Gemini API, "Image understanding" and "Document understanding", November 2026. */
const imageTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"]);
const documentTypes: ReadonlySet<string> = new Set([
  "application/pdf",
  "text/plain",
  "text/html",
  "text/css",
  "text/markdown",
  "text/csv",
  "text/xml",
  "text/rtf",
  "text/javascript",
]);
/** Gemini API, "Audio understanding", and Vertex AI, "Audio understanding", November 2026. */
const audioTypes: ReadonlySet<string> = new Set(
  ["wav", "mpeg", "aiff", "aac", "ogg", "flac", "m4a", "mp4", "opus", "pcm", "webm"].map((subtype) => `audio/${subtype}`),
);
const typeByKind: Readonly<Record<MediaBlock["kind"], string>> = {
  image: "image/jpeg",
  document: "application/pdf",
  audio: "audio/mpeg",
  video: "video/mp4",
};

/** Renders `{"inlineData"}`, `{"fileData"}` or `{"text"}`; a file in another vendor's store becomes a text that says so. */
export function renderMedia(given: MediaBlock, traits: ModelTraits, losses: Losses): WireObject {
  const block = normalizeMedia(given);
  const own = block.extensions?.["gemini-generate"];
  losses.dropForeign(block.extensions, "gemini-generate", "content[]");
  if (block.filename !== undefined) losses.drop("media.filename", "The provider accepts no names of files.");
  const level = block.detail === undefined ? undefined : levelByDetail[block.detail];
  const detail = traits.takesMediaResolution && level !== undefined ? { mediaResolution: { level } } : {};
  if (!traits.takesMediaResolution && level !== undefined) losses.drop("media.detail", "The model has no level of detail for images.");
  const { source } = block;
  switch (source.type) {
    case "base64":
      return renderInline(block, source, { ...detail, ...own }, losses);
    case "url":
      return {
        fileData: { fileUri: source.url, mimeType: source.mediaType ?? mediaTypeOfUrl(source.url) ?? typeByKind[block.kind] },
        ...detail,
        ...own,
      };
    case "file":
      if (source.id.startsWith("files/")) {
        return { fileData: compact({ fileUri: `${filesUrl}${source.id}`, mimeType: source.mediaType }), ...detail, ...own };
      }
      losses.drop(block.kind, "The file is in another provider's store.");
      return omitted(block);
    case "text":
      return { text: block.filename === undefined ? source.text : `${block.filename}:\n${source.text}` };
  }
}

/** The vendor refuses the whole request for a type that it does not know ("Unsupported MIME type: image/gif"). */
function renderInline(block: MediaBlock, { mediaType, data }: Inline, fields: WireObject, losses: Losses): WireObject {
  if (block.kind === "audio" && !audioTypes.has(mediaType))
    throw refuse("audio", `it takes no ${mediaType}. Convert the sound to wav, mp3, aiff, aac, ogg or flac.`);
  if (block.kind === "image" ? imageTypes.has(mediaType) : block.kind !== "document" || documentTypes.has(mediaType))
    return { inlineData: { mimeType: mediaType, data }, ...fields };
  if (isTextType(mediaType)) return { inlineData: { mimeType: "text/plain", data }, ...fields };
  losses.drop(block.kind, `The provider does not take this ${block.kind}.`);
  return omitted(block);
}

function omitted({ kind, filename }: MediaBlock): WireObject {
  return { text: `[${kind} left out${filename === undefined ? "" : `: ${filename}`}]` };
}
