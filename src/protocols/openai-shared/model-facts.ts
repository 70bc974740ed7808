/**
 * What is known of OpenAI's own models by their names. Sources: `ReasoningEffort` in Microsoft's reference of `@azure/ai-projects`, the guides
 * "Using GPT-5.2" and "Reasoning models" and the pages of the models on developers.openai.com, and the errors of the API as users report them
 * ("Supported values are: 'none', 'low', 'medium', and 'high'", openai/openai-agents-python 2089; `max` of GPT-5.6, anomalyco/opencode 36141). November 2026.
 */

/** The name without the prefix of a market: `openai/gpt-5`. */
function bareName(model: string): string {
  return model.slice(model.lastIndexOf("/") + 1);
}

/** Models that never reason: they refuse every parameter about it. */
export function neverReasons(model: string): boolean {
  return /^(?:gpt-[34]|chatgpt-|gpt-5-chat|gpt-5(?:\.\d+)?-search)/.test(bareName(model));
}

/** Models that search the web by themselves: they refuse sampling parameters. */
export function searches(model: string): boolean {
  return /^gpt-[\w.-]*-search/.test(bareName(model));
}

/** Models that can reason: while they do, they refuse sampling parameters and stop sequences. */
export function isReasoner(model: string): boolean {
  return /^(?:o\d|gpt-[5-9]|codex-)/.test(bareName(model)) && !neverReasons(model);
}

/** The efforts of all models, the lowest first. */
export const allEfforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

export type Effort = (typeof allEfforts)[number];

/** The efforts that a model accepts, the lowest first; `undefined` if that is not known. */
export function effortsOf(model: string): readonly Effort[] | undefined {
  const name = bareName(model);
  if (neverReasons(model)) return undefined;
  if (/^(?:o\d|codex-|gpt-oss)/.test(name)) return ["low", "medium", "high"];
  const version = versionOf(name);
  if (version === undefined) return undefined;
  const most = highestEfforts(name, version);
  if (name.includes("-chat")) return ["medium"];
  if (name.includes("-codex")) return ["low", "medium", "high", ...most];
  if (name.includes("-pro")) return version === 500 ? ["high"] : ["medium", "high", ...most];
  return [version === 500 ? "minimal" : "none", "low", "medium", "high", ...most];
}

/**
 * Whether a model accepts sampling parameters if the request has no effort, because it does not reason then: "gpt-5.1 defaults to none, which does
 * not perform reasoning. All models before gpt-5.1 default to medium" (`ReasoningEffort` in Microsoft's reference); "gpt-5.5 defaults to medium" (the
 * guide "Reasoning models").
 */
export function restsByDefault(model: string): boolean {
  const name = bareName(model);
  const version = versionOf(name);
  return version !== undefined && version >= 501 && version <= 504 && !/-(?:codex|pro|chat)/.test(name) && !neverReasons(model);
}

/**
 * Whether a model needs the `phase` of its messages sent back: "for models like gpt-5.3-codex and beyond" (`EasyInputMessage` of the npm package
 * `openai` 7.57).
 */
export function keepsPhase(model: string): boolean {
  return (versionOf(bareName(model)) ?? 0) >= 503;
}

/** `gpt-5.2-mini` → 502, `gpt-6` → 600. */
function versionOf(name: string): number | undefined {
  const [, major, minor] = /^gpt-([5-9])(?:\.(\d+))?(?:-|$)/.exec(name) ?? [];
  return major === undefined ? undefined : Number(major) * 100 + Number(minor ?? 0);
}

function highestEfforts(name: string, version: number): readonly Effort[] {
  if (version >= 506) return ["xhigh", "max"];
  return version >= 502 || name.includes("-codex-max") ? ["xhigh"] : [];
}
