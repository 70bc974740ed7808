import { countable, keepFields, readCount } from "../shared/token-count.ts";
import type { TokenCounter } from "../translation.ts";
import { parseStreamError } from "./errors.ts";
import { renderRequest } from "./render-request.ts";

/** The fields of a request that `MessageCountTokensParams` has (`@anthropic-ai/sdk` 1.12). */
const counted = ["model", "system", "messages", "tools", "tool_choice", "thinking", "output_config"];

/**
 * `POST /v1/messages/count_tokens`: a request without the fields that limit or sample the answer; the result is `{"input_tokens"}` (Anthropic API
 * reference, November 2026).
 */
export const tokenCounter: TokenCounter = {
  render: (request, target) => keepFields(renderRequest(countable(request), target).value, counted),
  parse: (body) => readCount(body, "input_tokens", (wire) => parseStreamError(JSON.stringify(wire))),
};
