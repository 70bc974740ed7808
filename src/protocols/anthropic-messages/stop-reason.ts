import type { StopReason } from "../../ir/index.ts";
import type { WireStopDetails, WireStopReason } from "./wire.ts";

const wireReasons: Readonly<Record<StopReason, WireStopReason>> = {
  stop: "end_turn",
  "stop-sequence": "stop_sequence",
  length: "max_tokens",
  "tool-calls": "tool_use",
  refusal: "refusal",
  "content-filter": "refusal",
  pause: "pause_turn",
  "context-window": "model_context_window_exceeded",
  error: "end_turn",
  other: "end_turn",
};

/** What is known of the end of an answer. */
interface AnswerEnd {
  readonly stopReason: StopReason | undefined;
  readonly stopSequence: string | undefined;
  readonly hasToolCall: boolean;
  readonly hasRefusal: boolean;
}

interface WireEnd {
  readonly stop_reason: WireStopReason;
  readonly stop_sequence: string | null;
  readonly stop_details: WireStopDetails | null;
}

/**
 * Renders the end with the vendor's words. `stop_sequence` is used only if the sequence is known, else `end_turn`. A plain stop becomes `tool_use`
 * after a tool call, as clients run tools only then, and `refusal` after a refusal.
 */
export function renderEnd({ stopReason, stopSequence, hasToolCall, hasRefusal }: AnswerEnd): WireEnd {
  let reason = wireReasons[stopReason ?? "other"];
  if (reason === "stop_sequence" && stopSequence === undefined) reason = "end_turn";
  if (reason === "end_turn" && hasRefusal) reason = "refusal";
  if (reason === "end_turn" && hasToolCall) reason = "tool_use";
  return {
    stop_reason: reason,
    stop_sequence: reason === "stop_sequence" ? (stopSequence ?? null) : null,
    stop_details: reason === "refusal" ? { type: "refusal", category: null, explanation: null } : null,
  };
}
