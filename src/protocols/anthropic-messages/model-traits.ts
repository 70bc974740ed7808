/**
 * What a Claude model takes, by the version in its name (Anthropic API: "Extended thinking", "Adaptive thinking", "Effort", "Structured outputs",
 * "Models overview"; November 2026). A name without a version is an alias of the newest.
 */
export interface ModelTraits {
  /** `budget`: `thinking.type` enabled with a budget; `adaptive`: the model decides, `effort` says how much. */
  readonly thinking: "none" | "budget" | "adaptive";
  /** A budget is taken beside the adaptive form. */
  readonly takesBudget: boolean;
  readonly takesEffort: boolean;
  readonly highestEffort: "high" | "max";
  readonly takesXhigh: boolean;
  /** `output_config.format` and strict tools. */
  readonly takesFormat: boolean;
  /** `temperature`, `top_p` and `top_k` other than the defaults. */
  readonly takesSampling: boolean;
  /** `temperature` and `top_p` in one request. */
  readonly takesBothSamplings: boolean;
  /** The conversation may end with the beginning of the answer. */
  readonly takesPrefill: boolean;
}

/** A model of another vendor that speaks this protocol: what the protocol had before its later fields. */
const otherVendor: ModelTraits = {
  thinking: "budget",
  takesBudget: true,
  takesEffort: false,
  highestEffort: "high",
  takesXhigh: false,
  takesFormat: false,
  takesSampling: true,
  takesBothSamplings: true,
  takesPrefill: true,
};

export function traitsOf(model: string): ModelTraits {
  if (!/claude/i.test(model)) return otherVendor;
  const version = versionOf(model);
  const isOpus = /opus/i.test(model);
  return {
    thinking: version >= 406 ? "adaptive" : version >= 307 ? "budget" : "none",
    takesBudget: version >= 307 && version < 407,
    takesEffort: version >= 406 || (isOpus && version === 405),
    highestEffort: version >= 406 ? "max" : "high",
    takesXhigh: version >= 407,
    takesFormat: version >= 405 || (isOpus && version === 401),
    takesSampling: version < 407,
    takesBothSamplings: version < 401,
    takesPrefill: version < 406,
  };
}

/** `claude-opus-4-6`, `claude-3-7-sonnet-20250219`, `claude-sonnet-4.5` → 406, 307, 405. */
function versionOf(model: string): number {
  const [, major, minor] = /claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/i.exec(model) ?? [];
  return major === undefined ? Number.POSITIVE_INFINITY : Number(major) * 100 + Number(minor ?? 0);
}
