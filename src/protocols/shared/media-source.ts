import type { MediaBlock } from "../../ir/index.ts";
import { mediaTypeOfName } from "./media-form.ts";

type Source = MediaBlock["source"];

/** The media source of a URL: a base64 data URL (RFC 2397) is split into type and data, any other URL stays a URL. */
export function sourceOfUrl(url: string): Source {
  // A data URL may be megabytes long, so only its head is read.
  const comma = url.startsWith("data:") ? url.indexOf(",") : -1;
  if (comma < 0) return { type: "url", url };
  const head = url.slice("data:".length, comma);
  if (!head.endsWith(";base64")) return { type: "url", url };
  const mediaType = head.slice(0, -";base64".length);
  return { type: "base64", mediaType: mediaType === "" ? "text/plain" : mediaType, data: url.slice(comma + 1) };
}

/** Reads `file_data` of a file part: a data URL, or bare base64 whose type follows from the file's name. */
export function sourceOfFileData(data: string, filename: string | undefined): Source {
  if (data.startsWith("data:")) return sourceOfUrl(data);
  return { type: "base64", mediaType: mediaTypeOfName(filename) ?? "application/octet-stream", data };
}

const mediaTypeOfFormat: Readonly<Record<string, string>> = {
  wav: "audio/wav",
  mp3: "audio/mpeg",
  aif: "audio/aiff",
  oga: "audio/ogg",
  pcm16: "audio/pcm",
};

/** The media type for `input_audio.format`. */
export function audioTypeOf(format: string): string {
  if (format.includes("/")) return format;
  const name = format.toLowerCase();
  return (Object.hasOwn(mediaTypeOfFormat, name) ? mediaTypeOfFormat[name] : undefined) ?? `audio/${name}`;
}

const formatOfType: Readonly<Record<string, string>> = { mpeg: "mp3", wave: "wav", mp4: "m4a", pcm: "pcm16", l16: "pcm16" };

/** `input_audio.format` for a media type that has been normalized: `audio/mpeg` is mp3; most others have the name of their subtype. */
export function audioFormatOf(mediaType: string): string {
  const subtype = mediaType
    .slice(mediaType.indexOf("/") + 1)
    .replace(/^x-/, "")
    .replace(/;.*$/, "")
    .toLowerCase();
  return (Object.hasOwn(formatOfType, subtype) ? formatOfType[subtype] : undefined) ?? subtype;
}
