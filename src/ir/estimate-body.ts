import type { MediaBlock } from "./block.ts";
import { asBytes, utf8OfLatin1, type Bytes } from "../core/index.ts";
import { estimateMedia } from "./estimate-media.ts";
import { estimateText } from "./estimate-tokens.ts";

/** Average number of bytes per token, for text and for the JSON around it. */
const bytesPerToken = 4;

/** Estimated tokens of `sizeBytes` bytes of text in JSON, by the tokens of its beginning (latin1); not rounded. */
export function estimatePassed(sizeBytes: number, sample: Bytes): number {
  if (sample === "") return estimateBytes(sizeBytes);
  return (estimateText(unescaped(sample)) * sizeBytes) / sample.length;
}

/** The beginning of a string in JSON may end within an escape or a character. */
function unescaped(sample: Bytes): string {
  const text = utf8OfLatin1(sample).replace(/\ufffd+$|\\(?:u[0-9a-fA-F]{0,3})?$/, "");
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text; // Not a string of JSON: its marks are counted as they are.
  }
}

/** Estimated tokens of `sizeBytes` bytes of text. */
export function estimateBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / bytesPerToken);
}

/**
 * The distance between two samples, in bytes. So every medium of twice this size is found. A shorter one counts as text: not many more tokens than a
 * picture has.
 */
const step = 8_192;
const probeBytes = 64;

/** Estimated tokens of a request's body (latin1) in any dialect, without a parse: text by its bytes, and media in base64 by `estimateMedia`. */
export function estimateBody(body: string): number {
  let mediaTokens = 0;
  const mediaBytes = visitMedia(body, (_kind, tokens) => (mediaTokens += tokens));
  return estimateBytes(body.length - mediaBytes) + mediaTokens;
}

/** A longer body is read in this number of parts, spread over it. */
const partCount = 16;
const partBytes = 2048;

/**
 * The same, closer and slower: text is cut as tokenizers cut it (`estimateText`), of a long body in parts. For budgets and for entries that are charged by an estimate.
 * The names, quotes and brackets of the JSON around a text count a little; vendors add about as much around a message.
 */
export function estimatePrompt(body: string): number {
  let mediaTokens = 0;
  const texts: string[] = [];
  let from = 0;
  const mediaBytes = visitMedia(body, (_kind, tokens, start, end) => {
    mediaTokens += tokens;
    texts.push(body.slice(from, start));
    from = end;
  });
  texts.push(body.slice(from));
  const text = texts.join("");
  if (text.length === 0) return mediaTokens;
  // A body of at most this size is read whole.
  const step = Math.max(partBytes, Math.floor(text.length / partCount));
  let tokens = 0;
  let readBytes = 0;
  for (let at = 0; at < text.length; at += step) {
    const part = text.slice(at, at + partBytes);
    readBytes += part.length;
    tokens += estimateText(unescape(utf8OfLatin1(asBytes(part))));
  }
  return Math.round((tokens * (body.length - mediaBytes)) / readBytes) + mediaTokens;
}

/** A part of JSON as its texts read. Punctuation between them is dropped, as no vendor counts it. */
function unescape(json: string): string {
  return json
    .replaceAll(/"[,:{}[\]\s]*"|[{}[\]]/g, " ")
    .replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex: string | undefined, letter: string | undefined) =>
      hex === undefined ? (whiteSpace[letter ?? ""] ?? letter ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

const whiteSpace: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** The tokens of media alone, by kind. */
export function estimateBodyMedia(body: string): Readonly<Record<MediaBlock["kind"], number>> {
  const sums = { image: 0, audio: 0, video: 0, document: 0 };
  visitMedia(body, (kind, tokens) => (sums[kind] += tokens));
  return sums;
}

/** Finds the media in base64. @returns how many bytes of the body they are. */
// oxlint-disable-next-line max-params -- of the callback: it is called for each medium
function visitMedia(body: string, visit: (kind: MediaBlock["kind"], tokens: number, start: number, end: number) => void): number {
  let mediaBytes = 0;
  for (let at = step; at + probeBytes < body.length; at += step) {
    if (!isBase64(body, at)) continue;
    const start = body.lastIndexOf('"', at) + 1;
    const end = body.indexOf('"', at);
    if (end < 0) break;
    const media = mediaAt(body, start, end);
    if (media !== undefined) {
      mediaBytes += end - start;
      visit(media.kind, estimateMedia(media), start, end);
    }
    at = end;
  }
  return mediaBytes;
}

/** Some JSON writers escape slashes. */
function isBase64(body: string, from: number): boolean {
  for (let at = from; at < from + probeBytes; at++) {
    const code = body.charCodeAt(at);
    const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
    const isOther = (code >= 0x2f && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x5f || code === 0x5c;
    if (!isLetter && !isOther) return false;
  }
  return true;
}

/** The beginnings of files, in base64. */
const heads: readonly (readonly [head: string, kind: MediaBlock["kind"]])[] = [
  ["iVBORw0KGgo", "image"],
  ["/9j/", "image"],
  ["R0lGOD", "image"],
  ["JVBERi0", "document"],
];
/** How far before the data the type of a medium is looked for: in its data URL, or in the member before it. */
const typeBytes = 160;

/** The medium in a string of the body; `undefined` for other base64 text, such as encrypted reasoning. */
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
