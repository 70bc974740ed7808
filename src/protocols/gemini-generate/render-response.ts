import type { Block, ChatResponse, ReasoningBlock } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import { isObject } from "./fields.ts";
import { renderEnd } from "./finish.ts";
import { CallRenderer, showsThoughts, textPart } from "./parts.ts";
import { renderUsage } from "./usage.ts";

/**
 * Renders `{"candidates":[{"content":{"parts":[…],"role":"model"},"finishReason","index":0}],"usageMetadata","modelVersion","responseId"}`.
 * `modelVersion` is the name that the client gave. Arguments of function calls go in as the text they are.
 */
export function renderResponse(response: ChatResponse, client: ClientContext): string {
  const { content } = response;
  const calls = new CallRenderer();
  const parts = content.flatMap((block, index) => renderBlock(block, content[index - 1], content[index + 1], calls, client));
  const carried = calls.takeSignature();
  if (carried !== undefined) parts.push(textPart({ text: "", thoughtSignature: carried }));
  const end = renderEnd({
    stopReason: response.stopReason,
    rawStopReason: response.rawStopReason,
    hasRefusal: content.some((block) => block.type === "refusal"),
    malformed: calls.malformed,
  });
  const tail = JSON.stringify({ usageMetadata: renderUsage(response.usage), modelVersion: client.model, responseId: response.id });
  return `{"candidates":[{"content":{"parts":[${parts.join(",")}],"role":"model"},${JSON.stringify({ ...end, index: 0 }).slice(1)}],${tail.slice(1)}`;
}

function renderBlock(
  block: Block,
  previous: Block | undefined,
  next: Block | undefined,
  calls: CallRenderer,
  client: ClientContext,
): string[] {
  switch (block.type) {
    case "text":
      return block.text === "" ? [] : [textPart({ text: block.text, ...signatureOfText(next) })];
    case "refusal":
      return block.text === "" ? [] : [textPart({ text: block.text })];
    case "reasoning":
      // Already on the text.
      if (isTextSignature(block) && previous?.type === "text" && previous.text !== "") return [];
      return renderReasoning(block, calls, client);
    case "tool-call":
      return [calls.render(block)].filter((part) => part !== "");
    case "opaque":
      return block.protocol === "gemini-generate" && isObject(block.value) ? [JSON.stringify(block.value)] : [];
    case "media":
      return block.source.type === "base64"
        ? [JSON.stringify({ inlineData: { mimeType: block.source.mediaType, data: block.source.data } })]
        : [];
    case "tool-result":
      return [];
  }
}

/** A proof without text right behind a text signs that text, see `parse-contents.ts`. */
function signatureOfText(next: Block | undefined): { thoughtSignature?: string } {
  return next !== undefined && isTextSignature(next) ? { thoughtSignature: next.proof.data } : {};
}

function isTextSignature(block: Block): block is ReasoningBlock & { proof: NonNullable<ReasoningBlock["proof"]> } {
  return block.type === "reasoning" && block.text === "" && block.proof?.protocol === "gemini-generate";
}

function renderReasoning(block: ReasoningBlock, calls: CallRenderer, client: ClientContext): string[] {
  const { proof, text } = block;
  const own = proof?.protocol === "gemini-generate" ? proof.data : undefined;
  if (proof !== undefined && own === undefined) calls.carry(block);
  const shown = text !== "" && showsThoughts(client);
  if (shown) return [textPart({ text, thought: true, ...(own === undefined ? {} : { thoughtSignature: own }) })];
  return own === undefined ? [] : [textPart({ text: "", thoughtSignature: own })];
}
