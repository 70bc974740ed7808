import type { ChatRequest, ReasoningRequest } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import type { Turn } from "../shared/turns.ts";
import type { ModelTraits } from "./model-traits.ts";

/** The smallest budget that the vendor accepts. */
const minBudget = 1024;
/** The budget in tokens for each effort, on a model that requires a budget. */
const budgetByEffort: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 24_576,
  max: 31_999,
  ultra: 31_999,
};
const defaultEffort = "medium";

export interface RenderedReasoning {
  readonly thinking?: WireObject | undefined;
  /** `output_config.effort`. */
  readonly effort?: string | undefined;
  readonly isOn: boolean;
}

interface Surroundings {
  readonly traits: ModelTraits;
  readonly maxTokens: number;
  /** The model must call a tool, and cannot think in such a request. */
  readonly isToolForced: boolean;
  readonly turns: readonly Turn[];
}

/** `thinking` and the effort (Anthropic API, "Extended thinking", "Adaptive thinking", "Effort"; November 2026). */
export function renderReasoning(request: ChatRequest, around: Surroundings, losses: Losses): RenderedReasoning {
  const { traits } = around;
  const own = request.extensions?.["anthropic-messages"]?.["thinking"];
  const thinking = isObject(own) && typeof own["type"] === "string" ? own : thinkingOf(request.reasoning, around, losses);
  const isOn = thinking !== undefined && thinking["type"] !== "disabled" && thinking["type"] !== "between_tools";
  const sent = isOn ? withoutObstacle(thinking, around, losses) : restedForTool(restOf(thinking, own), around);
  const effort = traits.takesEffort ? renderEffort(request.reasoning?.effort, traits, sent?.["type"] === "disabled", losses) : undefined;
  return { thinking: sent === thinking ? restOf(thinking, own) : sent, effort, isOn: isOn && sent === thinking };
}

/** The `thinking` of the request, or its "off" form if something prevents thinking. */
function withoutObstacle(thinking: WireObject, around: Surroundings, losses: Losses): WireObject | undefined {
  const obstacle = obstacleTo(thinking, around);
  if (obstacle === undefined) return thinking;
  losses.drop("reasoning", obstacle);
  return restOfModel(around.traits);
}

/** Switches thinking off on a model that thinks by default and must call a tool. */
function restedForTool(thinking: WireObject | undefined, { traits, isToolForced }: Surroundings): WireObject | undefined {
  return thinking === undefined && isToolForced && traits.takesForcedTool && traits.thinksUnasked ? restOfModel(traits) : thinking;
}

/** The `thinking` that switches a model's thinking off, as far as possible. */
function restOfModel({ rest }: ModelTraits): WireObject | undefined {
  return rest === "disabled" || rest === "between_tools" ? { type: rest } : undefined;
}

/** Adds the fields of `thinking` beside its type that the extensions keep. */
function restOf(thinking: WireObject | undefined, own: unknown): WireObject | undefined {
  return thinking !== undefined && isObject(own) ? { ...thinking, ...own } : thinking;
}

function thinkingOf(reasoning: ReasoningRequest | undefined, around: Surroundings, losses: Losses): WireObject | undefined {
  if (reasoning === undefined) return undefined;
  const { traits } = around;
  if (reasoning.enabled === false || reasoning.effort === "none") {
    if (traits.rest === "never" || traits.rest === "between_tools")
      losses.clamp("reasoning", "The model can't stop reasoning: it reasons as little as it can.");
    return traits.thinking === "none" ? undefined : restOfModel(traits);
  }
  const isAsked =
    reasoning.enabled === true || reasoning.adaptive === true || reasoning.effort !== undefined || reasoning.budgetTokens !== undefined;
  if (!isAsked) return undefined;
  if (traits.thinking === "none") {
    losses.drop("reasoning", "The model does not reason.");
    return undefined;
  }
  const display = traits.thinking === "adaptive" ? displayOf(reasoning) : undefined;
  if (traits.thinking === "budget" || (reasoning.budgetTokens !== undefined && traits.takesBudget))
    return withBudget(reasoning, around, losses, display);
  if (reasoning.budgetTokens !== undefined) losses.emulate("reasoning.budgetTokens", "The model accepts no budget: it decides itself.");
  return compact({ type: "adaptive", display });
}

function displayOf({ visibility }: ReasoningRequest): string | undefined {
  if (visibility === undefined) return undefined;
  return visibility === "none" ? "omitted" : "summarized";
}

/** A budget stays below `max_tokens`. If the client set no budget, it is at most half of `max_tokens`, so that the answer has the rest. */
function withBudget(reasoning: ReasoningRequest, { maxTokens }: Surroundings, losses: Losses, display: string | undefined): WireObject {
  const asked =
    reasoning.budgetTokens ??
    Math.min(budgetByEffort[reasoning.effort ?? defaultEffort] ?? budgetByEffort[defaultEffort]!, Math.floor(maxTokens / 2));
  const budget = Math.min(Math.max(asked, minBudget), maxTokens - 1);
  if (budget < minBudget) {
    losses.drop("reasoning", `There is no room to reason in ${maxTokens} tokens of output.`);
    return { type: "disabled" };
  }
  if (reasoning.budgetTokens !== undefined && budget !== reasoning.budgetTokens) {
    losses.clamp("reasoning.budgetTokens", `The provider accepts ${minBudget} to ${maxTokens - 1}.`);
  }
  return compact({ type: "enabled", budget_tokens: budget, display });
}

/** A model that thinks by default accepts at most `high` while its thinking is off. */
function renderEffort(effort: string | undefined, traits: ModelTraits, rests: boolean, losses: Losses): string | undefined {
  if (effort === "none") return traits.rest === "never" ? "low" : undefined;
  if (effort === undefined) return undefined;
  const fitting = effortFor(effort, traits);
  const known = rests && traits.thinksUnasked && (fitting === "xhigh" || fitting === "max") ? "high" : fitting;
  if (known !== effort) losses.clamp("reasoning.effort", `The nearest that the model accepts is "${known}".`);
  return known;
}

function effortFor(effort: string, { highestEffort, takesXhigh }: ModelTraits): string {
  switch (effort) {
    case "minimal":
      return "low";
    case "low":
    case "medium":
    case "high":
      return effort;
    case "xhigh":
      return takesXhigh ? effort : "high";
    case "max":
    case "ultra":
      return highestEffort;
    default:
      return defaultEffort;
  }
}

/** Why the model cannot think in this request although the client asks for it. */
function obstacleTo(thinking: WireObject, { traits, isToolForced, turns }: Surroundings): string | undefined {
  if (isToolForced && traits.takesForcedTool) return "The provider can't force a tool while the model reasons, and the tool was forced.";
  if (thinking["type"] === "enabled" && hasUnsignedStep(turns)) {
    return "The reasoning before the tool calls of this turn is not the provider's own, which it demands back while the model reasons.";
  }
  return undefined;
}

/** Whether a step with tool calls since the last text of the user has no signed thinking at its beginning; the budget form refuses such a request. */
function hasUnsignedStep(turns: readonly Turn[]): boolean {
  const start = turns.findLastIndex(({ role, results }) => role === "user" && results.length === 0);
  return turns
    .slice(start + 1)
    .some(
      ({ role, content }) =>
        role === "assistant" && content.some(({ type }) => type === "tool-call") && !content.some(({ type }) => type === "reasoning"),
    );
}
