import type { CacheHint, MediaBlock, TextBlock } from "../../ir/index.ts";
import { refuse, type Losses } from "../shared/losses.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { audioFormatOf, audioTypeOf } from "../shared/media-source.ts";
import { join, readObject, requiredString } from "./fields.ts";

type Source = MediaBlock["source"];

/** The URL of a media source; `undefined` if it has none (a file's id, a text). */
export function urlOfSource(source: Source): string | undefined {
  if (source.type === "url") return source.url;
  return source.type === "base64" ? `data:${source.mediaType};base64,${source.data}` : undefined;
}

/** Reads `input_audio` of a part: `{"data","format"}`. */
export function sourceOfAudio(part: WireObject, path: string): Source {
  const at = join(path, "input_audio");
  const audio = readObject(part["input_audio"], at);
  const format = requiredString(audio, "format", at);
  return { type: "base64", mediaType: audioTypeOf(format), data: requiredString(audio, "data", at) };
}

/**
 * Reads the mark that the prompt up to a part is worth caching: OpenAI's `prompt_cache_breakpoint` (`{"mode":"explicit","ttl":"30m"}`), or
 * Anthropic's `cache_control`, which several compatible servers accept. OpenAI's lifetimes have no neutral counterpart.
 */
export function readCacheMark(part: WireObject): CacheHint | undefined {
  const control = part["cache_control"];
  if (isObject(control)) {
    const { ttl } = control;
    return ttl === "5m" || ttl === "1h" ? { ttl } : {};
  }
  return isObject(part["prompt_cache_breakpoint"]) ? {} : undefined;
}

/** The formats of OpenAI itself (`InputAudio.format` of the npm package `openai` 7.57). */
export const openAiAudioFormats: readonly string[] = ["wav", "mp3"];

/** `input_audio` for a sound. @throws UnservedError if the server takes other formats: its client can convert the sound. */
export function inputAudioOf({ mediaType, data }: Extract<Source, { type: "base64" }>, taken: readonly string[] | undefined): WireObject {
  const format = audioFormatOf(mediaType);
  if (taken?.includes(format) === false)
    throw refuse("audio", `it takes sound as ${taken.join(" or ")}, not as ${format}. Convert the sound, or ask a model that takes it.`);
  return { data, format };
}

const imageTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);

/** Whether OpenAI refuses an image ("You uploaded an unsupported image …: ['png', 'jpeg', 'gif', 'webp']"). */
export function isRefusedImage({ kind, source }: MediaBlock): boolean {
  return kind === "image" && source.type === "base64" && source.mediaType.startsWith("image/") && !imageTypes.has(source.mediaType);
}

/** A text in place of an image that is not sent. */
export function omittedImage({ filename }: MediaBlock, losses: Losses): TextBlock {
  losses.drop("image", "The provider does not take this image.");
  return { type: "text", text: `[image left out${filename === undefined ? "" : `: ${filename}`}]` };
}
