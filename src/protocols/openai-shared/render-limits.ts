import { createHash } from "node:crypto";
import type { ChatRequest } from "../../ir/index.ts";
import { compact } from "../fields.ts";
import type { RenderTarget } from "../translation.ts";
import type { Losses } from "../losses.ts";
import { allEfforts, effortsOf, isReasoner, neverReasons, restsByDefault, searches, type Effort } from "./model-facts.ts";

/** The bound on output tokens, no higher than the model's and no lower than the wire's. */
export function renderMaxTokens(request: ChatRequest, target: RenderTarget, least: number, losses: Losses): number | undefined {
  const asked = request.maxOutputTokens;
  if (asked === undefined) return undefined;
  const most = target.quirks.maxOutputTokens;
  const limit = Math.max(least, most === undefined ? asked : Math.min(asked, most));
  if (limit !== asked) losses.clamp("maxOutputTokens", `The provider takes ${limit} here.`);
  return limit;
}

/** Budgets of thinking below these, in tokens, are that effort; agents' own words for them are 4,000, 10,000 and 31,999. */
const effortOfBudget: readonly (readonly [number, Effort])[] = [
  [5_000, "low"],
  [16_000, "medium"],
];

/** `reasoning_effort`, or `undefined` where the model decides. */
export function renderEffort({ reasoning }: ChatRequest, target: RenderTarget, losses: Losses): string | undefined {
  if (reasoning === undefined) return undefined;
  const { effort, budgetTokens, enabled } = reasoning;
  const asked = effort !== undefined || budgetTokens !== undefined || enabled !== undefined;
  if (asked && neverReasons(target.model)) {
    if (enabled !== false) losses.drop("reasoning", "The model does not reason.");
    return undefined;
  }
  // What the server has for it says it.
  if (target.quirks.thinkingSwitch !== undefined && (enabled === false || effort === "none")) return undefined;
  if (enabled === false) return effortsOf(target.model)?.[0] ?? dropDisabled(losses);
  if ((effort ?? budgetTokens) !== undefined && effort !== "adaptive" && effort !== "auto" && !mayTakeEffort(effort, target)) {
    losses.drop("reasoning", "It is not known whether the model takes an effort.");
    return undefined;
  }
  if (effort !== undefined) {
    if (effort === "adaptive" || effort === "auto") return undefined;
    const fitted = fitEffort(effort, target);
    if (fitted !== effort) losses.clamp("reasoning.effort", `The nearest that the model accepts is "${fitted}".`);
    return fitted;
  }
  if (budgetTokens === undefined) return undefined;
  losses.emulate("reasoning.budgetTokens", "The provider takes an effort in place of a budget.");
  return fitEffort(effortOfBudget.find(([below]) => budgetTokens < below)?.[1] ?? "high", target);
}

/**
 * A model of a compatible server that nothing is known of: a budget, which many clients send with every request, is no reason to send an effort, as servers refuse
 * it for models that have none (Groq for its Llama models; Ollama: "does not support thinking").
 */
function mayTakeEffort(effort: string | undefined, { model, quirks }: RenderTarget): boolean {
  if (quirks.efforts !== undefined) return quirks.efforts.length > 0;
  if (effortsOf(model) !== undefined || quirks.noVendorFields !== true) return true;
  return effort !== undefined && quirks.effortOfKnownModels !== true;
}

/** What servers that have an effort at all take. */
const commonEfforts: readonly Effort[] = ["none", "low", "medium", "high"];

/** The effort itself where the model takes it, else the next one up, else the highest; a word that no model knows is `high`, or beyond the highest. */
function fitEffort(asked: string, { model, quirks }: RenderTarget): Effort {
  const known = allEfforts.find((each) => each === asked) ?? (asked === "ultra" ? "max" : "high");
  const own = quirks.efforts === undefined ? undefined : allEfforts.filter((each) => quirks.efforts?.includes(each));
  const taken = own ?? effortsOf(model) ?? (quirks.noVendorFields === true ? commonEfforts : undefined);
  if (taken === undefined) return known;
  return taken.find((each) => allEfforts.indexOf(each) >= allEfforts.indexOf(known)) ?? taken.at(-1)!;
}

function dropDisabled(losses: Losses): undefined {
  losses.drop("reasoning", "It is not known how this model is told not to reason.");
}

/** Parameters that only models that don't reason take, and only as long as they don't. */
export function takesSampling(target: RenderTarget, effort: string | undefined): boolean {
  if (searches(target.model)) return false;
  return !isReasoner(target.model) || effort === "none" || (effort === undefined && restsByDefault(target.model));
}

/** `temperature` and `top_p`, which models that reason refuse, even 0 and 1's neighbours. */
export function renderSampling(
  request: ChatRequest,
  target: RenderTarget,
  effort: string | undefined,
  losses: Losses,
): { readonly temperature?: number; readonly top_p?: number } {
  const { temperature, topP } = request;
  if (takesSampling(target, effort)) {
    return compact({ temperature, top_p: topP });
  }
  if (temperature !== undefined && temperature !== 1) losses.drop("temperature", "A model that reasons takes none.");
  if (topP !== undefined && topP !== 1) losses.drop("topP", "A model that reasons takes none.");
  return {};
}

/**
 * `safety_identifier`: at most 64 characters. Anything longer, or that is more than a plain name (agents send JSON with ids of devices and accounts),
 * goes as its hash: as good a mark, and it tells a third party nothing.
 */
export function renderEndUser(endUser: string | undefined, losses: Losses): string | undefined {
  if (endUser === undefined || endUser === "") return undefined;
  if (/^[\w.@:+-]{1,64}$/.test(endUser)) return endUser;
  losses.emulate("endUser", "It goes to the provider as its SHA-256.");
  return createHash("sha256").update(endUser).digest("hex");
}

/** What neither OpenAI dialect has, or the neutral answer has no place for. */
export function dropUnserved(request: ChatRequest, losses: Losses): void {
  if (request.topK !== undefined) losses.drop("topK", "The provider's protocol has no such field.");
  if (request.logprobs !== undefined) losses.drop("logprobs", "A translated answer has no probabilities.");
  const tier = request.serviceTier;
  if (tier !== undefined && tier !== "auto") losses.drop("serviceTier", "Tiers mean another thing at every provider.");
}

/** The longest `prompt_cache_key` that the vendor takes ("string too long. Expected a string with maximum length 64"; developers.openai.com, November 2026). */
const maxCacheKey = 64;

/** `prompt_cache_key`: one that is too long goes as its hash, which is as good a key. */
export function renderCacheKey(cacheKey: string | undefined, losses: Losses): string | undefined {
  if (cacheKey === undefined || cacheKey.length <= maxCacheKey) return cacheKey;
  losses.emulate("cacheKey", "It goes to the provider as its SHA-256.");
  return createHash("sha256").update(cacheKey).digest("hex");
}

/** Fields of one OpenAI dialect that the other has under the same name and in the same meaning. */
export const sharedFields: ReadonlySet<string> = new Set(["store", "prompt_cache_retention", "prompt_cache_options", "moderation"]);
