import type { Block, MediaBlock } from "../../ir/index.ts";
import type { WireObject } from "../shared/fields.ts";
import { nameOfOpaque, type Losses } from "../shared/losses.ts";
import { normalizeMedia } from "../shared/media-form.ts";
import { inputAudioOf, isRefusedImage, omittedImage, openAiAudioFormats, urlOfSource } from "../openai-shared/media.ts";
import type { RenderTarget } from "../translation.ts";
import { decodeText, documentText, ownPartFields } from "../openai-shared/result-text.ts";

/** The vendor requires a name beside the data of a file. */
export const defaultFilename = "document.pdf";

/** A part of a message's `content`. */
export type WirePart = WireObject & { readonly type: string };

/**
 * Renders the parts of a user's message (`ChatCompletionContentPart` of the npm package `openai` 7.57, and `video_url` as vLLM has it). Empty texts
 * are omitted, as several servers refuse them.
 */
export function renderParts(blocks: readonly Block[], { quirks }: Pick<RenderTarget, "quirks">, losses: Losses): readonly WirePart[] {
  return blocks.flatMap((block): readonly WirePart[] => {
    switch (block.type) {
      case "text":
        losses.dropForeign(block.extensions, "openai-chat", "content[]");
        return block.text === "" ? [] : [{ type: "text", text: block.text, ...ownPartFields(block, "openai-chat") }];
      case "refusal":
        return [{ type: "text", text: block.text }];
      case "media":
        losses.dropForeign(block.extensions, "openai-chat", "content[]");
        return [{ ...renderMedia(block, quirks, losses), ...ownPartFields(block, "openai-chat") }];
      case "opaque":
        if (block.protocol === "openai-chat") return [block.value as WirePart];
        losses.drop(`items[].${nameOfOpaque(block.value)}`, "The provider has no such content.");
        return [];
      case "reasoning":
      case "tool-call":
      case "tool-result":
        return []; // They become fields or messages of their own.
    }
  });
}

/** Renders one medium. What the wire cannot carry becomes a text that names it, so that the model knows of it. */
function renderMedia(given: MediaBlock, quirks: RenderTarget["quirks"], losses: Losses): WirePart {
  const block = normalizeMedia(given);
  const isOpenAi = quirks.noVendorFields !== true;
  if (isOpenAi && isRefusedImage(block)) return { ...omittedImage(block, losses) };
  const { kind, source, filename, detail } = block;
  const text = decodeText(block);
  if (text !== undefined) return { ...documentText(filename, text) };
  if (source.type === "file") return { type: "file", file: { file_id: source.id } };
  const url = urlOfSource(source);
  if (url !== undefined && kind === "image") return { type: "image_url", image_url: { url, ...(detail === undefined ? {} : { detail }) } };
  if (url !== undefined && kind === "video") return { type: "video_url", video_url: { url } };
  if (source.type === "base64") {
    if (kind === "audio") {
      const formats = quirks.audioFormats ?? (isOpenAi ? openAiAudioFormats : undefined);
      return { type: "input_audio", input_audio: inputAudioOf(source, formats) };
    }
    return { type: "file", file: { filename: filename ?? defaultFilename, file_data: url } };
  }
  losses.emulate(kind, "The provider accepts no addresses of such content: the address is sent as text.");
  return { type: "text", text: `[${kind}${filename === undefined ? "" : ` "${filename}"`}: ${url ?? "no content"}]` };
}
