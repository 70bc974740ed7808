import type Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import { crc32 } from "node:zlib";
import type { JsonObject, JsonValue } from "./json.ts";
import { asObjects } from "./json.ts";
import type { Vendor } from "./mock-routes.ts";

const CREATED = "2026-11-01T00:00:00Z";
const CREATED_S = Date.parse(CREATED) / 1000;

/** `GET …/models`: OpenAI's list, Anthropic's page or Gemini's page (API references, November 2026). */
export function renderModelList(vendor: Vendor, models: readonly string[]): object {
  const data = models.map((id) => renderModel(vendor, id));
  switch (vendor) {
    case "openai":
      return { object: "list", data };
    case "anthropic":
      return { data, has_more: false, first_id: models[0] ?? null, last_id: models.at(-1) ?? null };
    case "gemini":
      return { models: data };
  }
}

/** One model in the vendor's words. */
export function renderModel(vendor: Vendor, id: string): object {
  switch (vendor) {
    case "openai":
      return { id, object: "model", created: CREATED_S, owned_by: "mock" } satisfies OpenAI.Models.Model;
    case "anthropic":
      return {
        type: "model",
        id,
        display_name: `Mock ${id}`,
        created_at: CREATED,
        capabilities: null,
        deprecated_at: null,
        lifecycle: "active",
        line: null,
        max_input_tokens: 200_000,
        max_tokens: 64_000,
        retires_at: null,
      } satisfies Anthropic.ModelInfo;
    case "gemini":
      return {
        name: `models/${id}`,
        version: "001",
        displayName: `Mock ${id}`,
        inputTokenLimit: 1_048_576,
        outputTokenLimit: 65_536,
        supportedGenerationMethods: ["generateContent", "countTokens", "embedContent"],
      };
  }
}

/**
 * `POST /v1/embeddings`: one vector per input, as numbers or as base64 of little-endian 32-bit floats, which is what the
 * Node SDK asks for. `tokens` is the reported usage.
 */
export function renderEmbeddings(body: JsonObject, model: string, tokens: number): object {
  const input = body["input"];
  const isSingle = typeof input === "string" || (Array.isArray(input) && typeof input[0] === "number");
  const inputs: readonly JsonValue[] = isSingle ? [input] : ((input ?? []) as readonly JsonValue[]);
  const size = typeof body["dimensions"] === "number" ? body["dimensions"] : 8;
  const data = inputs.map((item, index) => {
    const vector = embed(JSON.stringify(item), size);
    const embedding = body["encoding_format"] === "base64" ? Buffer.from(Float32Array.from(vector).buffer).toString("base64") : vector;
    return { object: "embedding", index, embedding };
  });
  return { object: "list", data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

/** `:embedContent` (`{"embedding":{"values"}}`) and `:batchEmbedContents` (`{"embeddings":[…]}`). */
export function renderGeminiEmbeddings(body: JsonObject, isBatch: boolean, tokens: number): object {
  const usageMetadata = { promptTokenCount: tokens, totalTokenCount: tokens };
  const size = (request: JsonObject): number => (typeof request["outputDimensionality"] === "number" ? request["outputDimensionality"] : 8);
  const values = (request: JsonObject): { values: readonly number[] } => ({
    values: embed(JSON.stringify(request["content"]), size(request)),
  });
  return isBatch ? { embeddings: asObjects(body["requests"]).map(values), usageMetadata } : { embedding: values(body), usageMetadata };
}

/** A vector that follows from the text alone; every number is exact in 32 bits, so that both encodings agree. */
function embed(text: string, size: number): readonly number[] {
  return Array.from({ length: size }, (_, at) => (crc32(text, at + 1) % 2048) / 1024 - 1);
}
