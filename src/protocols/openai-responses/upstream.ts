import type { UpstreamProtocol } from "../translation.ts";
import { parseResponse } from "./parse-response.ts";
import { leastOutputTokens, renderRequest } from "./render-request.ts";
import { ResponsesStreamDecoder } from "./stream-decoder.ts";
import { tokenCounter } from "./token-counter.ts";

/** OpenAI Responses as the upstream protocol of a translation. */
export const openaiResponsesUpstream: UpstreamProtocol = {
  outputBounds: { least: leastOutputTokens },
  cacheBy: "key",
  renderRequest,
  parseResponse,
  createStreamDecoder: (toolNames) => new ResponsesStreamDecoder(toolNames),
  counter: tokenCounter,
};
