import type { Principal } from "../../accounts/index.ts";
import { GatewayError, type GlobList } from "../../core/index.ts";
import type { Attempt, Catalog } from "../../upstream/index.ts";
import { readNamedModels } from "./named-models.ts";
import type { RequestFacts } from "../request-facts.ts";

/** Whether a key may call a model: each of its lists, its own and its ancestors', must allow it. */
export function mayCall({ modelLists }: Principal, catalog: Catalog, model: string): boolean {
  if (modelLists === undefined) return true;
  const targets = catalog.resolve(model).targets.map(({ provider, upstreamModel }) => [upstreamModel, `${provider}/${upstreamModel}`]);
  return modelLists.every((list) => allows(list, model, targets));
}

/**
 * A list allows the name asked for, or all that the name means (of an alias the model, of a model each `provider/model` that may serve it), if it
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

/**
 * Checks the models that the body names beside its own: vendors use them in its place, or for tools. They are the vendor's names, so a list may allow or
 * exclude them also as `provider/name`. Only keys with a list pay for the look.
 * @throws GatewayError `model_not_allowed`; `invalid_json`.
 */
export function checkNamedModels({ principal, envelope, parts, text }: RequestFacts, attempts: readonly Attempt[]): void {
  const { modelLists } = principal;
  if (modelLists === undefined || parts.length === 0) return;
  for (const { name, member } of readNamedModels(text, Object.values(envelope.spans))) {
    const targets = attempts.map(({ provider }) => [name, `${provider.name}/${name}`]);
    if (modelLists.every((list) => allows(list, name, targets))) continue;
    throw new GatewayError(
      "model_not_allowed",
      `This API key may not call the model "${name.slice(0, 200)}", which "${member.slice(0, 100)}" in the body names. GET /v1/models lists those it may.`,
      { param: member.slice(0, 100) },
    );
  }
}
