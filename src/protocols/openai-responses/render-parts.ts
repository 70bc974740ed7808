import type { Block, MediaBlock } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { nameOfOpaque, type Losses } from "../shared/losses.ts";
import { normalizeMedia } from "../shared/media-form.ts";
import { inputAudioOf, isRefusedImage, omittedImage, openAiAudioFormats, urlOfSource } from "../openai-shared/media.ts";
import { decodeText, documentText, ownPartFields } from "../openai-shared/result-text.ts";

/** The vendor requires a name beside the data of a file. */
const defaultFilename = "document.pdf";

/**
 * Renders parts of a message or of a tool's output (`ResponseInputContent`, `ResponseOutputText` of the npm package `openai` 7.57). Texts of the
 * model are `output_text`, everything else is `input_…`.
 */
export function renderParts(blocks: readonly Block[], role: "input" | "output", losses: Losses): readonly WireObject[] {
  return blocks.flatMap((block): readonly WireObject[] => {
    switch (block.type) {
      case "text":
        losses.dropForeign(block.extensions, "openai-responses", "content[]");
        return [{ type: `${role}_text`, text: block.text, ...ownPartFields(block, "openai-responses") }];
      case "refusal":
        return role === "output" ? [{ type: "refusal", refusal: block.text }] : [{ type: "input_text", text: block.text }];
      case "media":
        return renderMedia(block, role, losses);
      case "opaque":
        if (block.protocol === "openai-responses" && isObject(block.value)) return [block.value];
        losses.drop(`items[].${nameOfOpaque(block.value)}`, "The provider has no such content.");
        return [];
      case "reasoning":
      case "tool-call":
      case "tool-result":
        return []; // They are items of their own.
    }
  });
}

function renderMedia(block: MediaBlock, role: "input" | "output", losses: Losses): readonly WireObject[] {
  if (role === "output") {
    losses.drop(block.kind, "An assistant's message can contain only text.");
    return [];
  }
  losses.dropForeign(block.extensions, "openai-responses", "content[]");
  return [{ ...renderInput(block, losses), ...ownPartFields(block, "openai-responses") }];
}

/**
 * Renders one medium. What the wire cannot carry becomes a text that names it, so that the model knows of it. An image always has its `detail`:
 * `ResponseInputImage` requires it, with `auto` as its default, and vLLM refuses an image without it, in a tool's output too.
 */
function renderInput(given: MediaBlock, losses: Losses): WireObject {
  const block = normalizeMedia(given);
  if (isRefusedImage(block)) return { type: "input_text", text: omittedImage(block, losses).text };
  const { kind, source, filename } = block;
  const detail = block.detail === undefined ? {} : { detail: block.detail };
  const text = decodeText(block);
  if (text !== undefined) return { type: "input_text", text: documentText(filename, text).text };
  const url = urlOfSource(source);
  if (kind === "image" && (url !== undefined || source.type === "file"))
    return {
      type: "input_image",
      ...(source.type === "file" ? { file_id: source.id } : { image_url: url }),
      detail: block.detail ?? "auto",
    };
  if (kind === "document") {
    if (source.type === "file") return { type: "input_file", file_id: source.id, ...named(filename), ...detail };
    if (source.type === "url") return { type: "input_file", file_url: source.url, ...named(filename), ...detail };
    return { type: "input_file", file_data: url, filename: filename ?? defaultFilename, ...detail };
  }
  if (kind === "audio" && source.type === "base64") {
    return { type: "input_audio", input_audio: inputAudioOf(source, openAiAudioFormats) };
  }
  losses.emulate(kind, "The provider accepts no such content: a text says that there is some.");
  const place = source.type === "url" ? `: ${source.url}` : "";
  return { type: "input_text", text: `[${kind}${filename === undefined ? "" : ` "${filename}"`}${place}]` };
}

function named(filename: string | undefined): WireObject {
  return filename === undefined ? {} : { filename };
}
