import type { StopReason } from "../../ir/index.ts";
import { isBrokenEnd } from "../shared/broken-end.ts";
import type { WireObject } from "../shared/fields.ts";

/** The finish reasons of OpenAI, and of compatible servers (Mistral `model_length`, Z.ai `sensitive`, …); those that are errors are in `broken-end.ts`. */
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
  ["sensitive", "content-filter"],
  ["refusal", "refusal"],
  ["model_context_window_exceeded", "context-window"],
]);

/**
 * Returns why an answer ended. Several servers send `stop` if the answer calls tools, and OpenAI sends it if the model refused; then the content
 * decides. `undefined` as the word: the upstream gave no reason.
 */
export function parseStopReason(word: string | undefined, content: { readonly calls: boolean; readonly refusal: boolean }): StopReason {
  const reason = word === undefined ? "other" : reasonOf(word);
  if (reason !== "stop" && reason !== "other") return reason;
  if (content.calls) return "tool-calls";
  return content.refusal ? "refusal" : reason;
}

/**
 * The stop sequence that matched: vLLM and SGLang name it in `stop_reason` of the choice (vllm 002032e, `ChatCompletionResponseChoice`). Other servers
 * have a word of their own there, or the id of a token.
 */
export function matchedStop(choice: WireObject): string | undefined {
  const { finish_reason: reason, stop_reason: matched } = choice as { finish_reason?: unknown; stop_reason?: unknown };
  const isNamed = reason === "stop" && typeof matched === "string" && matched !== "";
  return isNamed && !reasonByWord.has(matched.toLowerCase()) ? matched : undefined;
}

/** Google's OpenAI endpoint puts its own word behind the one of this dialect: `content_filter: RECITATION`. */
function reasonOf(word: string): StopReason {
  if (isBrokenEnd(word)) return "error";
  return reasonByWord.get(word.toLowerCase().replace(/: .*$/, "")) ?? "other";
}
