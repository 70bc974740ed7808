import { GatewayError } from "../../core/index.ts";
import { isObject } from "../shared/fields.ts";
import type { ModelInfo } from "../protocol.ts";
import type { WireModel, WireModelPage, WireTokenCount } from "./wire.ts";

/** One page with all models: `{"data":[{"type":"model","id","display_name","created_at",…}],"has_more":false,"first_id","last_id"}`. */
export function renderModelList(models: readonly ModelInfo[]): string {
  const page: WireModelPage = {
    data: models.map(wireModel),
    has_more: false,
    first_id: models[0]?.id ?? null,
    last_id: models.at(-1)?.id ?? null,
  };
  return JSON.stringify(page);
}

export function renderModel(model: ModelInfo): string {
  return JSON.stringify(wireModel(model));
}

/** `created_at` is RFC 3339. What the gateway does not know is null, as the vendor's type allows. */
function wireModel(model: ModelInfo): WireModel {
  return {
    type: "model",
    id: model.id,
    display_name: model.id,
    created_at: new Date(model.createdAt * 1000).toISOString().replace(".000Z", "Z"),
    lifecycle: "active",
    capabilities: null,
    deprecated_at: null,
    line: null,
    max_input_tokens: null,
    max_tokens: null,
    retires_at: null,
  };
}

/** Returns the model ids of a page. @throws GatewayError `upstream_invalid_response`. */
export function parseModelList(wire: unknown): readonly string[] {
  const data = isObject(wire) ? wire["data"] : undefined;
  if (!Array.isArray(data)) throw invalidList();
  return data.map((model: unknown) => {
    const id = isObject(model) ? model["id"] : undefined;
    if (typeof id !== "string") throw invalidList();
    return id;
  });
}

function invalidList(): GatewayError {
  return new GatewayError("upstream_invalid_response", 'The provider\'s list of models is not {"data":[{"id"}]}.');
}

/** `{"input_tokens":N}`. */
export function renderTokenCount(tokens: number): string {
  const count: WireTokenCount = { input_tokens: tokens };
  return JSON.stringify(count);
}
