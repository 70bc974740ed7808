import { exactValues } from "../../core/index.ts";
import type { Secret } from "../../core/index.ts";
import { parseError, renderError } from "../openai-shared/errors.ts";
import { keepAlive } from "../openai-shared/keep-alive.ts";
import { parseModelList, renderModel, renderModelList } from "../openai-shared/models.ts";
import { renderTokenCount } from "../openai-shared/token-count.ts";
import { addCost } from "../openai-shared/usage-option.ts";
import { openaiLimitHeaders } from "../shared/limit-headers.ts";
import type { ClientContext, Protocol, StreamEncoder } from "../protocol.ts";
import { planEdits } from "./edits.ts";
import { readEnvelope } from "./envelope.ts";
import { renderStreamError } from "./errors.ts";
import { responsesParams } from "./param-names.ts";
import { parseRequest } from "./parse-request.ts";
import { readAnswer } from "./read-answer.ts";
import { renderResponse } from "./render-response.ts";
import { routes, upstreamPath } from "./routes.ts";
import { CompactionEncoder, isCompaction } from "./compaction.ts";
import { toForeign } from "./to-foreign.ts";
import { ResponsesStreamEncoder } from "./stream-encoder.ts";
import { ResponsesTap } from "./tap.ts";
import { proofs } from "./proofs.ts";
import { endedTexts, textDeltas } from "./text-deltas.ts";
import { toolResults } from "./tool-results.ts";
import { openaiResponsesUpstream } from "./upstream.ts";

/** OpenAI Responses (developers.openai.com/api/reference, November 2026): the dialect of Codex and of OpenAI's newer models. */
export const openaiResponses: Protocol = {
  id: "openai-responses",
  routes,
  readEnvelope,
  planEdits,
  upstreamPath,
  credentialHeader: (key: Secret) => ["authorization", `Bearer ${key.reveal()}`],
  forwardedHeaders: ["openai-*", "x-openai-*", "x-codex-*", "x-stainless-*"],
  requiredHeaders: [],
  limitHeaders: openaiLimitHeaders,
  createTap: () => new ResponsesTap(),
  readAnswer,
  parseError,
  renderError,
  renderStreamError,
  keepAlive,
  addCost,
  params: responsesParams,
  // Of calls in Anthropic's form, and of arguments that are no text.
  exactValues: exactValues("input", ["input", "arguments"]),
  parseRequest,
  toForeign,
  renderResponse,
  createStreamEncoder: createEncoder,
  renderTokenCount,
  upstream: openaiResponsesUpstream,
  toolResults,
  proofs,
  textDeltas,
  endedTexts,
  wireRules: { ownsPath: (path) => path.startsWith("/v1/responses"), hasVersionInBaseUrl: true },
  storesAnswers: true,
  renderModelList,
  renderModel,
  parseModelList,
};

function createEncoder(client: ClientContext): StreamEncoder {
  const encoder = new ResponsesStreamEncoder(client);
  const { sealSummary } = client;
  return sealSummary !== undefined && isCompaction(client.request) ? new CompactionEncoder(encoder, client, sealSummary) : encoder;
}
