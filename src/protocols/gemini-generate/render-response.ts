import type { Block, Candidate, ChatResponse, MediaBlock, ReasoningBlock } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import type { ClientContext } from "../protocol.ts";
import { GroundingWriter } from "./grounding.ts";
import { renderEnd } from "./render-stop-reason.ts";
import { CallRenderer, picturePart, showsThoughts, textPart } from "./parts.ts";
import { renderUsage } from "./usage.ts";

/**
 * Renders `{"candidates":[{"content":{"parts":[…],"role":"model"},"finishReason","index":0}],"usageMetadata","modelVersion","responseId"}`.
 * `modelVersion` is the name that the client used. Arguments of function calls are written unchanged, as text.
 */
export function renderResponse(response: ChatResponse, client: ClientContext): string {
  const candidates = [response, ...(response.alternatives ?? [])].map((candidate, index) => renderCandidate(candidate, index, client));
  const tail = JSON.stringify({ usageMetadata: renderUsage(response.usage), modelVersion: client.model, responseId: response.id });
  return `{"candidates":[${candidates.join(",")}],${tail.slice(1)}`;
}

function renderCandidate({ content, stopReason, rawStopReason }: Candidate, index: number, client: ClientContext): string {
  const calls = new CallRenderer();
  const parts = content.flatMap((_, at) => renderBlock(content, at, calls, client));
  const end = renderEnd({
    stopReason,
    rawStopReason,
    hasRefusal: content.some((block) => block.type === "refusal"),
    malformed: calls.malformed,
  });
  const groundingMetadata = groundingOf(content);
  const tail = groundingMetadata === undefined ? { ...end, index } : { ...end, groundingMetadata, index };
  return `{"content":{"parts":[${parts.join(",")}],"role":"model"},${JSON.stringify(tail).slice(1)}`;
}

function groundingOf(content: readonly Block[]): WireObject | undefined {
  const writer = new GroundingWriter();
  for (const block of content) {
    if (block.type === "opaque" && block.search !== undefined) writer.search(block.search);
    if (block.type !== "text" && block.type !== "refusal") continue;
    const offset = writer.length;
    writer.text(block.text);
    if (block.type === "text") for (const citation of block.citations ?? []) writer.cite(citation, offset);
  }
  return writer.metadata;
}

/** The parts of the block at `at`; a signature depends on its neighbours. */
function renderBlock(content: readonly Block[], at: number, calls: CallRenderer, client: ClientContext): string[] {
  const block = content[at]!;
  switch (block.type) {
    case "text":
      return block.text === "" ? [] : [textPart({ text: block.text, ...signatureOfText(content[at + 1]) })];
    case "refusal":
      return block.text === "" ? [] : [textPart({ text: block.text })];
    case "reasoning":
      // The signature is already on the text.
      if (isTextSignature(block) && isFilledText(content[at - 1])) return [];
      return renderReasoning(block, client);
    case "tool-call":
      return [calls.render(block)].filter((part) => part !== "");
    case "opaque":
      if (block.protocol === "gemini-generate" && isObject(block.value)) return [JSON.stringify(block.value)];
      return block.media === undefined ? [] : pictureParts(block.media);
    case "media":
      return pictureParts(block);
    case "tool-result":
      return [];
  }
}

function pictureParts(media: MediaBlock): string[] {
  const part = picturePart(media);
  return part === undefined ? [] : [part];
}

/** A proof without text right after a text signs that text, see `parse-contents.ts`. */
function signatureOfText(next: Block | undefined): { thoughtSignature?: string } {
  return next !== undefined && isTextSignature(next) ? { thoughtSignature: next.proof.data } : {};
}

function isFilledText(block: Block | undefined): boolean {
  return block?.type === "text" && block.text !== "";
}

function isTextSignature(block: Block): block is ReasoningBlock & { proof: NonNullable<ReasoningBlock["proof"]> } {
  return block.type === "reasoning" && block.text === "" && block.proof?.protocol === "gemini-generate";
}

function renderReasoning({ proof, text }: ReasoningBlock, client: ClientContext): string[] {
  const own = proof?.protocol === "gemini-generate" ? proof.data : undefined;
  const shown = text !== "" && showsThoughts(client);
  if (shown) return [textPart({ text, thought: true, ...(own === undefined ? {} : { thoughtSignature: own }) })];
  return own === undefined ? [] : [textPart({ text: "", thoughtSignature: own })];
}
