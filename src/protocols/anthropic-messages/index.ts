import { exactValues } from "../../core/index.ts";
import type { Protocol } from "../protocol.ts";
import { planEdits } from "./edits.ts";
import { readEnvelope } from "./envelope.ts";
import { parseError, renderError, renderStreamError } from "./errors.ts";
import { parseModelList, renderModel, renderModelList, renderTokenCount } from "./models.ts";
import { fitOwnBody } from "./own-body.ts";
import { markOwnBody } from "./own-marks.ts";
import { anthropicParams } from "./param-names.ts";
import { parseRequest } from "./parse-request.ts";
import { readAnswer } from "./read-answer.ts";
import { renderResponse } from "./render-response.ts";
import { routes, upstreamPath } from "./routes.ts";
import { AnthropicStreamEncoder, ping } from "./stream-encoder.ts";
import { AnthropicTap } from "./tap.ts";
import { proofs } from "./proofs.ts";
import { endedTexts, textDeltas } from "./text-deltas.ts";
import { anthropicLimitHeaders } from "../shared/limit-headers.ts";
import { toolResults } from "./tool-results.ts";
import { anthropicMessagesUpstream } from "./upstream.ts";

/** Anthropic Messages, versions 2023-06-01 and 2026-10-21 (Anthropic API reference and `@anthropic-ai/sdk` 1.12, November 2026). */
export const anthropicMessages: Protocol = {
  id: "anthropic-messages",
  routes,
  readEnvelope,
  planEdits,
  fitOwnBody,
  markOwnBody,
  upstreamPath,
  credentialHeader: (key) => ["x-api-key", key.reveal()],
  forwardedHeaders: ["anthropic-*", "x-stainless-*", "x-app", "x-claude-code-*"],
  requiredHeaders: [["anthropic-version", "2023-06-01"]],
  limitHeaders: anthropicLimitHeaders,
  createTap: () => new AnthropicTap(),
  readAnswer,
  parseError,
  renderError,
  renderStreamError,
  keepAlive: ping,
  params: anthropicParams,
  exactValues: exactValues("messages", ["input"]),
  parseRequest,
  renderResponse,
  createStreamEncoder: (client) => new AnthropicStreamEncoder(client),
  renderTokenCount,
  upstream: anthropicMessagesUpstream,
  toolResults,
  proofs,
  textDeltas,
  endedTexts,
  wireRules: {
    ownsPath: (path) => path.startsWith("/anthropic") || path.startsWith("/v1/messages"),
    listHeader: "anthropic-version",
    // A page has 20 models if the request does not ask for more, and at most 1,000 (docs.claude.com, List Models, November 2026).
    listQuery: "limit=1000",
    hasVersionInBaseUrl: false,
  },
  storesAnswers: false,
  renderModelList,
  renderModel,
  parseModelList,
};
