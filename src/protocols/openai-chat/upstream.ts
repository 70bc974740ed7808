import type { UpstreamProtocol } from "../translation.ts";
import { parseResponse } from "./parse-response.ts";
import { renderRequest } from "./render-request.ts";
import { ChatStreamDecoder } from "./stream-decoder.ts";
import { tokenProbabilities } from "./token-probabilities.ts";
import { upstreamEmbeddings } from "./upstream-embeddings.ts";

/** OpenAI Chat as the upstream protocol of a translation. */
export const openaiChatUpstream: UpstreamProtocol = {
  cacheBy: "key",
  renderRequest,
  parseResponse,
  createStreamDecoder: (toolNames) => new ChatStreamDecoder(toolNames),
  embeddings: upstreamEmbeddings,
  probabilities: tokenProbabilities,
};
