import type { Citation, ReasoningProof } from "../../ir/index.ts";
import { objectsOf, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { readAnnotations, readPages } from "../shared/web-search.ts";
import { isDetail, isThinkingBlock, textOfDetails, type ReasoningField } from "./returned-reasoning.ts";

/** The fields of an answer's message, or of the delta of one. */
export interface SaidFields {
  readonly reasoning: string;
  /** The field that has the reasoning; `undefined` if there is none, or only entries. */
  readonly reasoningField: ReasoningField | undefined;
  /** Entries of `reasoning_details`, and of `thinking_blocks`. */
  readonly details: readonly WireObject[];
  readonly text: string;
  readonly refusal: string;
  readonly calls: readonly WireObject[];
  readonly images: readonly WireObject[];
  /** Pages that the text cites. */
  readonly citations: readonly Citation[];
}

/**
 * Reads a `message` or a `delta`. Reasoning is in `reasoning_content` (DeepSeek, vLLM, Moonshot, …) or `reasoning` (OpenRouter, Groq); some servers
 * send both with the same text. OpenRouter and MiniMax send entries of `reasoning_details` as well, or only those;
 * LiteLLM sends `thinking_blocks` of Claude. `content` may be an array of parts
 * with `thinking` among them (Mistral). The retired `function_call` is a call without an id.
 */
export function readSaid(message: WireObject): SaidFields {
  const { content } = message;
  const parts = objectsOf(content);
  const retired = message["function_call"];
  const calls = objectsOf(message["tool_calls"]);
  const own = textOf(message["reasoning_content"]);
  const other = own === "" ? textOf(message["reasoning"]) : "";
  const thinking = own === "" && other === "" ? partTexts(parts, "thinking") : "";
  const details = detailsIn(message);
  return {
    reasoning: own || other || thinking || (details.length === 0 ? "" : textOfDetails(details)),
    reasoningField: fieldOf(own, other, thinking),
    details,
    text: textOf(content) || partTexts(parts, "text"),
    refusal: textOf(message["refusal"]) || partTexts(parts, "refusal"),
    calls: isObject(retired) ? [...calls, { function: retired }] : calls,
    images: objectsOf(message["images"]),
    citations: readAnnotations(message["annotations"]) ?? noCitations,
  };
}

function fieldOf(own: string, other: string, thinking: string): "reasoning_content" | "reasoning" | "thinking" | undefined {
  if (own !== "") return "reasoning_content";
  if (other !== "") return "reasoning";
  return thinking === "" ? undefined : "thinking";
}

const none: readonly WireObject[] = [];
const noCitations: readonly Citation[] = [];

/** Pages beside the choices: addresses in `citations` (Perplexity, xAI), or `search_results` with titles (Perplexity). */
export function readCitedPages({ citations, search_results: results }: WireObject): readonly Citation[] {
  const pages = readPages(results);
  if (pages.length > 0 || !Array.isArray(citations)) return pages;
  return citations.flatMap((url: unknown) => (typeof url === "string" && url !== "" ? [{ url }] : []));
}

/** OpenRouter's entries, and the blocks of LiteLLM. */
function detailsIn({ reasoning_details: entries, thinking_blocks: blocks }: WireObject): readonly WireObject[] {
  const details = Array.isArray(entries) ? entries.filter(isDetail) : none;
  return Array.isArray(blocks) ? [...details, ...blocks.filter(isThinkingBlock)] : details;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The joined texts of the parts of one type; a `thinking` part contains parts itself. */
function partTexts(parts: readonly WireObject[], type: "text" | "thinking" | "refusal"): string {
  if (parts.length === 0) return "";
  return parts
    .filter((part) => part["type"] === type)
    .map((part) => {
      const value = part[type];
      return Array.isArray(value) ? partTexts(value.filter(isObject), "text") : textOf(value);
    })
    .join("");
}

/** A tool call, or a piece of one. A field that the piece does not have is absent. */
export interface CallPiece {
  readonly index: number | undefined;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly kind: "function" | "custom";
  readonly arguments: string;
  readonly proof: ReasoningProof | undefined;
}

/** Reads one entry of `tool_calls`. Arguments that a server sends as an object become their JSON. */
export function readCall(call: WireObject): CallPiece {
  const custom = isObject(call["custom"]) ? call["custom"] : undefined;
  const body = custom ?? (isObject(call["function"]) ? call["function"] : {});
  const text = custom === undefined ? body["arguments"] : body["input"];
  return {
    index: typeof call["index"] === "number" ? call["index"] : undefined,
    id: nonEmpty(call["id"]),
    name: nonEmpty(body["name"]),
    kind: custom === undefined && call["type"] !== "custom" ? "function" : "custom",
    arguments: isObject(text) ? JSON.stringify(text) : textOf(text),
    proof: proofOf(call["extra_content"]),
  };
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Google's OpenAI-compatible endpoint: see `WireSignedCall`. */
function proofOf(extra: unknown): ReasoningProof | undefined {
  const google = isObject(extra) ? extra["google"] : undefined;
  const signature = isObject(google) ? nonEmpty(google["thought_signature"]) : undefined;
  return signature === undefined ? undefined : { protocol: "gemini-generate", kind: "signature", data: signature };
}

/** The fields of an answer that are not part of a choice, in a completion and in the chunks of a stream. */
export interface AnswerHead {
  readonly id: string;
  readonly model: string;
  readonly createdAt: number;
  readonly extensions?: { readonly "openai-chat": WireObject };
}

const knownHead: ReadonlySet<string> = new Set(["id", "object", "created", "model", "choices", "usage", "x_groq", "obfuscation", "error"]);

const idPrefix = "chatcmpl-";

function withoutPrefix(id: string): string {
  return id.startsWith(idPrefix) ? id.slice(idPrefix.length) : id;
}

export function readHead(wire: WireObject): AnswerHead {
  const { id, model, created } = wire;
  const head = {
    id: withoutPrefix(textOf(id)),
    model: textOf(model),
    createdAt: typeof created === "number" && Number.isSafeInteger(created) ? created : 0,
  };
  const rest = restOf(wire, knownHead);
  const fields = rest === undefined ? [] : Object.entries(rest).filter(([, value]) => value !== null);
  return fields.length === 0 ? head : { ...head, extensions: { "openai-chat": Object.fromEntries(fields) } };
}
