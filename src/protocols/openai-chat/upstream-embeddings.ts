import type { EmbeddingCreateParams } from "openai/resources/embeddings";
import { readTokenCount, type EmbeddingAnswer, type EmbeddingRequest } from "../../ir/index.ts";
import { compact, isObject } from "../shared/fields.ts";
import { Losses } from "../shared/losses.ts";
import { readErrorObject } from "../openai-shared/errors.ts";
import type { UpstreamEmbeddings } from "../translation.ts";
import { readVector } from "../shared/vector.ts";
import { invalidEmbeddings, parseEmbeddings } from "../shared/embeddings-answer.ts";

/**
 * Renders `POST /embeddings` for a request of another dialect: `{"model","input","encoding_format":"float","dimensions"?}`. Source:
 * `EmbeddingCreateParams` of the npm package `openai` 7.57. Numbers are requested, as every compatible server has them; not all have base64.
 */
function render(request: EmbeddingRequest, model: string): ReturnType<UpstreamEmbeddings["render"]> {
  const losses = new Losses();
  losses.dropForeign(request.extensions, "openai-chat", "request");
  const body: EmbeddingCreateParams = compact({
    model,
    input: request.inputs.length === 1 ? request.inputs[0]! : [...request.inputs],
    encoding_format: "float" as const,
    dimensions: request.dimensions,
  });
  return { operation: "embed", value: JSON.stringify(body), losses: losses.list };
}

/**
 * Parses `{"data":[{"index","embedding"}],"usage":{"prompt_tokens"}}`, whose items may come in any order. @throws GatewayError
 * `upstream_invalid_response`.
 */
function parse(body: string): EmbeddingAnswer {
  const wire = parseEmbeddings(body, readErrorObject);
  const data = isObject(wire) ? wire["data"] : undefined;
  if (!isObject(wire) || !Array.isArray(data)) throw invalidEmbeddings('no {"data":[{"embedding"}]}');
  const vectors: (readonly number[])[] = [];
  for (const [at, item] of (data as readonly unknown[]).entries()) {
    const vector = isObject(item) ? readVector(item["embedding"]) : undefined;
    const index = isObject(item) && Number.isSafeInteger(item["index"]) ? (item["index"] as number) : at;
    if (vector === undefined || index < 0 || index >= data.length || vectors[index] !== undefined) {
      throw invalidEmbeddings(`no vector, or none of its own place, at data[${at}]`);
    }
    vectors[index] = vector;
  }
  const inputTokens = isObject(wire["usage"]) ? readTokenCount(wire["usage"]["prompt_tokens"]) : undefined;
  return compact({ vectors, inputTokens });
}

/** The embeddings of a server that speaks OpenAI's protocol, for clients of other dialects. */
export const upstreamEmbeddings: UpstreamEmbeddings = { render, parse };
