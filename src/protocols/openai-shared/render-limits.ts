import { createHash } from "node:crypto";
import type { ChatRequest } from "../../ir/index.ts";
import { compact } from "../shared/fields.ts";
import type { RenderTarget } from "../translation.ts";
import type { Losses } from "../shared/losses.ts";
import { readTraits } from "../model-traits.ts";
import { allEfforts, openaiTraits, type Effort } from "./model-traits.ts";

/** The limit of output tokens: at most the model's and at least the wire's. */
export function renderMaxTokens(request: ChatRequest, target: RenderTarget, least: number, losses: Losses): number | undefined {
  const asked = request.maxOutputTokens;
  if (asked === undefined) return undefined;
  const most = target.quirks.maxOutputTokens ?? readTraits(openaiTraits, target).maxOutputTokens;
  const limit = Math.max(least, most === undefined ? asked : Math.min(asked, most));
  if (limit !== asked) losses.clamp("maxOutputTokens", `The provider accepts ${limit} here.`);
  return limit;
}

/** The effort for a thinking budget below this number of tokens; the words of agents mean 4,000, 10,000 and 31,999. */
const effortOfBudget: readonly (readonly [number, Effort])[] = [
  [5_000, "low"],
  [16_000, "medium"],
];

/** Renders `reasoning_effort`; `undefined` if the model decides. */
export function renderEffort({ reasoning }: ChatRequest, target: RenderTarget, losses: Losses): string | undefined {
  if (reasoning === undefined) return undefined;
  const { effort, budgetTokens, enabled } = reasoning;
  const asked = effort !== undefined || budgetTokens !== undefined || enabled !== undefined;
  const { reasons, efforts } = readTraits(openaiTraits, target);
  if (asked && !reasons) {
    if (enabled !== false) losses.drop("reasoning", "The model does not reason.");
    return undefined;
  }
  // The server's own switch says it.
  if (target.quirks.thinkingSwitch !== undefined && (enabled === false || effort === "none")) return undefined;
  if (enabled === false) return efforts?.[0] ?? dropDisabled(losses);
  if ((effort ?? budgetTokens) !== undefined && effort !== "adaptive" && effort !== "auto" && !mayTakeEffort(effort, target)) {
    losses.drop("reasoning", "It is not known whether the model accepts an effort.");
    return undefined;
  }
  if (effort !== undefined) {
    if (effort === "adaptive" || effort === "auto") return undefined;
    const fitted = fitEffort(effort, target);
    if (fitted !== effort) losses.clamp("reasoning.effort", `The nearest that the model accepts is "${fitted}".`);
    return fitted;
  }
  if (budgetTokens === undefined) return undefined;
  losses.emulate("reasoning.budgetTokens", "The provider accepts an effort in place of a budget.");
  return fitEffort(effortOfBudget.find(([below]) => budgetTokens < below)?.[1] ?? "high", target);
}

/**
 * Whether to send an effort to a model of a compatible server of which nothing is known. A budget, which many clients send with every request, is no
 * reason to do so: servers refuse an effort for models without reasoning (Groq for its Llama models; Ollama: "does not support thinking").
 */
function mayTakeEffort(effort: string | undefined, target: RenderTarget): boolean {
  const { quirks } = target;
  if (quirks.efforts !== undefined) return quirks.efforts.length > 0;
  const known = readTraits(openaiTraits, target).efforts;
  if (known !== undefined) return known.length > 0;
  if (quirks.noVendorFields !== true) return true;
  return effort !== undefined && quirks.effortOfKnownModels !== true;
}

/** The efforts that every server with efforts accepts. */
const commonEfforts: readonly Effort[] = ["none", "low", "medium", "high"];

/** The effort itself if the model accepts it, else the next higher one, else the highest; an unknown word means `high`, or beyond the highest. */
function fitEffort(asked: string, target: RenderTarget): Effort {
  const { quirks } = target;
  const known = allEfforts.find((each) => each === asked) ?? (asked === "ultra" ? "max" : "high");
  const own = quirks.efforts === undefined ? undefined : allEfforts.filter((each) => quirks.efforts?.includes(each));
  const taken = own ?? readTraits(openaiTraits, target).efforts ?? (quirks.noVendorFields === true ? commonEfforts : undefined);
  if (taken === undefined) return known;
  return taken.find((each) => allEfforts.indexOf(each) >= allEfforts.indexOf(known)) ?? taken.at(-1)!;
}

function dropDisabled(losses: Losses): undefined {
  losses.drop("reasoning", "It is not known how to switch off this model's reasoning.");
}

/** Whether the model accepts the parameters that need a model which does not reason. */
export function takesSampling(target: RenderTarget, effort: string | undefined): boolean {
  const { sampling, restsUnasked } = readTraits(openaiTraits, target);
  if (sampling !== "at-rest") return sampling === "always";
  return effort === "none" || (effort === undefined && restsUnasked);
}

/** Renders `temperature` and `top_p`. Models that reason refuse them, except for the value 1. */
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
  if (temperature !== undefined && temperature !== 1) losses.drop("temperature", "A model that reasons accepts none.");
  if (topP !== undefined && topP !== 1) losses.drop("topP", "A model that reasons accepts none.");
  return {};
}

/**
 * Renders `safety_identifier`: at most 64 characters. Longer values, and values that are more than a plain name (agents send JSON with ids of devices
 * and accounts), are replaced by their hash, which identifies the user as well and discloses nothing to a third party.
 */
export function renderEndUser(endUser: string | undefined, losses: Losses): string | undefined {
  if (endUser === undefined || endUser === "") return undefined;
  if (/^[\w.@:+-]{1,64}$/.test(endUser)) return endUser;
  losses.emulate("endUser", "The provider gets its SHA-256.");
  return createHash("sha256").update(endUser).digest("hex");
}

/** Reports what neither OpenAI dialect has, or what the neutral answer cannot carry. */
export function dropUnserved(request: ChatRequest, losses: Losses): void {
  if (request.topK !== undefined) losses.drop("topK", "The provider's protocol has no such field.");
  if (request.logprobs !== undefined) losses.drop("logprobs", "A translated answer has no probabilities.");
  const tier = request.serviceTier;
  if (tier !== undefined && tier !== "auto") losses.drop("serviceTier", "Tiers have another meaning at every provider.");
}

/**
 * The longest `prompt_cache_key` that the vendor accepts ("string too long. Expected a string with maximum length 64"; developers.openai.com,
 * November 2026).
 */
const maxCacheKey = 64;

/**
 * Renders `prompt_cache_key`, which leads the requests of a conversation to the machine that has its prompt: the client's, or one of the gateway's own. A
 * key that is too long is replaced by its hash, which works as well.
 */
export function renderCacheKey({ cacheKey }: ChatRequest, { caching, quirks }: RenderTarget, losses: Losses): string | undefined {
  if (caching?.mode === "off") {
    if (cacheKey !== undefined) losses.drop("cacheKey", "The configuration switches prompt caches off.");
    return undefined;
  }
  const isRefused = quirks.noVendorFields === true || quirks.refusedFields?.includes("prompt_cache_key") === true;
  if (cacheKey === undefined) return isRefused ? undefined : caching?.cacheKey;
  if (cacheKey.length <= maxCacheKey) return cacheKey;
  losses.emulate("cacheKey", "The provider gets its SHA-256.");
  return createHash("sha256").update(cacheKey).digest("hex");
}

/** Fields that both OpenAI dialects have, with the same name and meaning. */
export const sharedFields: ReadonlySet<string> = new Set(["store", "prompt_cache_retention", "prompt_cache_options", "moderation"]);
