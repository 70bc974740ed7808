import type { MediaBlock } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import { sourceOfFileData } from "../shared/media-source.ts";
import { decodeText, documentText } from "../openai-shared/result-text.ts";
import type { PartKind } from "../quirks.ts";
import { defaultFilename } from "./render-parts.ts";

/** Returns content whose parts the server accepts: the other parts become text. The content itself if the server accepts all. */
export function fitContent(content: unknown, taken: readonly PartKind[], losses: Losses): unknown {
  if (!Array.isArray(content)) return content;
  let isChanged = false;
  const parts = content.map((part: unknown) => {
    const fitted = isObject(part) ? fitPart(part, taken, losses) : part;
    isChanged ||= fitted !== part;
    return fitted;
  });
  return isChanged ? joinTexts(parts) : content;
}

function fitPart(part: WireObject, taken: readonly PartKind[], losses: Losses): WireObject {
  switch (part["type"]) {
    case "image_url":
      return taken.includes("image") || (taken.includes("image-data") && isData(urlOf(part["image_url"])))
        ? part
        : leftOut("image", losses);
    case "input_audio":
    case "audio_url":
      return taken.includes("audio") ? part : leftOut("audio", losses);
    case "video_url":
      return taken.includes("video") ? part : leftOut("video", losses);
    case "file":
      return taken.includes("file") ? part : fitFile(part, taken, losses);
    default:
      return part;
  }
}

/** A document that contains text becomes its text. */
function fitFile(part: WireObject, taken: readonly PartKind[], losses: Losses): WireObject {
  const file = isObject(part["file"]) ? part["file"] : {};
  const given = file["filename"];
  const filename = typeof given === "string" && given !== defaultFilename ? given : undefined;
  const data = file["file_data"];
  if (typeof data !== "string") return leftOut("document", losses, filename);
  const source = sourceOfFileData(data, filename);
  const text = decodeText({ type: "media", kind: "document", source });
  if (text !== undefined) {
    losses.emulate("document", "The provider accepts no files: the text of the document is sent.");
    return { ...documentText(filename, text) };
  }
  if (!taken.includes("document-url") || source.type !== "base64") return leftOut("document", losses, filename);
  losses.emulate("document", "The provider accepts documents only as addresses: the content is sent as a data URL.");
  return { type: "document_url", document_url: `data:${source.mediaType};base64,${source.data}` };
}

function leftOut(kind: MediaBlock["kind"], losses: Losses, filename?: string): WireObject {
  losses.drop(kind, `The provider does not take this ${kind}.`);
  return { type: "text", text: `[${kind} left out${filename === undefined ? "" : `: ${filename}`}]` };
}

function urlOf(value: unknown): string {
  const url = isObject(value) ? value["url"] : value;
  return typeof url === "string" ? url : "";
}

function isData(url: string): boolean {
  return url.startsWith("data:");
}

/** Texts without other parts are joined to a string, which every server accepts. */
export function joinTexts(parts: readonly unknown[]): unknown {
  const isPlain = parts.every((part) => isObject(part) && part["type"] === "text" && Object.keys(part).length === 2);
  return isPlain ? parts.map((part) => String((part as WireObject)["text"])).join("\n\n") : parts;
}

/** Joins several contents to one. */
export function joinContents(contents: readonly unknown[]): unknown {
  const filled = contents.filter((content) => !isEmpty(content));
  if (filled.length < 2) return filled.length === 1 ? filled[0] : contents[0];
  return filled.every((content) => typeof content === "string") ? filled.join("\n\n") : filled.flatMap(partsOf);
}

function isEmpty(content: unknown): boolean {
  return content === undefined || content === null || content === "" || (Array.isArray(content) && content.length === 0);
}

function partsOf(content: unknown): readonly unknown[] {
  return Array.isArray(content) ? content : [{ type: "text", text: content }];
}

/** Returns the joined texts of a content. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.flatMap((part: unknown) => (isObject(part) && typeof part["text"] === "string" ? [part["text"]] : [])).join("\n\n");
}
