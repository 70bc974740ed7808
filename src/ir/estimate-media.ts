import type { MediaBlock } from "./block.ts";

/**
 * What vendors count for media, November 2026. A picture counts about its pixels divided by 750, after the long side is reduced to 1568 (Anthropic's
 * vision guide); OpenAI's tiles and Gemini's 258 tokens per tile give similar counts. This is the count of a picture whose size is unknown (a URL).
 */
const unseenImageTokens = 1_000;
const maxImageTokens = 1_600;
const maxImageSide = 1_568;
const pixelsPerToken = 750;
/** A page of a PDF: its text and, with most vendors, a picture of it (Anthropic's PDF guide: 1,500 to 3,000). */
const pageTokens = 2_000;
/** One second has 25 to 32 tokens (Gemini's audio guide) and about 16 kB. */
const audioBytesPerToken = 500;
/** One second has 258 tokens for one picture (Gemini's video guide) and about 250 kB. */
const videoBytesPerToken = 1_000;

/** Estimated tokens of a picture, a document, a sound or a video. */
export function estimateMedia({ kind, source }: MediaBlock): number {
  const data = source.type === "base64" ? source.data : "";
  const sizeBytes = Math.floor((data.length * 3) / 4);
  switch (kind) {
    case "image":
      return imageTokens(data);
    case "document":
      return pageTokens * pagesOf(data);
    case "audio":
      return Math.ceil(sizeBytes / audioBytesPerToken);
    case "video":
      return Math.ceil(sizeBytes / videoBytesPerToken);
  }
}

function imageTokens(data: string): number {
  // The size is near the beginning; in a JPEG it follows the metadata.
  const size = data === "" ? undefined : (sizeIn(data, 4 * 1024) ?? sizeIn(data, 256 * 1024));
  if (size === undefined) return unseenImageTokens;
  const scale = Math.min(1, maxImageSide / Math.max(size.width, size.height, 1));
  return Math.min(maxImageTokens, Math.max(1, Math.ceil((size.width * scale * size.height * scale) / pixelsPerToken)));
}

function sizeIn(data: string, length: number): ImageSize | undefined {
  return imageSize(Buffer.from(data.slice(0, length), "base64"));
}

interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** The size in pixels of a PNG, GIF, JPEG or WebP, from its header; `undefined` for anything else. */
function imageSize(bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 30) return undefined;
  if (bytes.readUInt32BE(0) === 0x89504e47) return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  if (bytes.toString("latin1", 0, 3) === "GIF") return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  if (bytes.readUInt16BE(0) === 0xffd8) return jpegSize(bytes);
  return bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP" ? webpSize(bytes) : undefined;
}

/** The first start-of-frame segment (ITU T.81, B.2.2). */
function jpegSize(bytes: Buffer): ImageSize | undefined {
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

/** RFC 9649, sections 2.5 to 2.7. */
function webpSize(bytes: Buffer): ImageSize | undefined {
  switch (bytes.toString("latin1", 12, 16)) {
    case "VP8X":
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    case "VP8 ":
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case "VP8L": {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    default:
      return undefined;
  }
}

/** Only the beginning of a longer file is read, and the number of its pages is extrapolated. */
const maxPdfChars = 1024 * 1024;

/** The number of pages of a PDF whose page objects are not compressed; at least one. */
function pagesOf(data: string): number {
  if (data === "") return 1;
  const text = Buffer.from(data.slice(0, maxPdfChars), "base64").toString("latin1");
  const pages = text.match(/\/Type\s*\/Page\b/g)?.length ?? 0;
  return Math.max(1, Math.round(pages * Math.max(1, data.length / maxPdfChars)));
}
