import type { StopReason } from "../../ir/index.ts";
import { isBrokenEnd } from "../shared/broken-end.ts";
import { isObject } from "../shared/fields.ts";

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
};

/** A candidate that a content filter has ended, and which says nothing. */
export function isFilteredAway(candidate: unknown): boolean {
  if (!isObject(candidate)) return false;
  const { finishReason: reason, content } = candidate;
  const parts = isObject(content) ? content["parts"] : undefined;
  return typeof reason === "string" && stopReasonOf(reason, false) === "content-filter" && !(Array.isArray(parts) && parts.some(isContent));
}

/** Whether a part is anything but an empty text. */
export function isContent(part: unknown): boolean {
  return isObject(part) && Object.entries(part).some(([key, value]) => key !== "text" || value !== "");
}

/** The vendor sends `STOP` after function calls too. */
export function stopReasonOf(raw: string, hasCall: boolean): StopReason {
  if (isBrokenEnd(raw)) return "error";
  const reason = Object.hasOwn(stopReasons, raw) ? stopReasons[raw]! : "other";
  return reason === "stop" && hasCall ? "tool-calls" : reason;
}
