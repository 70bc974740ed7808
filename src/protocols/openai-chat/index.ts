import { exactValues } from "../../core/index.ts";
import type { Secret } from "../../core/index.ts";
import { parseError, renderError } from "../openai-shared/errors.ts";
import { keepAlive } from "../openai-shared/keep-alive.ts";
import { parseModelList, renderModel, renderModelList } from "../openai-shared/models.ts";
import { renderTokenCount } from "../openai-shared/token-count.ts";
import { addCost } from "../openai-shared/usage-option.ts";
import { openaiLimitHeaders } from "../shared/limit-headers.ts";
import type { Protocol } from "../protocol.ts";
import { planEdits } from "./edits.ts";
import { parseEmbedding, renderEmbedding } from "./embeddings.ts";
import { readEnvelope } from "./envelope.ts";
import { renderStreamError } from "./errors.ts";
import { fitOwnBody } from "./own-body.ts";
import { otherProtocol } from "./other-protocol.ts";
import { chatParams } from "./param-names.ts";
import { parseRequest } from "./parse-request.ts";
import { readAnswer } from "./read-answer.ts";
import { renderResponse } from "./render-response.ts";
import { routes, upstreamPath } from "./routes.ts";
import { ChatStreamEncoder } from "./stream-encoder.ts";
import { ChatTap } from "./tap.ts";
import { proofs } from "./proofs.ts";
import { endedTexts, textDeltas } from "./text-deltas.ts";
import { toForeign } from "./to-foreign.ts";
import { toolResults } from "./tool-results.ts";
import { openaiChatUpstream } from "./upstream.ts";

/** OpenAI Chat Completions and embeddings (developers.openai.com/api/reference, November 2026), the dialect that most servers are compatible with. */
export const openaiChat: Protocol = {
  id: "openai-chat",
  routes,
  readEnvelope,
  planEdits,
  fitOwnBody,
  otherProtocol,
  upstreamPath,
  credentialHeader: (key: Secret) => ["authorization", `Bearer ${key.reveal()}`],
  forwardedHeaders: ["openai-*", "x-openai-*", "x-stainless-*"],
  requiredHeaders: [],
  limitHeaders: openaiLimitHeaders,
  createTap: (options) => new ChatTap(options),
  readAnswer,
  parseError,
  renderError,
  renderStreamError,
  keepAlive,
  addCost,
  params: chatParams,
  // Of calls in Anthropic's form, and of arguments that are no text.
  exactValues: exactValues("messages", ["input", "arguments"]),
  parseRequest,
  toForeign,
  renderResponse,
  createStreamEncoder: (client) => new ChatStreamEncoder(client),
  // No route of this dialect counts tokens; OpenAI's form of a count is that of Responses.
  renderTokenCount,
  parseEmbedding,
  renderEmbedding,
  upstream: openaiChatUpstream,
  toolResults,
  proofs,
  textDeltas,
  endedTexts,
  wireRules: { ownsPath: (path) => path.startsWith("/v1beta/openai"), hasVersionInBaseUrl: true },
  storesAnswers: false,
  renderModelList,
  renderModel,
  parseModelList,
};
