import { readTokenCount, type EmbeddingAnswer, type EmbeddingRequest } from "../../ir/index.ts";
import { invalidEmbeddings, parseEmbeddings } from "../shared/embeddings-answer.ts";
import { compact, isObject } from "../shared/fields.ts";
import { Losses } from "../shared/losses.ts";
import type { UpstreamEmbeddings } from "../translation.ts";
import { readVector } from "../shared/vector.ts";
import { readErrorChunk } from "./errors.ts";
import { modelResource } from "./model-name.ts";

/**
 * `:embedContent` for one text, `:batchEmbedContents` for several: `{"requests":[{"model","content":{"parts":[{"text"}]},"outputDimensionality"?}]}`.
 * Source: ai.google.dev/api/embeddings and the requests of `@google/genai` 3.1, November 2026. No `taskType` is sent: no other dialect has one, and
 * the newer models accept none.
 */
function render(request: EmbeddingRequest, model: string): ReturnType<UpstreamEmbeddings["render"]> {
  const losses = new Losses();
  losses.dropForeign(request.extensions, "gemini-generate", "request");
  const requests = request.inputs.map((text) =>
    compact({ model: modelResource(model), content: { parts: [{ text }] }, outputDimensionality: request.dimensions }),
  );
  const [only] = requests;
  return requests.length === 1
    ? { operation: "embed", value: JSON.stringify(only), losses: losses.list }
    : { operation: "batch-embed", value: JSON.stringify({ requests }), losses: losses.list };
}

/**
 * Parses `{"embedding":{"values"}}` or `{"embeddings":[…]}`; not every version has `usageMetadata`. @throws GatewayError `upstream_invalid_response`.
 */
function parse(body: string): EmbeddingAnswer {
  const wire = parseEmbeddings(body, readErrorChunk);
  if (!isObject(wire)) throw invalidEmbeddings("no object");
  const list = wire["embeddings"] ?? (wire["embedding"] === undefined ? undefined : [wire["embedding"]]);
  if (!Array.isArray(list)) throw invalidEmbeddings('neither {"embedding"} nor {"embeddings"}');
  const vectors = (list as readonly unknown[]).map((embedding, index) => {
    const vector = isObject(embedding) ? readVector(embedding["values"]) : undefined;
    if (vector === undefined) throw invalidEmbeddings(`no values in embedding ${index}`);
    return vector;
  });
  const usage = wire["usageMetadata"];
  return compact({ vectors, inputTokens: isObject(usage) ? readTokenCount(usage["promptTokenCount"]) : undefined });
}

/** The embeddings of Gemini's API, for clients of other dialects. */
export const upstreamEmbeddings: UpstreamEmbeddings = { render, parse };
