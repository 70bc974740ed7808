import type { UpstreamProtocol } from "../translation.ts";
import { contextCaching } from "./context-cache.ts";
import { parseResponse } from "./parse-response.ts";
import { renderRequest } from "./render-request.ts";
import { GeminiStreamDecoder } from "./stream-decoder.ts";
import { tokenCounter } from "./token-counter.ts";
import { tokenProbabilities } from "./token-probabilities.ts";
import { upstreamEmbeddings } from "./upstream-embeddings.ts";

/** Gemini `generateContent` as the upstream protocol of a translation. */
export const geminiGenerateUpstream: UpstreamProtocol = {
  streamQuery: "alt=sse",
  contextCaching,
  renderRequest,
  parseResponse,
  createStreamDecoder: (toolNames) => new GeminiStreamDecoder(toolNames),
  embeddings: upstreamEmbeddings,
  probabilities: tokenProbabilities,
  counter: tokenCounter,
};
