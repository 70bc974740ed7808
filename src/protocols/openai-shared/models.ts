import type { Model } from "openai/resources/models";
import { GatewayError } from "../../core/index.ts";
import { compact, isObject } from "../shared/fields.ts";
import type { ModelInfo, ModelListFacts } from "../protocol.ts";

/** `GET /v1/models`. Source: `Model` of the npm package `openai` 7.57 (resources/models). `owned_by` is the provider's name. */
export function renderModelList(models: readonly ModelInfo[]): string {
  return JSON.stringify({ object: "list", data: models.map(modelObject) });
}

/** `GET /v1/models/{id}`. */
export function renderModel(model: ModelInfo): string {
  return JSON.stringify(modelObject(model));
}

function modelObject({ id, createdAt, provider, facts }: ModelInfo): Model {
  const model: Model = { id, object: "model", created: createdAt, owned_by: provider };
  return facts === undefined ? model : { ...model, ...factFields(facts) };
}

/** OpenRouter's fields (openrouter.ai/docs, "Models", November 2026), which agents read to learn a model's context and price. */
function factFields({ contextWindow, maxOutputTokens, inputModalities, outputModalities, pricing }: ModelListFacts): object {
  const hasModalities = inputModalities !== undefined || outputModalities !== undefined;
  const input = inputModalities ?? ["text"];
  const output = outputModalities ?? ["text"];
  return compact({
    context_length: contextWindow,
    architecture: hasModalities
      ? { modality: `${input.join("+")}->${output.join("+")}`, input_modalities: input, output_modalities: output }
      : undefined,
    pricing,
    top_provider:
      contextWindow === undefined && maxOutputTokens === undefined
        ? undefined
        : { context_length: contextWindow ?? null, max_completion_tokens: maxOutputTokens ?? null, is_moderated: false },
  });
}

/** The names in an upstream's list: `{"data":[{"id":…}]}`, or the bare array of some compatible servers. Entries without an id are omitted. */
export function parseModelList(wire: unknown): readonly string[] {
  const data = isObject(wire) ? wire["data"] : wire;
  if (!Array.isArray(data)) {
    throw new GatewayError(
      "upstream_invalid_response",
      'The provider\'s list of models has no array "data". Check its base_url and protocols.',
    );
  }
  return data.flatMap((entry: unknown) => (isObject(entry) && typeof entry["id"] === "string" && entry["id"] !== "" ? [entry["id"]] : []));
}
