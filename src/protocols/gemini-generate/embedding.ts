import type { EmbeddingRequest, EmbeddingResult, RouteCall } from "../protocol.ts";
import { compact, invalidField, isObject, join, optionalNumber, readArray, readObject, requiredString, type WireObject } from "./fields.ts";
import { bareModel } from "./model-name.ts";

/**
 * The texts of `:embedContent`, `{"content":{"parts":[{"text"}]},"outputDimensionality"?}`, and of `:batchEmbedContents`, `{"requests":[…]}` with one
 * such object for each text. The parts of one content are one text. @throws GatewayError `invalid_request` that names the field.
 */
export function parseEmbedding(wire: unknown, call: RouteCall): EmbeddingRequest {
  const body = readObject(wire, "body");
  const batch = call.route.operation === "batch-embed";
  const requests = batch
    ? readArray(body["requests"], "requests").map((value, index) => ({
        request: readObject(value, join("requests", index)),
        path: join("requests", index),
      }))
    : [{ request: body, path: "" }];
  if (requests.length === 0) throw invalidField("requests", "at least one request");
  return compact({
    model: bareModel(call.param),
    inputs: requests.map(({ request, path }) => readContent(request["content"], join(path, "content"))),
    dimensions: readDimensions(requests),
    batch,
  });
}

function readContent(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  const content = readObject(value, path);
  const parts = readArray(content["parts"], join(path, "parts"));
  return parts
    .map((part, index) => requiredString(readObject(part, join(join(path, "parts"), index)), "text", join(join(path, "parts"), index)))
    .join("");
}

/** One answer has vectors of one size. */
function readDimensions(requests: readonly { readonly request: WireObject; readonly path: string }[]): number | undefined {
  const sizes = requests.map(({ request, path }) => {
    const config = request["embedContentConfig"];
    const direct = optionalNumber(request, "outputDimensionality", path);
    return direct ?? (isObject(config) ? optionalNumber(config, "outputDimensionality", join(path, "embedContentConfig")) : undefined);
  });
  const other = sizes.findIndex((size) => size !== sizes[0]);
  if (other > 0) throw invalidField(join(requests[other]!.path, "outputDimensionality"), "the same number as in the first request");
  return sizes[0];
}

/** `{"embedding":{"values"}}`, or `{"embeddings":[{"values"},…]}` for the batch form; both with `usageMetadata`. */
export function renderEmbedding(result: EmbeddingResult, request: EmbeddingRequest): string {
  const embeddings = result.vectors.map((values) => ({ values }));
  const usageMetadata = { promptTokenCount: result.inputTokens, totalTokenCount: result.inputTokens };
  return JSON.stringify(request.batch ? { embeddings, usageMetadata } : { embedding: embeddings[0] ?? { values: [] }, usageMetadata });
}
