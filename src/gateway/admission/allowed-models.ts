import type { Principal } from "../../accounts/index.ts";
import { GatewayError, type GlobList } from "../../core/index.ts";
import {
  fallbackReasons,
  isMarketProvider,
  type Attempt,
  type Catalog,
  type Fallback,
  type FallbackReason,
  type Plan,
  type ResolvedTarget,
} from "../../upstream/index.ts";
import { readNamedModels } from "./named-models.ts";
import type { RequestFacts } from "../request-facts.ts";

/** Whether a key may call a model: each of its lists, its own and its ancestors', must allow one of the model's targets, the same one. */
export function mayCall({ modelLists, market }: Principal, catalog: Catalog, model: string): boolean {
  if (market === "off" && isOnlyElsewhere(catalog, model)) return false;
  if (modelLists === undefined) return true;
  const { targets } = catalog.resolve(model);
  if (targets.length === 0) return modelLists.every((list) => list.match(model) !== undefined);
  return targets.some(({ provider, upstreamModel }) => allowsTarget(modelLists, model, [upstreamModel, `${provider}/${upstreamModel}`]));
}

/** Only other gateways serve the model. */
function isOnlyElsewhere(catalog: Catalog, model: string): boolean {
  const { targets } = catalog.resolve(model);
  return targets.length > 0 && targets.every(({ provider }) => isMarketProvider(provider));
}

/**
 * A list allows a target by the name asked for or by the target's own names (of an alias the model, of a model `provider/model`), unless it excludes one of
 * them. So another spelling opens nothing that the list does not.
 */
function allowsTarget(lists: readonly GlobList[], model: string, names: readonly string[]): boolean {
  return lists.every((list) => {
    if (list.excludes(model) || names.some((name) => list.excludes(name))) return false;
    return list.match(model) !== undefined || names.some((name) => list.match(name) !== undefined);
  });
}

/** Whether these lists, those of a key and its ancestors, allow a target under a name: the one asked for, or that of a fallback. */
export function mayUseTarget(lists: readonly GlobList[], name: string, { provider, upstreamModel }: ResolvedTarget): boolean {
  return allowsTarget(lists, name, [upstreamModel, `${provider}/${upstreamModel}`]);
}

/** The plan without the targets that the key's lists exclude; a fallback is another name, which the lists must allow by itself. */
export function withinLists({ modelLists }: Principal, model: string, plan: Plan): Plan {
  if (modelLists === undefined) return plan;
  const allowed = (name: string, attempts: readonly Attempt[]): readonly Attempt[] =>
    attempts.filter(({ provider, upstreamModel }) => allowsTarget(modelLists, name, [upstreamModel, `${provider.name}/${upstreamModel}`]));
  const fallbacks: { [R in FallbackReason]?: readonly Fallback[] } = {};
  for (const reason of fallbackReasons) {
    const found = plan.fallbacks?.[reason]?.map((fallback) => ({ ...fallback, attempts: allowed(fallback.model, fallback.attempts) }));
    if (found !== undefined) fallbacks[reason] = found.filter(({ attempts }) => attempts.length > 0);
  }
  return { ...plan, attempts: allowed(model, plan.attempts), fallbacks: plan.fallbacks === undefined ? undefined : fallbacks };
}

/** @throws GatewayError `model_not_allowed`. */
export function checkAllowed(principal: Principal, catalog: Catalog, model: string): void {
  if (!mayCall(principal, catalog, model)) throw notAllowed(model);
}

export function notAllowed(model: string): GatewayError {
  return new GatewayError(
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
  // `models` names others than the model that the request is for.
  const { models: _others, ...own } = envelope.spans;
  for (const { name, member } of readNamedModels(text, Object.values(own))) {
    if (attempts.every(({ provider }) => allowsTarget(modelLists, name, [name, `${provider.name}/${name}`]))) continue;
    throw new GatewayError(
      "model_not_allowed",
      `This API key may not call the model "${name.slice(0, 200)}", which "${member.slice(0, 100)}" in the body names. GET /v1/models lists those it may.`,
      { param: member.slice(0, 100) },
    );
  }
}
