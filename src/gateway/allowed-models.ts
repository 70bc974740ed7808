import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../core/index.ts";
import type { Catalog } from "../upstream/index.ts";

/**
 * Whether a key may call a model: its list takes the name asked for, or all that the name stands for (an alias, `provider/model`), and excludes none of
 * them. So another spelling opens nothing that the list does not.
 */
export function mayCall({ models }: Principal, catalog: Catalog, model: string): boolean {
  if (models === undefined) return true;
  const targets = catalog.resolve(model).targets.map(({ upstreamModel }) => upstreamModel);
  const included = models.match(model) !== undefined || (targets.length > 0 && targets.every((name) => models.match(name) !== undefined));
  return included && !models.excludes(model) && !targets.some((name) => models.excludes(name));
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
