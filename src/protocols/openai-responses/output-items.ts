import type { Citation, MediaBlock, ReasoningProof, StopReason } from "../../ir/index.ts";
import { isObject } from "../shared/fields.ts";
import { annotationFields } from "../shared/web-search.ts";
import type { WireAnnotation, WireCustomCall, WireFunctionCall, WireItem, WireMessageItem, WirePart, WireReasoningItem } from "./wire.ts";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

/** The vendor's prefixes of item ids. */
export type ItemPrefix = "msg_" | "rs_" | "fc_" | "ctc_" | "tsc_" | "lsh_" | "sh_" | "apc_";

/** The id of an item: the upstream's if it has one of this kind, else one made of the response's id and the item's place, so that it is stable. */
export function itemId(prefix: ItemPrefix, given: string | undefined, responseId: string, outputIndex: number): string {
  if (given?.startsWith(prefix) === true) return given;
  return `${prefix}${responseId.replace(/^resp_/, "")}_${outputIndex}`;
}

export function textPart(text: string, citations: readonly Citation[] = []): WirePart {
  return { type: "output_text", text, annotations: citations.map((citation) => annotationOf(citation, text.length)), logprobs: [] };
}

/** `length`: of the text so far. */
export function annotationOf(citation: Citation, length: number): WireAnnotation {
  return { type: "url_citation", ...annotationFields(citation, 0, length) };
}

export function refusalPart(text: string): WirePart {
  return { type: "refusal", refusal: text };
}

/**
 * Renders a message. `final`: only proofs without text follow (Gemini 3 signs plain text after its end), so the message is the answer and not
 * `commentary` before it (`phase` of `ResponseOutputMessage`, npm package `openai` 7.57). Agents ask for the phase back, and act on it.
 */
export function messageItem(id: string, parts: readonly WirePart[], status: ItemStatus, final: boolean): WireMessageItem {
  return { id, type: "message", status, role: "assistant", content: [...parts], phase: final ? "final_answer" : "commentary" };
}

export interface ReasoningItemFields {
  readonly id: string;
  readonly text: string;
  readonly proof: ReasoningProof | undefined;
  /** Whether the client asked for summaries; if not, the text is hidden. */
  readonly shown: boolean;
}

export function reasoningItem({ id, text, proof, shown }: ReasoningItemFields): WireReasoningItem {
  const visible = shown && text !== "";
  return {
    id,
    type: "reasoning",
    summary: visible ? [{ type: "summary_text", text }] : [],
    ...(proof?.protocol === "openai-responses" ? { encrypted_content: proof.data } : {}),
  };
}

export interface CallItemFields {
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly kind: "function" | "custom";
  readonly arguments: string;
}

export function callItem(call: CallItemFields, status: ItemStatus): WireFunctionCall | WireCustomCall {
  const { id, callId, name } = call;
  const namespace = call.namespace === undefined ? {} : { namespace: call.namespace };
  return call.kind === "custom"
    ? { id, type: "custom_tool_call", status, call_id: callId, name, ...namespace, input: call.arguments }
    : { id, type: "function_call", status, call_id: callId, name, ...namespace, arguments: call.arguments };
}

/** A picture that the model made is the result of a call; `undefined` for a medium that is none, or has no data. */
export function pictureItem(media: MediaBlock | undefined, responseId: string, outputIndex: number): WireItem | undefined {
  if (media?.kind !== "image" || media.source.type !== "base64") return undefined;
  const id = `ig_${responseId.replace(/^resp_/, "")}_${outputIndex}`;
  return { id, type: "image_generation_call", status: "completed", result: media.source.data };
}

/** An opaque block of this protocol is an item in its wire form, if it has the fields that every item has. */
export function opaqueItem(value: unknown): WireItem | undefined {
  return isObject(value) && typeof value["type"] === "string" && typeof value["id"] === "string"
    ? (value as unknown as WireItem)
    : undefined;
}

/** Why a response is incomplete; `undefined`: it is complete. `saidRefusal`: the answer has a refusal as text, which is a complete answer here. */
export function incompleteReason(reason: StopReason | undefined, saidRefusal: boolean): "max_output_tokens" | "content_filter" | undefined {
  if (reason === "length" || reason === "context-window" || reason === "pause") return "max_output_tokens";
  if (reason === "refusal" && !saidRefusal) return "content_filter";
  return reason === "content-filter" ? "content_filter" : undefined;
}
