import type { Principal } from "../accounts/index.ts";
import { GatewayError, type GlobList } from "../core/index.ts";
import type { Catalog } from "../upstream/index.ts";

/** Whether a key may call a model: each of its lists, its own and its ancestors', must allow it. */
export function mayCall({ modelLists }: Principal, catalog: Catalog, model: string): boolean {
  if (modelLists === undefined) return true;
  const targets = catalog.resolve(model).targets.map(({ provider, upstreamModel }) => [upstreamModel, `${provider}/${upstreamModel}`]);
  return modelLists.every((list) => allows(list, model, targets));
}

/**
 * A list allows the name asked for, or all that the name stands for (of an alias the model, of a model each `provider/model` that may serve it), if it
 * excludes none of them. So another spelling opens nothing that the list does not.
 */
function allows(list: GlobList, model: string, targets: readonly (readonly string[])[]): boolean {
  if (list.excludes(model) || targets.some((names) => names.some((name) => list.excludes(name)))) return false;
  const takes = (name: string): boolean => list.match(name) !== undefined;
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
