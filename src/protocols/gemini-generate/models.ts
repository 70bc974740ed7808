import { GatewayError } from "../../core/index.ts";
import { isObject } from "../shared/fields.ts";
import type { ModelInfo } from "../protocol.ts";
import { bareModel, modelResource } from "./model-name.ts";
import type { WireModel } from "./wire.ts";

/** Clients select models by these methods. The gateway does not know which models embed, so no model lists an embedding method. */
const methods = ["generateContent", "countTokens"];

/** One page with all models: `{"models":[{"name":"models/…","version","displayName","supportedGenerationMethods"}]}`. */
export function renderModelList(models: readonly ModelInfo[]): string {
  return JSON.stringify({ models: models.map(wireModel) });
}

export function renderModel(model: ModelInfo): string {
  return JSON.stringify(wireModel(model));
}

function wireModel(model: ModelInfo): WireModel {
  return { name: modelResource(model.id), version: "", displayName: model.id, supportedGenerationMethods: methods };
}

/** Returns the bare model names of a page. @throws GatewayError `upstream_invalid_response`. */
export function parseModelList(wire: unknown): readonly string[] {
  const models = isObject(wire) ? wire["models"] : undefined;
  if (!Array.isArray(models)) throw invalidList();
  return models.map((model: unknown) => {
    const name = isObject(model) ? model["name"] : undefined;
    if (typeof name !== "string") throw invalidList();
    return bareModel(name);
  });
}

function invalidList(): GatewayError {
  return new GatewayError("upstream_invalid_response", 'The provider\'s list of models is not {"models":[{"name"}]}.');
}

/** `{"totalTokens":N}`. */
export function renderTokenCount(tokens: number): string {
  return JSON.stringify({ totalTokens: tokens });
}
