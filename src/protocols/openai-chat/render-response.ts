import { mediaOf, type Block, type ChatResponse, type MediaBlock, type ToolCallBlock } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import { annotationFields } from "../shared/web-search.ts";
import { withPrefix } from "../openai-shared/ids.ts";
import { urlOfSource } from "../openai-shared/media.ts";
import { hasRefusal, readsFunctionCall, renderFinishReason } from "./render-stop-reason.ts";
import { proofFields } from "./thinking-blocks.ts";
import { renderUsage } from "./usage.ts";
import type { WireCompletion, WireMessage, WireSignedCall, WireToolCall } from "./wire.ts";

/**
 * Renders a completion. All texts are one `content`, all reasoning is one `reasoning_content`. Proofs of reasoning are LiteLLM's
 * `thinking_blocks`, and those of calls Gemini's field. The model has the name that the client used.
 */
export function renderResponse(response: ChatResponse, client: ClientContext): string {
  const usage = renderUsage(response.usage);
  const isRetired = readsFunctionCall(client);
  const completion: WireCompletion = {
    id: withPrefix("chatcmpl-", response.id),
    object: "chat.completion",
    created: response.createdAt,
    model: client.model,
    choices: [response, ...(response.alternatives ?? [])].map(({ content, stopReason }, index) => ({
      index,
      message: isRetired ? withFunctionCall(renderMessage(content)) : renderMessage(content),
      logprobs: null,
      finish_reason: isRetired && stopReason === "tool-calls" ? "function_call" : renderFinishReason(stopReason, hasRefusal(content)),
    })),
    ...(usage === undefined ? {} : { usage }),
  };
  return JSON.stringify(completion);
}

function withFunctionCall({ tool_calls: calls, ...message }: WireMessage): WireMessage {
  const call = calls?.[0];
  return call?.type === "function" ? { ...message, function_call: call.function } : message;
}

function renderMessage(content: readonly Block[]): WireMessage {
  const reasoning = textsOf(content, "reasoning");
  const calls = content.filter((block) => block.type === "tool-call").map(renderToolCall);
  const images = content.flatMap((block) => renderImage(mediaOf(block)));
  return {
    role: "assistant",
    content: textsOf(content, "text") ?? null,
    refusal: textsOf(content, "refusal") ?? null,
    ...renderAnnotations(content),
    ...(reasoning === undefined || reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...proofFields(content.filter((block) => block.type === "reasoning")),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(images.length === 0 ? {} : { images }),
  };
}

/** The places count in the joined text. */
function renderAnnotations(content: readonly Block[]): Pick<WireMessage, "annotations"> {
  let offset = 0;
  const annotations: NonNullable<WireMessage["annotations"]> = [];
  for (const block of content) {
    if (block.type !== "text") continue;
    for (const citation of block.citations ?? [])
      annotations.push({ type: "url_citation", url_citation: annotationFields(citation, offset, block.text.length) });
    offset += block.text.length;
  }
  return annotations.length === 0 ? {} : { annotations };
}

function textsOf(content: readonly Block[], type: "text" | "refusal" | "reasoning"): string | undefined {
  let text: string | undefined;
  for (const block of content) if (block.type === type) text = (text ?? "") + block.text;
  return text;
}

function renderToolCall(call: ToolCallBlock): WireToolCall {
  const { id, name, arguments: text } = call;
  const signature = signedCall(call.proof);
  return call.kind === "custom"
    ? { id, type: "custom", custom: { name, input: text }, ...signature }
    : { id, type: "function", function: { name, arguments: text }, ...signature };
}

/** The field for a call's proof: only Gemini's, as no other vendor signs calls. */
export function signedCall(proof: ToolCallBlock["proof"]): WireSignedCall {
  return proof?.protocol === "gemini-generate" ? { extra_content: { google: { thought_signature: proof.data } } } : {};
}

/** A picture in OpenRouter's form; none if it has no address and no data. */
export function renderImage(media: MediaBlock | undefined): { type: "image_url"; image_url: { url: string } }[] {
  const url = media?.kind === "image" ? urlOfSource(media.source) : undefined;
  return url === undefined ? [] : [{ type: "image_url", image_url: { url } }];
}
