import type { MediaBlock } from "./block.ts";
import { estimateMedia } from "./estimate-media.ts";

/** Bytes of text, or of the JSON around it, that make a token on the average. */
const bytesPerToken = 4;

/** Tokens of so many bytes of text, by rule of thumb. */
export function estimateBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / bytesPerToken);
}

/** A body is looked at once in this many bytes, so media of twice its size are always found. Shorter ones count as text: little more than a picture's tokens. */
const step = 8_192;
const probeBytes = 64;

/**
 * Tokens of a request's body (latin1) in whatever dialect, without a parse: text by its bytes, and media in base64 by `estimateMedia`.
 */
export function estimateBody(body: string): number {
  let textBytes = body.length;
  let mediaTokens = 0;
  for (let at = step; at + probeBytes < body.length; at += step) {
    if (!isBase64(body, at)) continue;
    const start = body.lastIndexOf('"', at) + 1;
    const end = body.indexOf('"', at);
    if (end < 0) break;
    const media = mediaAt(body, start, end);
    if (media !== undefined) {
      textBytes -= end - start;
      mediaTokens += estimateMedia(media);
    }
    at = end;
  }
  return estimateBytes(textBytes) + mediaTokens;
}

/** Some writers of JSON escape the slashes. */
function isBase64(body: string, from: number): boolean {
  for (let at = from; at < from + probeBytes; at++) {
    const code = body.charCodeAt(at);
    const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
    const isOther = (code >= 0x2f && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x5f || code === 0x5c;
    if (!isLetter && !isOther) return false;
  }
  return true;
}

/** How files begin, in base64. */
const heads: readonly (readonly [head: string, kind: MediaBlock["kind"]])[] = [
  ["iVBORw0KGgo", "image"],
  ["/9j/", "image"],
  ["R0lGOD", "image"],
  ["JVBERi0", "document"],
];
/** Where the type of a medium is named: in its data URL, or in a member before it. */
const typeBytes = 160;

/** The medium in a string of the body; `undefined` for other text in base64, such as encrypted reasoning. */
function mediaAt(body: string, start: number, end: number): MediaBlock | undefined {
  const url = /^data:[^,]{0,120}?;base64,/.exec(body.slice(start, start + typeBytes));
  const from = url === null ? start : start + url[0].length;
  const head = body.slice(from, from + 16).replaceAll("\\", "");
  const kind = heads.find(([begins]) => head.startsWith(begins))?.[1] ?? kindOf(body.slice(Math.max(0, start - typeBytes), from));
  if (kind === undefined) return undefined;
  return { type: "media", kind, source: { type: "base64", mediaType: "", data: body.slice(from, end) } };
}

function kindOf(before: string): MediaBlock["kind"] | undefined {
  const type = /(image|audio|video)\/[\w.+-]{1,40}(?![^]*(?:image|audio|video)\/)/.exec(before)?.[1];
  if (type !== undefined) return type as MediaBlock["kind"];
  if (/"input_audio"/.test(before)) return "audio";
  return /application\/|"file_data"/.test(before) ? "document" : undefined;
}
