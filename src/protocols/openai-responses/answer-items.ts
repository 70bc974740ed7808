import type { Block, BlockStart, MediaBlock, OpaqueBlock, ReasoningProof } from "../../ir/index.ts";
import { objectsOf, compact, isObject, type WireObject } from "../shared/fields.ts";
import { sniffMediaType } from "../shared/media-form.ts";
import { restoreArguments, restoreCall, type RestoredCall } from "../shared/restore-tool.ts";
import { takeCallId } from "../shared/tool-names.ts";
import { readAnnotations } from "../shared/web-search.ts";
import type { ToolNames } from "../translation.ts";
import { searchOf } from "./search-items.ts";

/** The items of an answer are read leniently: a field that is missing or of another type is empty. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The facts of a reasoning item; the text is `content` if the item shows the reasoning itself, else its summary. */
export interface ReasoningItem {
  readonly start: Extract<BlockStart, { type: "reasoning" }>;
  readonly text: string;
  readonly proof: ReasoningProof | undefined;
}

export function readReasoning(item: WireObject): ReasoningItem {
  const content = objectsOf(item["content"]).map((part) => textOf(part["text"]));
  const summary = objectsOf(item["summary"]).map((part) => textOf(part["text"]));
  return {
    start: { type: "reasoning", ...(textOf(item["id"]) === "" ? {} : { id: textOf(item["id"]) }) },
    text: content.length > 0 ? content.join("") : summary.join("\n\n"),
    proof: encryptedProof(textOf(item["encrypted_content"])),
  };
}

/** The proof in `encrypted_content`; `undefined` if it is empty. */
export function encryptedProof(data: string): ReasoningProof | undefined {
  return data === "" ? undefined : { protocol: "openai-responses", kind: "encrypted", data };
}

/** Whether an item is a call of one of the client's tools. */
export function isCall(item: WireObject): boolean {
  return item["type"] === "function_call" || item["type"] === "custom_tool_call";
}

/** What is needed to parse the calls of one answer. */
export interface CallContext {
  readonly toolNames: ToolNames | undefined;
  /** The ids of the calls so far. */
  readonly ids: Set<string>;
}

/** The head of a call. A call without an id gets one made of `seed`, which is the same at every reading of this answer. */
export function readCall(item: WireObject, seed: string, { toolNames, ids }: CallContext): RestoredCall {
  const id = takeCallId(ids, textOf(item["call_id"]), seed);
  const { namespace, id: itemId } = item;
  return restoreCall(
    {
      type: "tool-call",
      id,
      name: textOf(item["name"]),
      ...(typeof namespace === "string" && namespace !== "" ? { namespace } : {}),
      kind: item["type"] === "custom_tool_call" ? "custom" : "function",
      ...(typeof itemId === "string" && itemId !== "" ? { itemId } : {}),
    },
    toolNames,
  );
}

/** The arguments or the input of a call item, as the wire has them. */
export function argumentsOf(item: WireObject): string {
  const text = item["type"] === "custom_tool_call" ? item["input"] : item["arguments"];
  return isObject(text) ? JSON.stringify(text) : textOf(text);
}

/** Parses an item of `output` to blocks; what only the vendor understands is opaque. */
export function parseItem(item: WireObject, seed: string, context: CallContext): readonly Block[] {
  if (item["type"] === "message") return objectsOf(item["content"]).flatMap(parsePart);
  if (item["type"] === "reasoning") {
    const { start, text, proof } = readReasoning(item);
    return [{ ...start, text, ...(proof === undefined ? {} : { proof }) }];
  }
  if (!isCall(item)) return [opaqueOf(item)];
  const call = readCall(item, seed, context);
  return [{ ...call.start, arguments: restoreArguments(call, argumentsOf(item)) }];
}

function parsePart(part: WireObject): Block[] {
  const type = partType(part);
  if (type === "refusal") return [{ type, text: partText(part) }];
  return type === undefined ? [] : [compact({ type, text: partText(part), citations: readAnnotations(part["annotations"]) })];
}

/** An item that only the vendor understands, apart from what it searched. */
export function opaqueOf(item: WireObject): OpaqueBlock {
  return compact({
    type: "opaque" as const,
    protocol: "openai-responses" as const,
    value: item,
    search: searchOf(item),
    media: pictureOf(item),
  });
}

/** The picture of an `image_generation_call`. */
function pictureOf({ type, result, output_format: format }: WireObject): MediaBlock | undefined {
  if (type !== "image_generation_call" || typeof result !== "string" || result === "") return undefined;
  const mediaType = sniffMediaType(result) ?? `image/${typeof format === "string" ? format : "png"}`;
  return { type: "media", kind: "image", source: { type: "base64", mediaType, data: result } };
}

/** The type of block for a part of a message. */
export function partType(part: WireObject): "text" | "refusal" | undefined {
  if (part["type"] === "refusal") return "refusal";
  return part["type"] === "output_text" || part["type"] === "text" ? "text" : undefined;
}

export function partText(part: WireObject): string {
  return textOf(part["type"] === "refusal" ? part["refusal"] : part["text"]);
}
