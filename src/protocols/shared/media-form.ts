import { isUtf8 } from "node:buffer";
import type { MediaBlock } from "../../ir/index.ts";

type Source = MediaBlock["source"];
type Inline = Extract<Source, { type: "base64" }>;

/**
 * A medium as what it is: clients label them in ways that vendors refuse (`image/jpg`, `IMAGE/PNG`, `audio/mp3`, `image/png; charset=utf-8`, no type), or
 * with the type of another one ("the image was specified using the image/png media type, but … appears to be a image/jpeg image"), and send a PDF or a
 * sound where their dialect has a place for an image. The first bytes win over the label. A block that is in order is not copied.
 */
export function normalizeMedia(block: MediaBlock): MediaBlock {
  const source = normalizeSource(block);
  const kind = kindOf(source, block.kind);
  return source === block.source && kind === block.kind ? block : { ...block, kind, source };
}

function normalizeSource({ source, kind, filename }: MediaBlock): Source {
  switch (source.type) {
    case "base64":
      return normalizeInline(isDataUrl(source.data) ? inlineOfUrl(source.data) : source, kind, filename);
    case "url":
      if (isDataUrl(source.url)) return normalizeInline(inlineOfUrl(source.url), kind, filename);
      return withType(source);
    case "file":
      return withType(source);
    case "text":
      return source;
  }
}

/** A type that is given is normalized; none is made up. */
function withType<T extends Extract<Source, { type: "url" | "file" }>>(source: T): T {
  const { mediaType } = source;
  const normal = mediaType === undefined ? undefined : normalizeMediaType(mediaType);
  return normal === mediaType ? source : { ...source, mediaType: normal };
}

function isDataUrl(text: string): boolean {
  return text.slice(0, 5).toLowerCase() === "data:";
}

/** Splits a data URL (RFC 2397); data that is not base64 becomes base64. A data URL may be megabytes long, so only its head is read. */
function inlineOfUrl(url: string): Inline {
  const comma = url.indexOf(",");
  const head = comma < 0 ? "" : url.slice("data:".length, comma);
  const data = url.slice(comma + 1);
  const [mediaType = "", ...parameters] = head.split(";");
  const isBase64 = parameters.some((parameter) => parameter.trim().toLowerCase() === "base64");
  if (isBase64) return { type: "base64", mediaType, data };
  return {
    type: "base64",
    mediaType: mediaType === "" ? "text/plain" : mediaType,
    data: Buffer.from(decodePercent(data)).toString("base64"),
  };
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // It has a percent sign of its own.
  }
}

function normalizeInline(source: Inline, kind: MediaBlock["kind"], filename: string | undefined): Inline {
  const data = plainBase64(source.data);
  const labelled = normalizeMediaType(source.mediaType);
  const isGeneric = genericTypes.has(labelled) || !labelled.includes("/") || labelled.endsWith("/*");
  const seen = sniffMediaType(data);
  const known = isGeneric ? undefined : labelled;
  const isSeen = seen !== undefined && (known === undefined || overrides(seen, known));
  const mediaType = isSeen ? seen : (known ?? guessType(labelled, data, kind, filename));
  return mediaType === source.mediaType && data === source.data ? source : { type: "base64", mediaType, data };
}

/** Types that say nothing of the content. */
const genericTypes: ReadonlySet<string> = new Set([
  "",
  "application/octet-stream",
  "binary/octet-stream",
  "application/x-download",
  "unknown/unknown",
]);

/** Whether the content's own type is better than its label: the label of an image, or of another type of the same kind. Containers of video hold sounds too. */
function overrides(seen: string, labelled: string): boolean {
  const [seenKind, labelledKind] = [seen, labelled].map((type) => type.slice(0, type.indexOf("/")));
  if (seen === "application/pdf") return true;
  return labelledKind === "image" ? seen !== "image/heic" || labelled !== "image/heif" : seenKind === labelledKind && seenKind !== "video";
}

function guessType(labelled: string, data: string, kind: MediaBlock["kind"], filename: string | undefined): string {
  const named = mediaTypeOfName(filename);
  if (named !== undefined) return named;
  if (kind !== "document" || data === "") return labelled === "" ? "application/octet-stream" : labelled;
  const bytes = Buffer.from(data, "base64");
  return isUtf8(bytes) && !bytes.includes(0) ? "text/plain" : "application/octet-stream";
}

/** Base64 in the usual alphabet and on one line: Google's SDKs send `-` and `_`, and MIME breaks lines. */
function plainBase64(data: string): string {
  const joined = data.includes("\n") || data.includes(" ") ? data.replaceAll(/\s+/g, "") : data;
  return joined.includes("-") || joined.includes("_") ? joined.replaceAll("-", "+").replaceAll("_", "/") : joined;
}

