import type { StopReason } from "../../ir/index.ts";
import type { WireEnd, WireFinishReason } from "./wire.ts";

const wireReasons: Readonly<Record<StopReason, WireFinishReason>> = {
  stop: "STOP",
  "stop-sequence": "STOP",
  length: "MAX_TOKENS",
  "tool-calls": "STOP",
  refusal: "SAFETY",
  "content-filter": "SAFETY",
  // Of an answer that was not gone on with.
  pause: "MAX_TOKENS",
  "context-window": "MAX_TOKENS",
  error: "OTHER",
  other: "OTHER",
};

/** The vendor's own reasons that are more specific than the neutral ones (`FinishReason` of `@google/genai` 3.1). */
const ownReasons: ReadonlySet<string> = new Set<WireFinishReason>([
  "RECITATION",
  "LANGUAGE",
  "BLOCKLIST",
  "PROHIBITED_CONTENT",
  "SPII",
  "MALFORMED_FUNCTION_CALL",
  "IMAGE_SAFETY",
  "UNEXPECTED_TOOL_CALL",
  "TOO_MANY_TOOL_CALLS",
  "IMAGE_PROHIBITED_CONTENT",
  "NO_IMAGE",
  "IMAGE_RECITATION",
  "IMAGE_OTHER",
  "MALFORMED_RESPONSE",
]);

/** What is known of the end of an answer. */
interface AnswerEnd {
  readonly stopReason: StopReason | undefined;
  readonly rawStopReason: string | undefined;
  readonly hasRefusal: boolean;
  readonly malformed: readonly string[];
}

/** Renders `finishReason`, and `finishMessage` if a call was omitted. */
export function renderEnd({ stopReason, rawStopReason, hasRefusal, malformed }: AnswerEnd): WireEnd {
  if (rawStopReason !== undefined && ownReasons.has(rawStopReason)) return { finishReason: rawStopReason as WireFinishReason };
  const reason = wireReasons[stopReason ?? "other"];
  if (malformed.length > 0) {
    return {
      finishReason: reason === "MAX_TOKENS" ? reason : "MALFORMED_FUNCTION_CALL",
      finishMessage: `Malformed function call: ${malformed.join(", ")}`,
    };
  }
  return { finishReason: reason === "STOP" && hasRefusal ? "SAFETY" : reason };
}
