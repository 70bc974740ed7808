/**
 * What a Claude model accepts, by the version in its name. A name without a version is an alias of the newest. Sources, on platform.claude.com in
 * November 2026: "Adaptive thinking", "Effort", "Structured outputs" (generally available from 4.5 on), and the migration guides: of 4.5 (temperature
 * or top_p, since Opus 4.1), 4.6 (no prefill), Opus 4.7 and Sonnet 5 (no budgets, no sampling, `xhigh`), Opus 5 (`disabled` at `high` or below),
 * Fable 5 and Opus 5.5 (always thinks), Sonnet 5.5 (`between_tools` in place of `disabled`), Opus 5.5, Sonnet 5.5 and Fable 5.1 (no forced tool).
 */
export interface ModelTraits {
  /** `budget`: `thinking.type` is `enabled`, with a budget; `adaptive`: the model decides, and `effort` says how much it may think. */
  readonly thinking: "none" | "budget" | "adaptive";
  /** The model accepts a budget as well as the adaptive form. */
  readonly takesBudget: boolean;
  /**
   * How a request switches thinking off. `absent`: it omits `thinking`, as the model thinks only if asked. `disabled`, `between_tools`: that type of
   * `thinking` (`between_tools` is the least that the model can do). `never`: it cannot.
   */
  readonly rest: "absent" | "disabled" | "between_tools" | "never";
  /** The model thinks if the request has no `thinking`. */
  readonly thinksUnasked: boolean;
  /** The model accepts `tool_choice` of type `any` and `tool`. */
  readonly takesForcedTool: boolean;
  readonly takesEffort: boolean;
  readonly highestEffort: "high" | "max";
  readonly takesXhigh: boolean;
  /** The model accepts `output_config.format` and strict tools. */
  readonly takesFormat: boolean;
  /** The model accepts values of `temperature`, `top_p` and `top_k` other than the defaults. */
  readonly takesSampling: boolean;
  /** The model accepts `temperature` and `top_p` in one request. */
  readonly takesBothSamplings: boolean;
  /** The conversation may end with the beginning of the answer (a prefill). */
  readonly takesPrefill: boolean;
}

/** A model of another vendor that speaks this protocol: it has what the protocol had before its later fields. */
const otherVendor: ModelTraits = {
  thinking: "budget",
  takesBudget: true,
  rest: "disabled",
  thinksUnasked: false,
  takesForcedTool: true,
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
  const isAlwaysOn = /fable|mythos/i.test(model) || (isOpus && version >= 505);
  const isLate = version >= 505 && !/haiku/i.test(model);
  return {
    thinking: thinkingOf(version),
    takesBudget: version >= 307 && version < 407,
    rest: restOf(version, isAlwaysOn, isLate),
    thinksUnasked: isAlwaysOn || version >= 500,
    takesForcedTool: !isAlwaysOn && !isLate,
    takesEffort: version >= 406 || (isOpus && version === 405),
    highestEffort: version >= 406 ? "max" : "high",
    takesXhigh: version >= 407,
    takesFormat: version >= 405,
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

function thinkingOf(version: number): ModelTraits["thinking"] {
  if (version >= 406) return "adaptive";
  return version >= 307 ? "budget" : "none";
}

function restOf(version: number, isAlwaysOn: boolean, isLate: boolean): ModelTraits["rest"] {
  if (isAlwaysOn) return "never";
  if (isLate) return "between_tools";
  return version >= 407 && version < 500 ? "absent" : "disabled";
}
