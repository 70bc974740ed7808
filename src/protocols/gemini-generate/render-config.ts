import type { ChatRequest, ReasoningRequest } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import type { RenderTarget } from "../translation.ts";
import type { ModelTraits } from "./model-traits.ts";
import { lowerForVendor } from "./render-schema.ts";

const maxTemperature = 2;
const maxStopSequences = 5;
/** The budget in tokens for each effort, as in the vendor's own OpenAI-compatible endpoint (Gemini API, "OpenAI compatibility", November 2026). */
const budgetByEffort: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 32_768,
  ultra: 32_768,
};
const levelByEffort: Readonly<Record<string, string>> = {
  minimal: "MINIMAL",
  low: "LOW",
  medium: "MEDIUM",
  high: "HIGH",
  xhigh: "HIGH",
  max: "HIGH",
  ultra: "HIGH",
};
const levels = ["MINIMAL", "LOW", "MEDIUM", "HIGH"] as const;

/** `generationConfig`, and an instruction for what it has no field for. */
export interface RenderedConfig {
  readonly config: WireObject | undefined;
  readonly instruction?: string;
}

export interface ConfigFacts {
  readonly traits: ModelTraits;
  /** The request offers functions. */
  readonly hasTools: boolean;
}

export function renderConfig(
  request: ChatRequest,
  target: RenderTarget,
  { traits, hasTools }: ConfigFacts,
  losses: Losses,
): RenderedConfig {
  const { format, instruction } = renderFormat(request, traits, hasTools, losses);
  const own = request.extensions?.["gemini-generate"]?.["generationConfig"];
  const { thinkingConfig: ownThinking, ...rest } = isObject(own) ? own : {};
  const thinking = { ...renderThinking(request.reasoning, traits, losses), ...(isObject(ownThinking) ? ownThinking : {}) };
  if (request.logprobs !== undefined) losses.drop("logprobs", "A translated answer has no probabilities.");
  const config = compact({
    temperature: clampTemperature(request.temperature, losses),
    topP: request.topP,
    topK: request.topK,
    candidateCount: request.candidateCount,
    maxOutputTokens: renderLimit(request, target.quirks.maxOutputTokens ?? traits.maxOutputTokens, losses),
    stopSequences: renderStop(request, losses),
    seed: request.seed,
    presencePenalty: request.presencePenalty,
    frequencyPenalty: request.frequencyPenalty,
    thinkingConfig: Object.keys(thinking).length === 0 ? undefined : thinking,
    ...format,
    ...rest,
  });
  return { config: Object.keys(config).length === 0 ? undefined : config, ...(instruction === undefined ? {} : { instruction }) };
}

function clampTemperature(temperature: number | undefined, losses: Losses): number | undefined {
  if (temperature === undefined || temperature <= maxTemperature) return temperature;
  losses.clamp("temperature", `The provider accepts 0 to ${maxTemperature}.`);
  return maxTemperature;
}

function renderLimit({ maxOutputTokens: asked }: ChatRequest, limit: number | undefined, losses: Losses): number | undefined {
  if (asked === undefined || limit === undefined || asked <= limit) return asked;
  losses.clamp("maxOutputTokens", `The model writes at most ${limit} tokens.`);
  return limit;
}

function renderStop({ stop }: ChatRequest, losses: Losses): readonly string[] | undefined {
  if (stop === undefined || stop.length <= maxStopSequences) return stop;
  losses.clamp("stop", `The provider accepts ${maxStopSequences} sequences: the first ones are kept.`);
  return stop.slice(0, maxStopSequences);
}

