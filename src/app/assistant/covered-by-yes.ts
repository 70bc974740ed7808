import type { ChangeTool } from "./tool.ts";

/** Values that a question does not repeat: it says them in other words, or not at all. */
const plainWords: Readonly<Record<string, RegExp>> = {
  day: /\b(?:days?|daily|today)\b/i,
  month: /\b(?:months?|monthly)\b/i,
  total: /\b(?:total|overall|ever|altogether|lifetime)\b/i,
  on: /\b(?:on|enable|use|with)\b/i,
  off: /\b(?:off|disable|without|no)\b/i,
  true: /\b(?:on|true|enable[ds]?|yes)\b/i,
  null: /\b(?:remove|delete|drop|lift|clear|unset|no|none|without|unlimited)\b/i,
  false: /\b(?:off|false|disable[ds]?|no)\b/i,
};

/** Parts of a path of a setting that say nothing by themselves. */
const settingParts = /^(?:gateway|providers|model_provider_routes|model_aliases|models|ledger|routing|limits|logging)$/;

/**
 * Whether `--yes` covers a change although the model has read text that others wrote: the question itself must ask for a change of this kind, and
 * name every value of it. So a text in a log or a name can neither cause another change, nor give a change another target or amount.
 */
export function isAskedFor(question: string, tool: Pick<ChangeTool, "askedBy">, input: Readonly<Record<string, unknown>>): boolean {
  if (!tool.askedBy.test(question)) return false;
  const words = wordsOf(question);
  return valuesOf(input, words).every((value) => isNamed(value, question, words));
}

function wordsOf(text: string): ReadonlySet<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}_{}][\p{L}\p{N}_.:*/@{}-]*/gu) ?? [];
  return new Set(words.flatMap((word) => [word, word.replace(/[.:,]+$/, ""), word.replace(/'s$/, "")]));
}

function isNamed(value: string, question: string, words: ReadonlySet<string>): boolean {
  const text = value.toLowerCase();
  const plain = Object.hasOwn(plainWords, text) ? plainWords[text] : undefined;
  if (plain?.test(question) === true) return true;
  if (words.has(text)) return true;
  // Amounts: `5` of `5.00`.
  return /^\d+(?:\.\d+)?$/.test(text) && [...words].some((word) => /^\d/.test(word) && Number(word) === Number(text));
}

/** Every text, number and boolean; of a setting's path the parts that name something, unless the question has all of it. */
function valuesOf(value: unknown, words: ReadonlySet<string>, key = ""): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.length > 0) return value.flatMap((item) => valuesOf(item, words, key));
  // To take something away is a value too.
  if (value === null || Array.isArray(value)) return ["null"];
  if (typeof value === "object") return Object.entries(value).flatMap(([name, item]) => valuesOf(item, words, name));
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (key === "setting" && words.has(text.toLowerCase())) return [];
  return key === "setting" ? text.split(".").filter((part) => !settingParts.test(part)) : [text];
}
