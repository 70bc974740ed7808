import type { UpstreamError } from "../protocol.ts";

/**
 * Words for the end of an answer that broke off, of all protocols: DeepSeek `insufficient_system_resource`, vLLM and SGLang `abort`, OpenRouter and Mistral
 * `error`, Z.ai `network_error`, Google's OpenAI endpoint `function_call_filter: MALFORMED_FUNCTION_CALL`, Bedrock `malformed_tool_use`, and those of
 * Gemini's `FinishReason` (`@google/genai` 3.1; `MISSING_THOUGHT_SIGNATURE` of the API's reference), which gateways pass on in lower case. November 2026.
 */
const brokenWords =
  /^(?:(?:internal_|network_|server_)?error|failed|abort(?:ed)?|user_cancel|cancell?ed|timeout|time_limit|insufficient_system_resource|function_call_filter\b.*|malformed_[a-z_]+|unexpected_tool_call|too_many_tool_calls|missing_thought_signature)$/i;

/** Whether an upstream's word for the end of its answer reports that the answer is not one: agents must send the request again. */
export function isBrokenEnd(word: string): boolean {
  return brokenWords.test(word);
}

/** Such an end as an error. `detail` is what the upstream says of it (Gemini's `finishMessage`). */
export function brokenEnd(word: string, detail?: unknown): UpstreamError {
  const words = typeof detail === "string" && detail !== "" ? `: ${detail}` : ".";
  if (word === "error") return { status: 502, message: `The provider ended its answer with an error${words}` };
  return { status: 502, message: `The provider ended its answer with ${word}${words}`, code: word };
}

/** An end for a reason that is not known, or only the vendor's own (Gemini's `OTHER`), of an answer in which nothing was said: an agent would stop without a word. */
export function emptyEnd(word: string | undefined): UpstreamError {
  return word === undefined ? { status: 502, message: "The provider ended its answer without any content." } : brokenEnd(word);
}
