import type { ChatRequest } from "../../ir/index.ts";
import { compact, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import type { ModelTraits } from "./model-traits.ts";

/** The highest temperature that the vendor accepts, and the only one while the model thinks. */
const maxTemperature = 1;

/** Renders `temperature`, `top_p` and `top_k`, if the model accepts them (Anthropic API reference and "Extended thinking", November 2026). */
export function renderSampling(request: ChatRequest, traits: ModelTraits, isThinking: boolean, losses: Losses): WireObject {
  const { topP, topK } = request;
  const temperature = clampTemperature(request.temperature, losses);
  if (isThinking || !traits.takesSampling) {
    const reason = isThinking ? "The provider does not accept it while the model reasons." : "The model does not take it.";
    if (temperature !== undefined && temperature !== maxTemperature) losses.drop("temperature", reason);
    if (topP !== undefined) losses.drop("topP", reason);
    if (topK !== undefined) losses.drop("topK", reason);
    return temperature === maxTemperature ? { temperature } : {};
  }
  const isBoth = temperature !== undefined && topP !== undefined && !traits.takesBothSamplings;
  if (isBoth) losses.drop("topP", "The model accepts it only without a temperature.");
  return compact({ temperature, top_p: isBoth ? undefined : topP, top_k: topK });
}

function clampTemperature(temperature: number | undefined, losses: Losses): number | undefined {
  if (temperature === undefined || temperature <= maxTemperature) return temperature;
  losses.clamp("temperature", `The provider accepts 0 to ${maxTemperature}.`);
  return maxTemperature;
}
