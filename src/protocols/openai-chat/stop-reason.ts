import type { StopReason } from "../../ir/index.ts";

/** The finish reasons of OpenAI, and of compatible servers (Mistral `model_length`, DeepSeek `insufficient_system_resource`, vLLM `abort`, …). */
const reasonByWord: ReadonlyMap<string, StopReason> = new Map<string, StopReason>([
  ["stop", "stop"],
  ["eos", "stop"],
  ["eos_token", "stop"],
  ["end_turn", "stop"],
  ["stop_sequence", "stop-sequence"],
  ["length", "length"],
  ["max_tokens", "length"],
  ["model_length", "length"],
  ["tool_calls", "tool-calls"],
  ["tool_use", "tool-calls"],
  ["function_call", "tool-calls"],
  ["content_filter", "content-filter"],
  ["safety", "content-filter"],
  ["refusal", "refusal"],
  ["insufficient_system_resource", "error"],
  ["error", "error"],
  ["abort", "error"],
]);

/**
 * Returns why an answer ended. Several servers send `stop` if the answer calls tools, and OpenAI sends it if the model refused; then the content
 * decides. `undefined` as the word: the upstream gave no reason.
 */
export function parseStopReason(word: string | undefined, content: { readonly calls: boolean; readonly refusal: boolean }): StopReason {
  const reason = word === undefined ? "other" : (reasonByWord.get(word.toLowerCase()) ?? "other");
  if (reason !== "stop" && reason !== "other") return reason;
  if (content.calls) return "tool-calls";
  return content.refusal ? "refusal" : reason;
}
