import type { Block, StopReason } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import type { WireFinishReason } from "./wire.ts";

/**
 * Returns the finish reason of this dialect. An answer with the text of a refusal ends with `stop`, as OpenAI's own do; a refusal without text is
 * visible only as `content_filter`.
 */
export function renderFinishReason(reason: StopReason | undefined, refused: boolean): WireFinishReason {
  switch (reason) {
    case "length":
    case "context-window":
    // Of an answer that was not gone on with.
    case "pause":
      return "length";
    case "tool-calls":
      return "tool_calls";
    case "content-filter":
      return "content_filter";
    case "refusal":
      return refused ? "stop" : "content_filter";
    case "stop":
    case "stop-sequence":
    case "error":
    case "other":
    case undefined:
      return "stop";
  }
}

/** Whether the client reads calls as the retired `function_call`. */
export function readsFunctionCall({ request }: Pick<ClientContext, "request">): boolean {
  return request.extensions?.["openai-chat"]?.["functions"] === true;
}

/** Whether an answer has the text of a refusal. */
export function hasRefusal(content: readonly Block[]): boolean {
  return content.some((block) => block.type === "refusal");
}
