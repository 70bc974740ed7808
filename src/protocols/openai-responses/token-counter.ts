import { readErrorObject } from "../openai-shared/errors.ts";
import { countable, keepFields, readCount } from "../shared/token-count.ts";
import type { TokenCounter } from "../translation.ts";
import { renderRequest } from "./render-request.ts";

/** The fields of `InputTokenCountParams` for a request without stored parts (npm package `openai` 7.57, resources/responses/input-tokens). */
const counted = ["model", "instructions", "input", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text", "truncation"];

/** `POST /responses/input_tokens`, which answers `{"object":"response.input_tokens","input_tokens"}`. */
export const tokenCounter: TokenCounter = {
  render: (request, target) => keepFields(renderRequest(countable(request), target).value, counted),
  parse: (body) => readCount(body, "input_tokens", readErrorObject),
};
