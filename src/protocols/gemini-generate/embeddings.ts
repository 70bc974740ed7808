import type { EmbeddingRequest, EmbeddingResult, Extensions } from "../../ir/index.ts";
import { compact, restOf, type WireObject } from "../shared/fields.ts";
import type { RouteCall } from "../protocol.ts";
import { extensionsOf, invalidField, join, optionalNumber, optionalObject, readArray, readObject, requiredString } from "./fields.ts";
import { bareModel } from "./model-name.ts";

/** One text of a request: `:embedContent` has one, `:batchEmbedContents` has several. */
interface OneRequest {
  readonly request: WireObject;
  /** `embedContentConfig`: newer clients put fields there that older ones put beside the content. */
  readonly config: WireObject;
  readonly path: string;
}

const known: ReadonlySet<string> = new Set(["model", "content", "outputDimensionality", "embedContentConfig"]);
const knownConfig: ReadonlySet<string> = new Set(["outputDimensionality"]);

/**
 * Parses the texts of `:embedContent`, `{"content":{"parts":[{"text"}]},"outputDimensionality"?}`, and of `:batchEmbedContents`, `{"requests":[…]}`
 * with one such object for each text. The parts of one content are one text.
 * @throws GatewayError `invalid_request` that names the field.
 */
export function parseEmbedding(wire: unknown, call: RouteCall): EmbeddingRequest {
  const body = readObject(wire, "body");
  const batch = call.route.operation === "batch-embed";
  const requests = batch
    ? readArray(body["requests"], "requests").map((value, index) => readOne(value, join("requests", index)))
    : [readOne(body, "")];
  if (requests.length === 0) throw invalidField("requests", "at least one request");
  return compact({
    model: bareModel(call.param),
    inputs: requests.map(({ request, path }) => readContent(request["content"], join(path, "content"))),
    dimensions: readDimensions(requests),
    batch,
    extensions: readExtensions(requests),
  });
}

function readOne(value: unknown, path: string): OneRequest {
  const request = readObject(value, path === "" ? "body" : path);
  return { request, config: optionalObject(request, "embedContentConfig", path) ?? {}, path };
}

function readContent(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  const content = readObject(value, path);
  const parts = readArray(content["parts"], join(path, "parts"));
  return parts
    .map((part, index) => requiredString(readObject(part, join(join(path, "parts"), index)), "text", join(join(path, "parts"), index)))
    .join("");
}

/** All vectors of one answer have the same size. */
function readDimensions(requests: readonly OneRequest[]): number | undefined {
  const sizes = requests.map(
    ({ request, config, path }) =>
      optionalNumber(request, "outputDimensionality", path) ??
      optionalNumber(config, "outputDimensionality", join(path, "embedContentConfig")),
  );
  const other = sizes.findIndex((size) => size !== sizes[0]);
  if (other > 0) throw invalidField(join(requests[other]!.path, "outputDimensionality"), "the same number as in the first request");
  return sizes[0];
}

/** `taskType`, `title` and other fields that only this protocol has; a field that occurs in several requests of a batch is listed once. */
function readExtensions(requests: readonly OneRequest[]): Extensions | undefined {
  const rests = requests.flatMap(({ request, config }) => [restOf(config, knownConfig), restOf(request, known)]);
  return extensionsOf(Object.fromEntries(rests.flatMap((rest) => Object.entries(rest ?? {}))));
}

/** Renders `{"embedding":{"values"}}`, or `{"embeddings":[{"values"},…]}` for the batch form; both with `usageMetadata`. */
export function renderEmbedding(result: EmbeddingResult, request: EmbeddingRequest): string {
  const embeddings = result.vectors.map((values) => ({ values }));
  const usageMetadata = { promptTokenCount: result.inputTokens, totalTokenCount: result.inputTokens };
  return JSON.stringify(request.batch ? { embeddings, usageMetadata } : { embedding: embeddings[0] ?? { values: [] }, usageMetadata });
}
