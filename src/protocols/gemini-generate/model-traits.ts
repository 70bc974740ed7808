import type { TraitTable } from "../model-traits.ts";

/** What a Gemini model accepts. */
export interface ModelTraits {
  /** `level`: the model accepts `thinkingLevel`; `budget`: it accepts `thinkingBudget`. */
  readonly thinking: "none" | "level" | "budget";
  /** The levels that the model accepts, the lowest first. */
  readonly levels: readonly string[];
  readonly minBudget: number;
  readonly maxBudget: number;
  /** The budget may be 0, which switches thinking off. */
  readonly canStopThinking: boolean;
  /** The first call of each step of a turn must be signed. */
  readonly needsSignatures: boolean;
  /** A `functionResponse` may contain media. */
  readonly takesMediaInResults: boolean;
  /** A medium may have a resolution. */
  readonly takesMediaResolution: boolean;
  /** The model accepts a schema for the answer beside function declarations. */
  readonly takesSchemaWithTools: boolean;
  /** The most tokens of output that the model accepts as a limit; `undefined`: that is not known, and the client's limit is sent. */
  readonly maxOutputTokens: number | undefined;
}

const readOn = "2026-11";
const pro = /(?:^|-)pro(?:-|$)/;

/** Google's models, by the generation in the name; a name without one is an alias of the newest. */
export const geminiTraits: TraitTable<ModelTraits> = {
  vendor: "Google",
  ownNames: /gemini|gemma|learnlm/,
  versionOf,
  newest: {
    family: "Gemini 3 and later",
    source:
      'ai.google.dev, "Thinking", "Thought signatures", "Structured output", "Media resolution"; `MINIMAL` is not in all of these models',
    readOn,
    traits: {
      thinking: "level",
      levels: ["LOW", "MEDIUM", "HIGH"],
      minBudget: 1,
      maxBudget: 24_576,
      canStopThinking: false,
      needsSignatures: true,
      takesMediaInResults: true,
      takesMediaResolution: true,
      takesSchemaWithTools: true,
      maxOutputTokens: undefined,
    },
  },
  families: [
    {
      family: "Flash, Flash-Lite",
      source: 'docs.cloud.google.com, "Developer\'s guide to Gemini 3.5 Flash": all four levels',
      readOn,
      names: /flash/,
      traits: { levels: ["MINIMAL", "LOW", "MEDIUM", "HIGH"] },
    },
    {
      family: "3 Pro",
      source: 'ai.google.dev, "Gemini 3": `low` and `high`',
      readOn,
      names: pro,
      from: 300,
      before: 301,
      traits: { levels: ["LOW", "HIGH"] },
    },
    {
      family: "2.5 and older, Robotics-ER 1.5",
      source:
        'ai.google.dev, "Thinking": a budget; "Structured output": not beside tools; the pages of the models: 65,536 tokens of output',
      readOn,
      before: 300,
      traits: {
        thinking: "budget",
        canStopThinking: true,
        needsSignatures: false,
        takesMediaInResults: false,
        takesMediaResolution: false,
        takesSchemaWithTools: false,
        maxOutputTokens: 65_536,
      },
    },
    {
      family: "2.5 Flash-Lite",
      source: 'docs.cloud.google.com, "Gemini 2.5 Flash-Lite": 512 to 24,576 tokens',
      readOn,
      names: /lite/,
      before: 300,
      traits: { minBudget: 512 },
    },
    {
      family: "2.5 Pro",
      source: 'ai.google.dev, "Thinking": 128 to 32,768 tokens, and no way to switch it off',
      readOn,
      names: pro,
      before: 300,
      traits: { minBudget: 128, maxBudget: 32_768, canStopThinking: false },
    },
    {
      family: "2.0 and older, Gemma, LearnLM",
      source: 'ai.google.dev, "Thinking": from 2.5 on; the pages of the models: 8,192 tokens of output',
      readOn,
      before: 205,
      traits: { thinking: "none", maxOutputTokens: 8192 },
    },
    {
      family: "2.5 models for images and speech",
      source: "ai.google.dev, the pages of Gemini 2.5 Flash Image and of the models for speech: no thinking",
      readOn,
      names: /-image|-tts/,
      before: 300,
      traits: { thinking: "none" },
    },
  ],
  choices: {
    thinking: ["none", "level", "budget"],
    levels: ["MINIMAL", "LOW", "MEDIUM", "HIGH"],
  },
};

/** Names of the first generations that have no number, or a number of another kind. */
const unnumbered = /^(?:gemini-(?:pro|ultra|nano)(?:-vision)?$|gemini-exp-|learnlm|gemma)/;

/** `gemini-2.5-pro`, `gemini-live-2.5-flash-preview`, `gemini-3-flash` → 205, 205, 300. Models of other lines have numbers of their own, and are new. */
function versionOf(name: string): number {
  if (unnumbered.test(name)) return 100;
  if (/robotics-er-1\.5/.test(name)) return 205;
  const [, major, minor] = /gemini-(?:live-)?(\d{1,2})(?:\.(\d{1,2}))?(?=-|$)/.exec(name) ?? [];
  return major === undefined ? Number.POSITIVE_INFINITY : Number(major) * 100 + Number(minor ?? 0);
}
