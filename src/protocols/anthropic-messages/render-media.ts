import type { MediaBlock } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import { isTextType, mediaTypeOfUrl, normalizeMedia } from "../shared/media-form.ts";

const imageTypes: ReadonlySet<string> = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);

/**
 * Returns the `image` or `document` block of a medium, without its `cache_control`. What the wire cannot carry (audio, video, a file in another
 * vendor's store) becomes a text that says so.
 */
export function renderMedia(given: MediaBlock, losses: Losses): WireObject {
  const block = normalizeMedia(given);
  const own = block.extensions?.["anthropic-messages"] ?? {};
  losses.dropForeign(block.extensions, "anthropic-messages", "content[]");
  if (block.detail !== undefined && block.detail !== "auto") losses.drop("media.detail", "The provider has no level of detail for images.");
  if (own["type"] === "search_result" && block.source.type === "text") return renderSearchResult(block, block.source.text, own);
  const source = ownSource(own["source"]) ?? sourceOf(block);
  if (source === undefined) return block.source.type === "url" ? asAddress(block, block.source.url, losses) : omitted(block, losses);
  const type = block.kind === "image" ? "image" : "document";
  return compact({ type, ...own, source, title: type === "document" ? block.filename : undefined });
}

function renderSearchResult(block: MediaBlock, text: string, own: WireObject): WireObject {
  return compact({ ...own, title: block.filename, content: [{ type: "text", text }] });
}

/** The document's original source of content blocks; not if it contains images, which are separate blocks in the neutral form. */
function ownSource(source: unknown): WireObject | undefined {
  if (!isObject(source)) return undefined;
  const content = source["content"];
  const hasImages = Array.isArray(content) && content.some((block) => isObject(block) && block["type"] === "image");
  return hasImages ? undefined : source;
}

function sourceOf({ kind, source }: MediaBlock): WireObject | undefined {
  if (kind === "audio" || kind === "video") return undefined;
  switch (source.type) {
    case "base64":
      if (kind === "image") return imageTypes.has(source.mediaType) ? base64Source(source) : undefined;
      if (source.mediaType === "application/pdf") return base64Source(source);
      return isTextType(source.mediaType) ? textSource(Buffer.from(source.data, "base64").toString("utf8")) : undefined;
    case "url":
      return takesAddress(kind, source) ? { type: "url", url: source.url } : undefined;
    case "file":
      // File ids of this vendor begin with `file_`; OpenAI's with `file-`, Google's with `files/`.
      return source.id.startsWith("file_") ? { type: "file", file_id: source.id } : undefined;
    case "text":
      return kind === "document" ? textSource(source.text) : undefined;
  }
}

function base64Source({ mediaType, data }: Extract<MediaBlock["source"], { type: "base64" }>): WireObject {
  return { type: "base64", media_type: mediaType, data };
}

function textSource(data: string): WireObject {
  return { type: "text", media_type: "text/plain", data };
}

/** The vendor fetches images and PDFs. An address that does not say what it is may be one. */
function takesAddress(kind: MediaBlock["kind"], { url, mediaType }: Extract<MediaBlock["source"], { type: "url" }>): boolean {
  if (!/^https?:/i.test(url)) return false;
  const type = mediaType ?? mediaTypeOfUrl(url);
  return type === undefined || (kind === "image" ? imageTypes.has(type) : type === "application/pdf");
}

/** What the vendor does not fetch: its address, as a text. */
function asAddress({ kind, filename }: MediaBlock, url: string, losses: Losses): WireObject {
  losses.drop(kind, `The provider does not fetch this ${kind}: its address is sent as text.`);
  return { type: "text", text: `[${kind}${filename === undefined ? "" : ` "${filename}"`}: ${url}]` };
}

function omitted({ kind, filename }: MediaBlock, losses: Losses): WireObject {
  losses.drop(kind, `The provider does not take this ${kind}.`);
  return { type: "text", text: `[${kind} left out${filename === undefined ? "" : `: ${filename}`}]` };
}
