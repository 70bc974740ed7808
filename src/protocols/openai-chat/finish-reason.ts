import type { Block, StopReason } from "../../ir/index.ts";
import type { WireFinishReason } from "./wire.ts";

/**
 * Why the answer ended, in this dialect's words. A refusal that is told as one ends with `stop`, as OpenAI's own do; without a text it is only
 * visible as `content_filter`.
 */
export function renderFinishReason(reason: StopReason | undefined, refused: boolean): WireFinishReason {
  switch (reason) {
    case "length":
    case "context-window":
      return "length";
    case "tool-calls":
      return "tool_calls";
    case "content-filter":
      return "content_filter";
    case "refusal":
      return refused ? "stop" : "content_filter";
    case "stop":
    case "stop-sequence":
    case "pause":
    case "error":
    case "other":
    case undefined:
      return "stop";
  }
}

/** Whether an answer holds the text of a refusal. */
export function holdsRefusal(content: readonly Block[]): boolean {
  return content.some((block) => block.type === "refusal");
}
