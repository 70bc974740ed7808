/** What is known of OpenAI's own models by their names (guides to reasoning and to the latest models, November 2026). */

/** The name without what a market puts before it: `openai/gpt-5`. */
function bareName(model: string): string {
  return model.slice(model.lastIndexOf("/") + 1);
}

/** Models that never reason: they refuse every parameter about it. */
export function neverReasons(model: string): boolean {
  return /^(?:gpt-[34]|chatgpt-|gpt-5(?:\.\d+)?-chat)/.test(bareName(model));
}

/** Models that always may: they refuse sampling parameters and stop sequences. */
export function isReasoner(model: string): boolean {
  return /^(?:o\d|gpt-[5-9]|codex-)/.test(bareName(model)) && !neverReasons(model);
}

/** The least that a model can be asked to reason; `undefined` where that is not known. */
export function leastEffort(model: string): "none" | "minimal" | "low" | undefined {
  const name = bareName(model);
  if (neverReasons(model)) return undefined;
  if (/^(?:gpt-5\.|gpt-[6-9])/.test(name)) return "none";
  if (/^gpt-5(?:-|$)/.test(name)) return "minimal";
  return /^o\d/.test(name) ? "low" : undefined;
}
