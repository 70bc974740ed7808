import type { MediaBlock } from "../../ir/index.ts";

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
  return { type: "base64", mediaType: mediaTypeOfName(filename), data };
}

const mediaTypes: Readonly<Record<string, string>> = {
  pdf: "application/pdf",
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

function mediaTypeOfName(filename: string | undefined): string {
  const extension = filename === undefined ? "" : filename.slice(filename.lastIndexOf(".") + 1).toLowerCase();
  return (Object.hasOwn(mediaTypes, extension) ? mediaTypes[extension] : undefined) ?? "application/octet-stream";
}

const mediaTypeOfFormat: Readonly<Record<string, string>> = { wav: "audio/wav", mp3: "audio/mpeg" };

/** The media type for `input_audio.format`. */
export function audioTypeOf(format: string): string {
  if (format.includes("/")) return format;
  return (Object.hasOwn(mediaTypeOfFormat, format) ? mediaTypeOfFormat[format] : undefined) ?? `audio/${format}`;
}
