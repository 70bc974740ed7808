/**
 * What a Gemini model accepts, by its name. Sources, November 2026: "Thinking", "Structured output" and "Thought signatures" on ai.google.dev, and
 * the levels and ranges on docs.cloud.google.com ("Developer's guide to Gemini 3.5 Flash": 3.1 Pro has no `MINIMAL`, the Flash models have all four
 * levels; "Gemini 2.5 Flash-Lite").
 */
export interface ModelTraits {
  /** `level`: the model accepts `thinkingLevel`; `budget`: it accepts `thinkingBudget`. */
  readonly thinking: "none" | "level" | "budget";
  /** The levels that the model accepts, the lowest first. */
  readonly levels: readonly string[];
  readonly minBudget: number;
  readonly maxBudget: number;
  /** The budget may be 0, which switches thinking off. */
  readonly canStopThinking: boolean;
  /** Generation 3: the first call of each step of a turn must be signed; a `functionResponse` may contain media; a medium may have a resolution. */
  readonly isThird: boolean;
  /** The model accepts a schema for the answer beside function declarations. */
  readonly takesSchemaWithTools: boolean;
}

export function traitsOf(model: string): ModelTraits {
  const name = model.replace(/^.*\//, "");
  const isPro = /pro/.test(name);
  const isThird = /^gemini-[3-9]/.test(name);
  return {
    thinking: isThird ? "level" : thinkingOfEarlier(name),
    levels: levelsOf(name, isPro),
    minBudget: minBudgetOf(name, isPro),
    maxBudget: isPro ? 32_768 : 24_576,
    canStopThinking: !isPro,
    isThird,
    takesSchemaWithTools: isThird,
  };
}

function thinkingOfEarlier(name: string): "none" | "budget" {
  return /^gemini-(?:1|2\.0|2\.5-flash-image)|^gemma|^learnlm/.test(name) ? "none" : "budget";
}

function levelsOf(name: string, isPro: boolean): readonly string[] {
  if (name.startsWith("gemini-3-pro")) return ["LOW", "HIGH"];
  return isPro ? ["LOW", "MEDIUM", "HIGH"] : ["MINIMAL", "LOW", "MEDIUM", "HIGH"];
}

function minBudgetOf(name: string, isPro: boolean): number {
  if (isPro) return 128;
  return /lite/.test(name) ? 512 : 1;
}
