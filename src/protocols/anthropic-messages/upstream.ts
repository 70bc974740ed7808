import type { UpstreamProtocol } from "../translation.ts";
import { JoinedTurns, runsTools } from "./joined-turns.ts";
import { parseResponse } from "./parse-response.ts";
import { defaultMaxTokens, renderRequest } from "./render-request.ts";
import { AnthropicStreamDecoder } from "./stream-decoder.ts";
import { tokenCounter } from "./token-counter.ts";

/** Anthropic Messages as the upstream protocol of a translation. */
export const anthropicMessagesUpstream: UpstreamProtocol = {
  // The vendor requires `max_tokens`.
  outputBounds: { unasked: defaultMaxTokens },
  cacheBy: "marks",
  renderRequest,
  parseResponse,
  createStreamDecoder: (toolNames) => new AnthropicStreamDecoder(toolNames),
  createPausedTurns: (body) => (runsTools(body) ? new JoinedTurns(body) : undefined),
  counter: tokenCounter,
};