/** Older models accept no media type for the answer beside functions: then the instructions ask for the form. */
function renderFormat(
  request: ChatRequest,
  traits: ModelTraits,
  hasTools: boolean,
  losses: Losses,
): { readonly format: WireObject; readonly instruction?: string } {
  const { responseFormat } = request;
  if (responseFormat === undefined) return { format: {} };
  if (responseFormat.type === "text") return { format: { responseMimeType: "text/plain" } };
  const isSchema = responseFormat.type === "json-schema";
  const isFree =
    isSchema && (responseFormat.schema === true || (isObject(responseFormat.schema) && Object.keys(responseFormat.schema).length === 0));
  if (hasTools && !traits.takesSchemaWithTools) {
    losses.emulate("responseFormat", "The model accepts no form of the answer beside tools: the instructions ask for it.");
    const form =
      isSchema && !isFree
        ? `one JSON value of this JSON Schema, and nothing else:\n${JSON.stringify(responseFormat.schema)}`
        : "one JSON object and nothing else.";
    return { format: {}, instruction: `When you answer the user, answer with ${form}` };
  }
  if (!isSchema || isFree) return { format: { responseMimeType: "application/json" } };
  const schema = lowerForVendor(responseFormat.schema, "responseFormat.schema", losses);
  const { description } = responseFormat;
  const schemaSent = description === undefined || schema["description"] !== undefined ? schema : { ...schema, description };
  return { format: { responseMimeType: "application/json", responseJsonSchema: schemaSent } };
}

/** `thinkingConfig` (Gemini API, "Thinking", November 2026). A client that asks for thinking also gets the thoughts, unless it says otherwise. */
function renderThinking(reasoning: ReasoningRequest | undefined, traits: ModelTraits, losses: Losses): WireObject {
  if (reasoning === undefined) return {};
  const { visibility } = reasoning;
  const isOff = reasoning.enabled === false || reasoning.effort === "none";
  if (traits.thinking === "none") {
    if (!isOff) losses.drop("reasoning", "The model does not reason.");
    return {};
  }
  const amount = traits.thinking === "level" ? levelOf(reasoning, isOff, traits, losses) : budgetOf(reasoning, isOff, traits, losses);
  if (visibility !== undefined) return compact({ ...amount, includeThoughts: visibility !== "none" });
  const isShown = !isOff && (reasoning.enabled === true || reasoning.adaptive === true || reasoning.effort !== undefined);
  return compact({ ...amount, includeThoughts: isShown || undefined });
}

function levelOf(reasoning: ReasoningRequest, isOff: boolean, traits: ModelTraits, losses: Losses): WireObject {
  const { effort, budgetTokens } = reasoning;
  if (isOff) {
    losses.clamp("reasoning", "The model can't stop reasoning: it reasons as little as it can.");
    return { thinkingLevel: traits.levels[0] };
  }
  if (effort === undefined && budgetTokens === undefined) return {};
  if (effort === undefined) losses.emulate("reasoning.budgetTokens", "The model accepts a level in place of a budget.");
  const level = effort === undefined ? levelOfBudget(budgetTokens ?? 0) : (levelByEffort[effort] ?? "MEDIUM");
  // If the model lacks a level, the next higher one is used.
  const known = levels.slice(levels.findIndex((each) => each === level)).find((each) => traits.levels.includes(each)) ?? "HIGH";
  if (effort !== undefined && known.toLowerCase() !== effort)
    losses.clamp("reasoning.effort", `The nearest that the model accepts is "${known.toLowerCase()}".`);
  return { thinkingLevel: known };
}

function levelOfBudget(tokens: number): string {
  if (tokens <= 2048) return "LOW";
  return tokens <= 8192 ? "MEDIUM" : "HIGH";
}

function budgetOf(reasoning: ReasoningRequest, isOff: boolean, traits: ModelTraits, losses: Losses): WireObject {
  const { effort, budgetTokens, adaptive } = reasoning;
  if (isOff) {
    if (traits.canStopThinking) return { thinkingBudget: 0 };
    losses.clamp("reasoning", "The model can't stop reasoning: it reasons as little as it can.");
    return { thinkingBudget: traits.minBudget };
  }
  if (budgetTokens !== undefined) {
    const budget = Math.min(Math.max(budgetTokens, traits.minBudget), traits.maxBudget);
    if (budget !== budgetTokens) losses.clamp("reasoning.budgetTokens", `The model accepts ${traits.minBudget} to ${traits.maxBudget}.`);
    return { thinkingBudget: budget };
  }
  if (effort !== undefined) return { thinkingBudget: Math.min(budgetByEffort[effort] ?? budgetByEffort["medium"]!, traits.maxBudget) };
  return adaptive === true || reasoning.enabled === true ? { thinkingBudget: -1 } : {};
}
