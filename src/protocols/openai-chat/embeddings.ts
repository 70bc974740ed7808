import { GatewayError } from "../../core/index.ts";
import type { EmbeddingRequest, EmbeddingResult, Extensions } from "../../ir/index.ts";
import type { RouteCall } from "../protocol.ts";
import { compact, restOf, type WireObject } from "../shared/fields.ts";
import { invalidField, optionalNumber, optionalString, readObject, requiredString } from "../openai-shared/fields.ts";
import { base64OfVector } from "../shared/vector.ts";
import type { WireEmbeddings } from "./wire.ts";

const known: ReadonlySet<string> = new Set(["model", "input", "dimensions", "encoding_format"]);

/** Parses a body of `POST /v1/embeddings`: `input` is one text or several. @throws GatewayError `invalid_request` that names the field. */
export function parseEmbedding(body: unknown, _call: RouteCall): EmbeddingRequest {
  const wire = readObject(body, "body");
  return compact({
    model: requiredString(wire, "model", ""),
    inputs: parseInputs(wire["input"]),
    dimensions: optionalNumber(wire, "dimensions", ""),
    encoding: parseEncoding(optionalString(wire, "encoding_format", "")),
    batch: false,
    extensions: extensionsOf(wire),
  });
}

/** `user`, and other fields that are not in the neutral form. */
function extensionsOf(wire: WireObject): Extensions | undefined {
  const rest = restOf(wire, known);
  return rest === undefined ? undefined : { "openai-chat": rest };
}

function parseInputs(input: unknown): readonly string[] {
  if (typeof input === "string") return [checkText(input, "input")];
  if (!Array.isArray(input) || input.length === 0) throw invalidField("input", "a text or an array of texts");
  return input.map((text: unknown, index) => {
    if (typeof text === "number" || Array.isArray(text)) {
      throw new GatewayError(
        "invalid_request",
        'Arrays of tokens in "input" only mean something to the model they were cut for, so they can only be forwarded in this dialect. Send texts.',
        { param: "input" },
      );
    }
    if (typeof text !== "string") throw invalidField(`input[${index}]`, "a string");
    return checkText(text, `input[${index}]`);
  });
}

function checkText(text: string, path: string): string {
  if (text === "") throw invalidField(path, "a text that is not empty");
  return text;
}

function parseEncoding(encoding: string | undefined): "float" | "base64" | undefined {
  if (encoding === undefined || encoding === "float" || encoding === "base64") return encoding;
  throw invalidField("encoding_format", "float or base64");
}

/** Renders vectors as arrays of numbers, or as base64 of 32-bit floats, little-endian. */
export function renderEmbedding(result: EmbeddingResult, request: EmbeddingRequest): string {
  const body: WireEmbeddings = {
    object: "list",
    data: result.vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: request.encoding === "base64" ? base64OfVector(vector) : vector,
    })),
    model: result.model,
    usage: { prompt_tokens: result.inputTokens, total_tokens: result.inputTokens },
  };
  return JSON.stringify(body);
}
