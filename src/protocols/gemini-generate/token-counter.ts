import { countable, keepFields, readCount } from "../shared/token-count.ts";
import type { TokenCounter } from "../translation.ts";
import { readErrorChunk } from "./errors.ts";
import { modelResource } from "./model-name.ts";
import { renderRequest } from "./render-request.ts";

const counted = ["systemInstruction", "tools", "toolConfig", "generationConfig", "contents"];

/**
 * `:countTokens` in the form that also counts instructions and tools, `{"generateContentRequest":{"model","contents",…}}`; the answer is
 * `{"totalTokens"}` (ai.google.dev/api/tokens, November 2026).
 */
export const tokenCounter: TokenCounter = {
  render(request, target) {
    const body = keepFields(renderRequest(countable(request), target).value, counted);
    return `{"generateContentRequest":{"model":${JSON.stringify(modelResource(target.model))},${body.slice(1)}}`;
  },
  parse: (body) => readCount(body, "totalTokens", readErrorChunk),
};
