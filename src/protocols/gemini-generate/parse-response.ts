import { GatewayError } from "../../core/index.ts";
import { collect, type Block, type Candidate, type ChatResponse } from "../../ir/index.ts";
import { answerFacts, AnsweredError } from "../shared/answered-error.ts";
import { isObject } from "../shared/fields.ts";
import { textAt } from "../shared/json-text.ts";
import type { ToolNames } from "../translation.ts";
import { JsonArraySplitter } from "./json-array-splitter.ts";
import { parseMedia } from "./parse-media.ts";
import { GeminiStreamDecoder } from "./stream-decoder.ts";

/** Errors that the decoder itself finds. */
const ownCodes: ReadonlySet<string> = new Set(["upstream_truncated", "upstream_invalid_response"]);

/**
 * Parses the answer of `:generateContent`, which is like a stream of one chunk (see `stream-decoder.ts`). Images that the model made are media;
 * candidates beyond the first are alternatives. Arguments of calls are kept as their text in `body` (text, not latin1). `createdAt` is 0, as the wire
 * has no time.
 * @throws AnsweredError if the body is an error; GatewayError `upstream_invalid_response` if it is not an answer.
 */
export function parseResponse(body: string, toolNames?: ToolNames): ChatResponse {
  const decoder = new GeminiStreamDecoder(toolNames);
  const chunks = chunksOf(body);
  const events = [...chunks.flatMap((chunk) => decoder.pushText(chunk)), ...decoder.end()];
  const failure = events.find((event) => event.type === "error");
  const error = failure?.error;
  if (error !== undefined && failure?.end !== undefined) throw new AnsweredError(error, answerFacts(collect(events)));
  if (error !== undefined && (error.type !== undefined || !ownCodes.has(error.code ?? ""))) throw new AnsweredError(error);
  const response = collect(events);
  // An answer without a reason for its end is complete all the same; a stream without one has been cut off.
  if (error !== undefined && (error.code !== "upstream_truncated" || !chunks.some(hasCandidate))) {
    throw new GatewayError("upstream_invalid_response", "The provider's answer is not one of the Gemini protocol.");
  }
  const extensions = events.findLast((event) => event.type === "message-delta" && event.extensions !== undefined);
  const alternatives = alternativesOf(chunks, response.id, toolNames);
  return {
    ...response,
    content: response.content.map(mediaOf),
    ...(alternatives.length === 0 ? {} : { alternatives }),
    ...(extensions?.type === "message-delta" && extensions.extensions !== undefined ? { extensions: extensions.extensions } : {}),
  };
}

/** Candidates beyond the first, each read as an answer of its own. Further candidates of a stream are not merged. */
function alternativesOf(chunks: readonly string[], id: string, toolNames: ToolNames | undefined): readonly Candidate[] {
  const [body = ""] = chunks;
  const candidates = chunks.length === 1 ? (JSON.parse(body) as { readonly candidates?: unknown }).candidates : undefined;
  if (!Array.isArray(candidates)) return [];
  return candidates.slice(1).map((candidate: unknown, index) => {
    const text = textAt(body, ["candidates", index + 1]) ?? JSON.stringify(candidate);
    const { content, stopReason, rawStopReason } = parseResponse(
      `{"candidates":[${text}],"responseId":${JSON.stringify(`${id} ${index + 1}`)}}`,
      toolNames,
    );
    return { content, stopReason, ...(rawStopReason === undefined ? {} : { rawStopReason }) };
  });
}

/** A stream that was not requested as SSE is one JSON array of chunks. */
function chunksOf(body: string): readonly string[] {
  return body.trimStart().startsWith("[") ? new JsonArraySplitter().push(body).flatMap(({ data }) => (data === "" ? [] : [data])) : [body];
}

function hasCandidate(chunk: string): boolean {
  const wire: unknown = JSON.parse(chunk);
  return isObject(wire) && Array.isArray(wire["candidates"]) && wire["candidates"].length > 0;
}

/** The neutral stream has no media blocks, so an image is opaque there; an answer has media blocks. */
function mediaOf(block: Block): Block {
  if (block.type !== "opaque" || !isObject(block.value) || !isObject(block.value["inlineData"])) return block;
  const { mimeType, data } = block.value["inlineData"] as { mimeType?: unknown; data?: unknown };
  return typeof mimeType === "string" && typeof data === "string"
    ? (parseMedia(block.value, "candidates[0].content.parts") ?? block)
    : block;
}
