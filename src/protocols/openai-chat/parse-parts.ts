import type { Block, Extensions } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { isBlockOfAnthropic } from "../shared/foreign-parts.ts";
import { readPart } from "../shared/loose-media.ts";
import {
  fields,
  invalidField,
  join,
  optionalObject,
  optionalString,
  readArray,
  readObject,
  requiredString,
} from "../openai-shared/fields.ts";
import { sourceOfAudio, readCacheMark } from "../openai-shared/media.ts";
import { sourceOfFileData, sourceOfUrl } from "../shared/media-source.ts";

/** The fields that only this protocol has. */
export function extensionsOf(fields: WireObject | undefined): Extensions | undefined {
  return fields === undefined ? undefined : { "openai-chat": fields };
}

/** Parses the `content` of a message: a string, or parts (also one without a list, or bare texts); `null` and absent are no content. */
export function parseContent(content: unknown, path: string): readonly Block[] {
  if (isAbsent(content)) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (isObject(content)) return parsePart(content, path);
  return readArray(content, path).flatMap((part, index) =>
    typeof part === "string" ? { type: "text" as const, text: part } : parsePart(readObject(part, join(path, index)), join(path, index)),
  );
}

// A cache mark is kept in its wire form as well: its lifetimes have no neutral counterpart.
const knownText: ReadonlySet<string> = new Set(["type", "text", "cache_control"]);
const knownImage: ReadonlySet<string> = new Set(["type", "image_url", "cache_control"]);
const knownAudio: ReadonlySet<string> = new Set(["type", "input_audio", "cache_control"]);
const knownVideo: ReadonlySet<string> = new Set(["type", "video_url", "cache_control"]);
const knownFile: ReadonlySet<string> = new Set(["type", "file", "cache_control"]);

function parsePart(part: WireObject, path: string): readonly Block[] {
  const blocks = readPart(part, path, readOwnPart, fields);
  if (blocks !== undefined) return blocks;
  if (isBlockOfAnthropic(part)) return [{ type: "opaque", protocol: "anthropic-messages", value: part }];
  // OpenAI refuses a type that it does not know, too: without the part, the answer would be one to another question.
  throw invalidField(join(path, "type"), "text, image_url, input_audio, file, video_url or refusal");
}

/** `undefined`: the part is none of this dialect. */
function readOwnPart(part: WireObject, path: string): readonly Block[] | undefined {
  switch (requiredString(part, "type", path)) {
    case "text":
      return [parseText(part, path)];
    case "refusal":
      return [{ type: "refusal", text: requiredString(part, "refusal", path) }];
    case "image_url":
      return [parseImage(part, path)];
    case "input_audio":
      return [parseAudio(part, path)];
    case "video_url":
      return [parseVideo(part, path)];
    case "file":
      return isObject(part["file"]) ? [parseFile(part, path)] : undefined;
    default:
      return undefined;
  }
}

function parseText(part: WireObject, path: string): Block {
  return compact({
    type: "text" as const,
    text: requiredString(part, "text", path),
    cache: readCacheMark(part),
    extensions: extensionsOf(restOf(part, knownText)),
  });
}

function parseImage(part: WireObject, path: string): Block {
  // Some clients send the URL without an object around it.
  const bare = typeof part["image_url"] === "string" ? { url: part["image_url"] } : part["image_url"];
  const image = readObject(bare, join(path, "image_url"));
  return compact({
    type: "media" as const,
    kind: "image" as const,
    source: sourceOfUrl(requiredString(image, "url", join(path, "image_url"))),
    detail: optionalString(image, "detail", join(path, "image_url")),
    cache: readCacheMark(part),
    extensions: extensionsOf(restOf(part, knownImage)),
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

/** `video_url` is not OpenAI's: vLLM and several others accept it, in the form of `image_url`. */
function parseVideo(part: WireObject, path: string): Block {
  const video = readObject(part["video_url"], join(path, "video_url"));
  return compact({
    type: "media" as const,
    kind: "video" as const,
    source: sourceOfUrl(requiredString(video, "url", join(path, "video_url"))),
    cache: readCacheMark(part),
    extensions: extensionsOf(restOf(part, knownVideo)),
  });
}

function parseFile(part: WireObject, path: string): Block {
  const at = join(path, "file");
  const file = optionalObject(part, "file", path) ?? {};
  const filename = optionalString(file, "filename", at);
  const id = optionalString(file, "file_id", at);
  return compact({
    type: "media" as const,
    kind: "document" as const,
    source: id === undefined ? sourceOfFileData(requiredString(file, "file_data", at), filename) : { type: "file" as const, id },
    filename,
    cache: readCacheMark(part),
    extensions: extensionsOf(restOf(part, knownFile)),
  });
}
