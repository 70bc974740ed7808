import { exactValues } from "../../core/index.ts";
import type { Protocol } from "../protocol.ts";
import { planEdits } from "./edits.ts";
import { readEnvelope } from "./envelope.ts";
import { parseError, renderError, renderStreamError } from "./errors.ts";
import { JsonArraySplitter } from "./json-array-splitter.ts";
import { parseModelList, renderModel, renderModelList, renderTokenCount } from "./models.ts";
import { parseEmbedding, renderEmbedding } from "./embeddings.ts";
import { geminiParams } from "./param-names.ts";
import { parseRequest } from "./parse-request.ts";
import { readAnswer } from "./read-answer.ts";
import { renderResponse } from "./render-response.ts";
import { routes, upstreamPath } from "./routes.ts";
import { GeminiStreamEncoder, keepAlive } from "./stream-encoder.ts";
import { GeminiTap } from "./tap.ts";
import { proofs } from "./proofs.ts";
import { endedTexts, textDeltas } from "./text-deltas.ts";
import { toolResults } from "./tool-results.ts";
import { geminiGenerateUpstream } from "./upstream.ts";

/** Gemini `generateContent` and embeddings, v1beta and v1 (Gemini API reference and `@google/genai` 3.1, November 2026). */
export const geminiGenerate: Protocol = {
  id: "gemini-generate",
  routes,
  readEnvelope,
  planEdits,
  upstreamPath,
  credentialHeader: (key) => ["x-goog-api-key", key.reveal()],
  forwardedHeaders: ["x-goog-*", "x-server-timeout"],
  requiredHeaders: [],
  tierHeader: "x-gemini-service-tier",
  createArraySplitter: () => new JsonArraySplitter(),
  createTap: () => new GeminiTap(),
  readAnswer,
  parseError,
  renderError,
  renderStreamError,
  keepAlive,
  params: geminiParams,
  exactValues: exactValues("contents", ["args", "response"]),
  parseRequest,
  renderResponse,
  createStreamEncoder: (client) => new GeminiStreamEncoder(client),
  renderTokenCount,
  parseEmbedding,
  renderEmbedding,
  upstream: geminiGenerateUpstream,
  toolResults,
  proofs,
  textDeltas,
  endedTexts,
  wireRules: {
    ownsPath: (path) => path.startsWith("/v1beta") || (path.startsWith("/v1/models/") && path.includes(":")),
    listHeader: "x-goog-api-key",
    // A page has 50 models if the request does not ask for more, and at most 1,000 (ai.google.dev, models.list, November 2026).
    listQuery: "pageSize=1000",
    hasVersionInBaseUrl: false,
  },
  storesAnswers: false,
  renderModelList,
  renderModel,
  parseModelList,
};
