import { createHash } from "node:crypto";
import type { ChatRequest } from "../../ir/index.ts";
import type { RenderTarget } from "../translation.ts";
import type { LossList } from "./loss-list.ts";
import { isReasoner, leastEffort, neverReasons } from "./model-facts.ts";

/** The bound on output tokens, no higher than the model's and no lower than the wire's. */
export function renderMaxTokens(request: ChatRequest, target: RenderTarget, least: number, losses: LossList): number | undefined {
  const asked = request.maxOutputTokens;
  if (asked === undefined) return undefined;
  const most = target.quirks.maxOutputTokens;
  const limit = Math.max(least, most === undefined ? asked : Math.min(asked, most));
  if (limit !== asked) losses.add("max_tokens", "clamped", `The provider takes ${limit} here.`);
  return limit;
}

/** OpenAI's words for an effort (`ReasoningEffort` of the npm package `openai` 7.57). */
const efforts: ReadonlySet<string> = new Set(["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

/** Budgets of thinking below these, in tokens, are that effort; agents' own words for them are 4,000, 10,000 and 31,999. */
const effortOfBudget: readonly (readonly [number, string])[] = [
  [5_000, "low"],
  [16_000, "medium"],
];

/** `reasoning_effort`, or `undefined` where the model decides. */
export function renderEffort({ reasoning }: ChatRequest, target: RenderTarget, losses: LossList): string | undefined {
  if (reasoning === undefined) return undefined;
  const { effort, budgetTokens, enabled } = reasoning;
  const asked = effort !== undefined || budgetTokens !== undefined || enabled !== undefined;
  if (asked && neverReasons(target.model)) {
    if (enabled !== false) losses.drop("reasoning", "The model does not reason.");
    return undefined;
  }
  if (enabled === false) return leastEffort(target.model) ?? dropDisabled(losses);
  if (effort !== undefined) {
    if (efforts.has(effort)) return effort;
    if (effort === "adaptive" || effort === "auto") return undefined;
    losses.add("reasoning.effort", "clamped", "The provider knows no such effort.");
    return effort === "ultra" ? "max" : "high";
  }
  if (budgetTokens === undefined) return undefined;
  losses.add("budget_tokens", "emulated", "The provider takes an effort in place of a budget.");
  return effortOfBudget.find(([below]) => budgetTokens < below)?.[1] ?? "high";
}

function dropDisabled(losses: LossList): undefined {
  losses.drop("thinking", "It is not known how this model is told not to reason.");
}

/** Parameters that only models that don't reason take, and only as long as they don't. */
export function takesSampling(target: RenderTarget, effort: string | undefined): boolean {
  return !isReasoner(target.model) || effort === "none";
}

/** `temperature` and `top_p`, which models that reason refuse, even 0 and 1's neighbours. */
export function renderSampling(
  request: ChatRequest,
  target: RenderTarget,
  effort: string | undefined,
  losses: LossList,
): { readonly temperature?: number; readonly top_p?: number } {
  const { temperature, topP } = request;
  if (takesSampling(target, effort)) {
    return { ...(temperature === undefined ? {} : { temperature }), ...(topP === undefined ? {} : { top_p: topP }) };
  }
  if (temperature !== undefined && temperature !== 1) losses.drop("temperature", "A model that reasons takes none.");
  if (topP !== undefined && topP !== 1) losses.drop("top_p", "A model that reasons takes none.");
  return {};
}

/**
 * `safety_identifier`: at most 64 characters. Anything longer, or that is more than a plain name (agents send JSON with ids of devices and accounts),
 * goes as its hash: as good a mark, and it tells a third party nothing.
 */
export function renderEndUser(endUser: string | undefined, losses: LossList): string | undefined {
  if (endUser === undefined || endUser === "") return undefined;
  if (/^[\w.@:+-]{1,64}$/.test(endUser)) return endUser;
  losses.add("user_id", "emulated", "It goes to the provider as its SHA-256.");
  return createHash("sha256").update(endUser).digest("hex");
}

/** What neither OpenAI dialect has, or the neutral answer has no place for. */
export function dropUnserved(request: ChatRequest, losses: LossList): void {
  if (request.topK !== undefined) losses.drop("top_k", "The provider's protocol has no such field.");
  if (request.candidateCount !== undefined && request.candidateCount > 1) losses.add("n", "clamped", "A translated answer is one choice.");
  if (request.logprobs !== undefined) losses.drop("logprobs", "A translated answer tells no probabilities.");
  const tier = request.serviceTier;
  if (tier !== undefined && tier !== "auto") losses.drop("service_tier", "Tiers mean another thing at every provider.");
}

/** Fields of one OpenAI dialect that the other has under the same name and in the same meaning. */
export const sharedFields: ReadonlySet<string> = new Set(["store", "prompt_cache_retention", "prompt_cache_options", "moderation"]);
