import { GatewayError } from "../../core/index.ts";
import { collect, type Block, type ChatResponse } from "../../ir/index.ts";
import type { ToolNames } from "../translation.ts";
import { isObject } from "./fields.ts";
import { parseMedia } from "./parse-media.ts";
import { GeminiStreamDecoder } from "./stream-decoder.ts";

/** Errors that the decoder itself finds. */
const ownCodes: ReadonlySet<string> = new Set(["upstream_truncated", "upstream_invalid_response"]);

/**
 * Parses the answer of `:generateContent`, which is a stream's chunk that holds everything (see `stream-decoder.ts`). Images that the model made are
 * media. Arguments of calls are their text as it stands in `body` (text, not latin1). `createdAt` is 0, as the wire has none.
 * @throws GatewayError `upstream_error` where the body is an error, `upstream_invalid_response` where it is no answer.
 */
export function parseResponse(body: string, toolNames?: ToolNames): ChatResponse {
  const decoder = new GeminiStreamDecoder(toolNames);
  const events = [...decoder.pushText(body), ...decoder.end()];
  const error = events.find((event) => event.type === "error")?.error;
  if (error !== undefined && (error.type !== undefined || !ownCodes.has(error.code ?? ""))) {
    throw new GatewayError("upstream_error", error.message, {
      ...(error.type === undefined ? {} : { upstreamType: error.type }),
      ...(error.code === undefined ? {} : { upstreamCode: error.code }),
    });
  }
  const response = collect(events);
  // An answer without a reason for its end is one all the same, unlike a stream that broke off.
  if (error !== undefined && (error.code !== "upstream_truncated" || !hasCandidate(body))) {
    throw new GatewayError("upstream_invalid_response", "The provider's answer is not one of the Gemini protocol.");
  }
  const extensions = events.findLast((event) => event.type === "message-delta" && event.extensions !== undefined);
  return {
    ...response,
    content: response.content.map(mediaOf),
    ...(extensions?.type === "message-delta" && extensions.extensions !== undefined ? { extensions: extensions.extensions } : {}),
  };
}

function hasCandidate(body: string): boolean {
  const wire: unknown = JSON.parse(body);
  return isObject(wire) && Array.isArray(wire["candidates"]) && wire["candidates"].length > 0;
}

/** A stream has no blocks of media, an answer has. */
function mediaOf(block: Block): Block {
  if (block.type !== "opaque" || !isObject(block.value) || !isObject(block.value["inlineData"])) return block;
  const { mimeType, data } = block.value["inlineData"] as { mimeType?: unknown; data?: unknown };
  return typeof mimeType === "string" && typeof data === "string"
    ? (parseMedia(block.value, "candidates[0].content.parts") ?? block)
    : block;
}
