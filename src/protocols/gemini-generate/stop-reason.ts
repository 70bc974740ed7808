import type { StopReason } from "../../ir/index.ts";

/** The neutral stop reason for each `FinishReason` of `@google/genai` 3.1. */
const stopReasons: Readonly<Record<string, StopReason>> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content-filter",
  RECITATION: "content-filter",
  BLOCKLIST: "content-filter",
  PROHIBITED_CONTENT: "content-filter",
  SPII: "content-filter",
  IMAGE_SAFETY: "content-filter",
  IMAGE_PROHIBITED_CONTENT: "content-filter",
  IMAGE_RECITATION: "content-filter",
  MALFORMED_FUNCTION_CALL: "error",
  UNEXPECTED_TOOL_CALL: "error",
  TOO_MANY_TOOL_CALLS: "error",
  MALFORMED_RESPONSE: "error",
};

/** The vendor sends `STOP` after function calls too. */
export function stopReasonOf(raw: string, hasCall: boolean): StopReason {
  const reason = Object.hasOwn(stopReasons, raw) ? stopReasons[raw]! : "other";
  return reason === "stop" && hasCall ? "tool-calls" : reason;
}