const aliases: Readonly<Record<string, string>> = {
  "image/jpg": "image/jpeg",
  "image/pjpeg": "image/jpeg",
  "image/jfif": "image/jpeg",
  "image/x-png": "image/png",
  "image/x-webp": "image/webp",
  "audio/mp3": "audio/mpeg",
  "audio/mpeg3": "audio/mpeg",
  "audio/x-mp3": "audio/mpeg",
  "audio/x-mpeg": "audio/mpeg",
  "audio/mpga": "audio/mpeg",
  "audio/wave": "audio/wav",
  "audio/x-wav": "audio/wav",
  "audio/x-pn-wav": "audio/wav",
  "audio/vnd.wave": "audio/wav",
  "audio/x-flac": "audio/flac",
  "audio/x-aac": "audio/aac",
  "audio/x-aiff": "audio/aiff",
  "audio/x-m4a": "audio/m4a",
  "audio/aif": "audio/aiff",
  "audio/x-ogg": "audio/ogg",
  "audio/vorbis": "audio/ogg",
  "application/ogg": "audio/ogg",
  "application/x-pdf": "application/pdf",
  "text/pdf": "application/pdf",
  "text/x-markdown": "text/markdown",
  "text/json": "application/json",
  "video/x-m4v": "video/mp4",
};

/** `IMAGE/JPG; charset=utf-8` → `image/jpeg`. */
function normalizeMediaType(mediaType: string): string {
  const bare = (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase();
  return (Object.hasOwn(aliases, bare) ? aliases[bare] : undefined) ?? bare;
}

const typeOfEnding: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  heif: "image/heif",
  bmp: "image/bmp",
  svg: "image/svg+xml",
  pdf: "application/pdf",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  flac: "audio/flac",
  ogg: "audio/ogg",
  oga: "audio/ogg",
  opus: "audio/opus",
  aac: "audio/aac",
  aiff: "audio/aiff",
  aif: "audio/aiff",
  m4a: "audio/m4a",
  mp4: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  html: "text/html",
  json: "application/json",
  xml: "application/xml",
  doc: "application/msword",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
};

/** The media type for the ending of a file's name; `undefined` if the ending says none. */
export function mediaTypeOfName(name: string | undefined): string | undefined {
  const ending = /\.([a-z0-9]+)$/i.exec(name ?? "")?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(typeOfEnding, ending) ? typeOfEnding[ending] : undefined;
}

/** The media type for the path of a URL; `undefined` if its ending says none. */
export function mediaTypeOfUrl(url: string): string | undefined {
  return mediaTypeOfName(url.split(/[?#]/, 1)[0]);
}

/** The kind that a source has, or the one that the client says. */
function kindOf(source: Source, said: MediaBlock["kind"]): MediaBlock["kind"] {
  if (source.type === "text") return said;
  const mediaType = source.type === "url" ? (source.mediaType ?? mediaTypeOfUrl(source.url)) : source.mediaType;
  if (mediaType === undefined || genericTypes.has(mediaType) || !mediaType.includes("/")) return said;
  // A drawing in XML is a text to a model.
  if (mediaType === "image/svg+xml") return "document";
  if (mediaType.startsWith("image/")) return "image";
  if (mediaType.startsWith("audio/")) return "audio";
  return mediaType.startsWith("video/") ? "video" : "document";
}

const signatures: readonly (readonly [mediaType: string, at: number, bytes: string, then?: readonly [at: number, bytes: string]])[] = [
  ["image/png", 0, "\x89PNG\r\n\x1A\n"],
  ["image/jpeg", 0, "\xFF\xD8\xFF"],
  ["image/gif", 0, "GIF8"],
  ["image/webp", 0, "RIFF", [8, "WEBP"]],
  ["image/heic", 4, "ftyphei"],
  ["image/heic", 4, "ftypmif1"],
  ["image/avif", 4, "ftypavif"],
  ["application/pdf", 0, "%PDF-"],
  ["audio/wav", 0, "RIFF", [8, "WAVE"]],
  ["audio/mpeg", 0, "ID3"],
  ["audio/flac", 0, "fLaC"],
  ["audio/ogg", 0, "OggS"],
  ["audio/aiff", 0, "FORM", [8, "AIF"]],
  ["audio/m4a", 4, "ftypM4A"],
  ["video/mp4", 4, "ftyp"],
  ["video/webm", 0, "\x1A\x45\xDF\xA3"],
];

/** The media type that the first bytes show; `undefined` if they show none. */
export function sniffMediaType(data: string): string | undefined {
  const head = Buffer.from(data.slice(0, 32), "base64").toString("latin1");
  return signatures.find(
    ([, at, bytes, then]) => head.startsWith(bytes, at) && (then === undefined || head.startsWith(then[1], then[0])),
  )?.[0];
}

/** Whether content of a type is text that a model can read as it is. */
export function isTextType(mediaType: string): boolean {
  return mediaType.startsWith("text/") || textTypes.has(mediaType) || mediaType.endsWith("+json") || mediaType.endsWith("+xml");
}

const textTypes: ReadonlySet<string> = new Set([
  "application/json",
  "application/jsonl",
  "application/x-ndjson",
  "application/xml",
  "application/yaml",
  "application/x-yaml",
  "application/toml",
  "application/sql",
  "application/javascript",
  "application/x-javascript",
  "application/typescript",
  "application/x-sh",
  "application/x-python",
]);
