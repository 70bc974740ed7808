import type { Block, Extensions, MediaBlock } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { readPart } from "../shared/loose-media.ts";
import { fields, invalidField, join, optionalString, readArray, readObject, requiredString } from "../openai-shared/fields.ts";
import { sourceOfAudio, readCacheMark } from "../openai-shared/media.ts";
import { sourceOfFileData, sourceOfUrl } from "../shared/media-source.ts";

/** The fields that only this protocol has. */
export function extensionsOf(fields: WireObject | undefined): Extensions | undefined {
  return fields === undefined ? undefined : { "openai-responses": fields };
}

/** Parses the `content` of a message or the `output` of a tool: a string, or parts (also one without a list, or bare texts). */
export function parseParts(content: unknown, path: string): readonly Block[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (isObject(content)) return parsePart(content, path);
  return readArray(content, path).flatMap((part, index) =>
    typeof part === "string" ? { type: "text" as const, text: part } : parsePart(readObject(part, join(path, index)), join(path, index)),
  );
}

const knownText: ReadonlySet<string> = new Set(["type", "text", "cache_control"]);
const knownPlainText: ReadonlySet<string> = new Set(["type", "text", "annotations", "logprobs", "cache_control"]);
const knownImage: ReadonlySet<string> = new Set(["type", "image_url", "file_id", "detail", "cache_control"]);
const knownFile: ReadonlySet<string> = new Set(["type", "file_data", "file_id", "file_url", "filename", "detail", "cache_control"]);
const knownAudio: ReadonlySet<string> = new Set(["type", "input_audio", "cache_control"]);

function parsePart(part: WireObject, path: string): readonly Block[] {
  return readPart(part, path, readOwnPart, fields) ?? [{ type: "opaque", protocol: "openai-responses", value: part }];
}

/** `undefined`: the part is none of this dialect. */
function readOwnPart(part: WireObject, path: string): readonly Block[] | undefined {
  switch (requiredString(part, "type", path)) {
    case "input_text":
    case "output_text":
    case "text":
      return [parseText(part, path)];
    case "refusal":
      return [{ type: "refusal", text: requiredString(part, "refusal", path) }];
    case "input_image":
      return [parseImage(part, path)];
    case "input_file":
      return [parseFile(part, path)];
    case "input_audio":
      return [parseAudio(part, path)];
    default:
      return undefined;
  }
}

function parseText(part: WireObject, path: string): Block {
  // Every text of an earlier answer has both lists, mostly empty.
  const plain = isEmptyList(part["annotations"]) && isEmptyList(part["logprobs"]);
  return compact({
    type: "text" as const,
    text: requiredString(part, "text", path),
    cache: readCacheMark(part),
    extensions: extensionsOf(restOf(part, plain ? knownPlainText : knownText)),
  });
}

function isEmptyList(value: unknown): boolean {
  return isAbsent(value) || (Array.isArray(value) && value.length === 0);
}

function parseImage(part: WireObject, path: string): Block {
  const url = optionalString(part, "image_url", path);
  const id = optionalString(part, "file_id", path);
  if (url === undefined && id === undefined) throw invalidField(join(path, "image_url"), "a URL, or a file_id beside it");
  return compact({
    type: "media" as const,
    kind: "image" as const,
    source: url === undefined ? { type: "file" as const, id: id! } : sourceOfUrl(url),
    detail: optionalString(part, "detail", path),
    cache: readCacheMark(part),
    extensions: extensionsOf(restOf(part, knownImage)),
  });
}

function sourceOfFile(part: WireObject, path: string, url: string | undefined, filename: string | undefined): MediaBlock["source"] {
  return url === undefined ? sourceOfFileData(requiredString(part, "file_data", path), filename) : { type: "url", url };
}

function parseFile(part: WireObject, path: string): Block {
  const filename = optionalString(part, "filename", path);
  const id = optionalString(part, "file_id", path);
  const url = optionalString(part, "file_url", path);
  return compact({
    type: "media" as const,
    kind: "document" as const,
    source: id === undefined ? sourceOfFile(part, path, url, filename) : { type: "file" as const, id },
    filename,
    detail: optionalString(part, "detail", path),
    cache: readCacheMark(part),
    extensions: extensionsOf(restOf(part, knownFile)),
  });
}

function parseAudio(part: WireObject, path: string): Block {
  return compact({
    type: "media" as const,
    kind: "audio" as const,
    source: sourceOfAudio(part, path),
    cache: readCacheMark(part),
    extensions: extensionsOf(restOf(part, knownAudio)),
  });
}
