import type { ReasoningBlock, ReasoningProof } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";

/** The field in which a server shows its reasoning. `thinking`: parts of the content (Mistral). */
export type ReasoningField = "reasoning_content" | "reasoning" | "thinking";

/** How a server showed its reasoning, and therefore accepts it: a text in `field`, or unchanged entries of `reasoning_details`. */
interface Shown {
  readonly field?: ReasoningField;
  readonly details?: readonly WireObject[];
}

/**
 * Marks reasoning with the place in which to send it back. The kind is `encrypted` if a part of it is more than text: only the provider that made it
 * accepts it.
 */
export function markReasoning(field: ReasoningField | undefined, details: readonly WireObject[]): ReasoningProof {
  const shown: Shown = details.length > 0 ? { details } : { field: field ?? "reasoning_content" };
  const isSecret = details.some(({ data, signature }) => data !== undefined || (typeof signature === "string" && signature !== ""));
  return { protocol: "openai-chat", kind: isSecret ? "encrypted" : "field", data: JSON.stringify(shown) };
}

/** The entries in a mark. */
export function detailsOf(proof: ReasoningProof | undefined): readonly WireObject[] {
  return shownOf(proof)?.details ?? [];
}

function shownOf(proof: ReasoningProof | undefined): Shown | undefined {
  // Only this program seals a mark, so `data` is what `markReasoning` wrote.
  return proof?.protocol === "openai-chat" ? (JSON.parse(proof.data) as Shown) : undefined;
}

/**
 * Collects entries of `reasoning_details` from the pieces of a stream: the texts of one entry are joined (openrouter.ai/docs, "Reasoning tokens").
 */
export class DetailsOfStream {
  #entries: Record<string, unknown>[] = [];

  push(pieces: readonly WireObject[]): void {
    for (const piece of pieces) {
      const last = this.#entries.at(-1);
      if (last === undefined || !isSameEntry(last, piece)) this.#entries.push({ ...piece });
      else addPiece(last, piece);
    }
  }

  /** Returns the entries so far, and begins new ones. */
  take(): readonly WireObject[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }
}

/** An encrypted entry is always whole, so two of them are two entries. */
function isSameEntry(last: WireObject, piece: WireObject): boolean {
  const { type, index } = piece;
  // The signature ends a block of LiteLLM; before it, it is null or "".
  if (type === "thinking") return last["type"] === type && !isFilled(last["signature"]);
  if (type !== "reasoning.text" && type !== "reasoning.summary") return false;
  const isOtherId = typeof last["id"] === "string" && typeof piece["id"] === "string" && last["id"] !== piece["id"];
  return last["type"] === type && last["index"] === index && index !== undefined && !isOtherId;
}

function addPiece(entry: Record<string, unknown>, piece: WireObject): void {
  for (const [key, value] of Object.entries(piece)) {
    if (value === null || value === undefined) continue;
    const known = entry[key];
    const isText = (key === "text" || key === "summary" || key === "thinking") && typeof known === "string" && typeof value === "string";
    entry[key] = isText ? known + value : value;
  }
}

/** How an assistant's message carries the reasoning that the server itself made. */
export interface ReturnedReasoning {
  /** Fields of the message. */
  readonly fields: WireObject;
  /** Text of the reasoning for Mistral, which has it in the content. */
  readonly thinking: string;
  /** Reasoning that another server made, or that has no mark. */
  readonly foreign: readonly string[];
}

export function returnReasoning(blocks: readonly ReasoningBlock[]): ReturnedReasoning {
  const texts = new Map<ReasoningField, string[]>();
  const details: WireObject[] = [];
  const foreign: string[] = [];
  for (const { text, proof } of blocks) {
    const shown = shownOf(proof);
    if (shown?.details !== undefined) details.push(...shown.details);
    else if (text === "") continue;
    else if (shown?.field === undefined) foreign.push(text);
    else if (texts.get(shown.field)?.push(text) === undefined) texts.set(shown.field, [text]);
  }
  const fields: Record<string, unknown> = {};
  for (const [field, own] of texts) if (field !== "thinking") fields[field] = own.join("\n\n");
  return {
    fields: { ...fields, ...detailFields(details) },
    thinking: (texts.get("thinking") ?? []).join("\n\n"),
    foreign,
  };
}

/** The entries in the fields that they came in. */
export function detailFields(details: readonly WireObject[]): WireObject {
  if (details.length === 0) return {};
  const blocks = details.filter(isThinkingBlock);
  const others = details.filter((detail) => !isThinkingBlock(detail));
  return {
    ...(others.length === 0 ? {} : { reasoning_details: others }),
    ...(blocks.length === 0 ? {} : { thinking_blocks: blocks }),
  };
}

/** The text of the entries, if the reasoning is nowhere else. */
export function textOfDetails(details: readonly WireObject[]): string {
  return details
    .map((detail) => {
      if (detail["type"] === "reasoning.summary") return detail["summary"];
      if (detail["type"] === "thinking") return detail["thinking"];
      return detail["type"] === "reasoning.text" ? detail["text"] : "";
    })
    .filter((text) => typeof text === "string")
    .join("");
}

/** The content of a message with its reasoning in it. */
export function withThinking(thinking: string, content: string | null): unknown {
  if (thinking === "") return content;
  const part = { type: "thinking", thinking: [{ type: "text", text: thinking }] };
  return content === null || content === "" ? [part] : [part, { type: "text", text: content }];
}

/** A block of LiteLLM: `{"type":"thinking","thinking":…,"signature":…}` or `{"type":"redacted_thinking","data":…}` (docs.litellm.ai, "Reasoning content"). */
export function isThinkingBlock(value: unknown): value is WireObject {
  return isObject(value) && (value["type"] === "thinking" || value["type"] === "redacted_thinking");
}

function isFilled(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

export function isDetail(value: unknown): value is WireObject {
  return isObject(value) && typeof value["type"] === "string";
}
