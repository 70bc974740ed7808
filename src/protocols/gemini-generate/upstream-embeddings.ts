import { GatewayError, messageOf } from "../../core/index.ts";
import { readTokenCount, type EmbeddingAnswer, type EmbeddingRequest } from "../../ir/index.ts";
import { Losses } from "../losses.ts";
import type { UpstreamEmbeddings } from "../translation.ts";
import { readVector } from "../vector.ts";
import { compact, isObject } from "../fields.ts";
import { modelResource } from "./model-name.ts";

/**
 * `:embedContent` for one text, `:batchEmbedContents` for several: `{"requests":[{"model","content":{"parts":[{"text"}]},"outputDimensionality"?}]}`.
 * Source: ai.google.dev/api/embeddings and what `@google/genai` 3.1 sends, November 2026. No `taskType`: no other dialect has one, and the newer models
 * take none.
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

/** `{"embedding":{"values"}}` or `{"embeddings":[…]}`; not every version tells `usageMetadata`. @throws GatewayError `upstream_invalid_response`. */
function parse(body: string): EmbeddingAnswer {
  const wire = parseJson(body);
  if (!isObject(wire)) throw invalid("no object");
  const list = wire["embeddings"] ?? (wire["embedding"] === undefined ? undefined : [wire["embedding"]]);
  if (!Array.isArray(list)) throw invalid('neither {"embedding"} nor {"embeddings"}');
  const vectors = (list as readonly unknown[]).map((embedding, index) => {
    const vector = isObject(embedding) ? readVector(embedding["values"]) : undefined;
    if (vector === undefined) throw invalid(`no values in embedding ${index}`);
    return vector;
  });
  const usage = wire["usageMetadata"];
  return compact({ vectors, inputTokens: isObject(usage) ? readTokenCount(usage["promptTokenCount"]) : undefined });
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw invalid(messageOf(cause), cause);
  }
}

function invalid(what: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid_response", `The provider's answer to a request for embeddings is none: ${what}.`, { cause });
}

/** Embeddings of Gemini's API, for clients of other dialects. */
export const upstreamEmbeddings: UpstreamEmbeddings = { render, parse };
