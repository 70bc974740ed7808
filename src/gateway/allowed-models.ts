import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../core/index.ts";
import type { Catalog } from "../upstream/index.ts";

/**
 * Whether a key may call a model: its list takes the name asked for, or all that the name stands for (of an alias the model, of a model each
 * `provider/model` that may serve it), and excludes none of them. So another spelling opens nothing that the list does not.
 */
export function mayCall({ models }: Principal, catalog: Catalog, model: string): boolean {
  if (models === undefined) return true;
  if (models.excludes(model)) return false;
  const targets = catalog.resolve(model).targets.map(({ provider, upstreamModel }) => [upstreamModel, `${provider}/${upstreamModel}`]);
  if (targets.some((names) => names.some((name) => models.excludes(name)))) return false;
  const takes = (name: string): boolean => models.match(name) !== undefined;
  return takes(model) || (targets.length > 0 && targets.every((names) => names.some(takes)));
}

/** @throws GatewayError `model_not_allowed`. */
export function checkAllowed(principal: Principal, catalog: Catalog, model: string): void {
  if (mayCall(principal, catalog, model)) return;
  throw new GatewayError(
    "model_not_allowed",
    `This API key may not call the model "${model}". GET /v1/models lists those it may; a key for others comes from an admin.`,
    { param: "model" },
  );
}
