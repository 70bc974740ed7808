import { estimateText } from "../../ir/index.ts";
import type { ProbeAnswer, ProbeQuestion } from "./probe-answer.ts";

const exactTokens = 16;

/** It has only one right end: the answer stops at its limit, and counts no more. */
export const countQuestion: ProbeQuestion = {
  prompt: "Count from 1 to 1000 in digits, separated by spaces.",
  maxTokens: exactTokens,
};

/** @returns `undefined`: it says nothing. */
export function judgeCount(answer: ProbeAnswer): boolean | undefined {
  if (answer.kind === "none") return undefined;
  return answer.kind === "text" && answer.isAtLimit && answer.outputTokens <= exactTokens;
}

/** The share of the claimed context that is filled: tokenizers differ by a fifth from the estimate. */
const filled = 0.7;
/** Larger claims are tested up to this. */
const mostTokens = 131_072;
/** A smaller context is no claim that is worth a probe. */
const leastTokens = 2048;

/** Letters for a token of the text, at most. */
const mostLetters = 5;
export const needleTokens = 64;

/** The bytes of the question at most; `undefined`: too little is claimed for one. */
export function needleBytes(context: number): number | undefined {
  return context < leastTokens ? undefined : Math.ceil(Math.min(context, mostTokens) * filled * mostLetters) + 1000;
}

export interface NeedleQuestion extends ProbeQuestion {
  readonly needle: string;
}

/** A number that is hidden in a text as long as the context that is claimed; `undefined`: too little is claimed. @param random from 0 to 1. */
export function needleQuestion(context: number, random: () => number): NeedleQuestion | undefined {
  if (context < leastTokens) return undefined;
  const wanted = Math.min(context, mostTokens) * filled;
  const needle = String(100_000 + Math.floor(random() * 900_000));
  const lines: string[] = [];
  for (let tokens = 0; tokens < wanted;) {
    const [houses, wells] = [Math.floor(random() * 900) + 100, Math.floor(random() * 90) + 10];
    const line = `Register ${lines.length + 1}: the village has ${houses} houses, ${wells} wells and a mill by the river.`;
    lines.push(line);
    tokens += estimateText(`${line}\n`);
  }
  const at = Math.floor(lines.length * (0.1 + 0.8 * random()));
  lines.splice(at, 0, `The number of the green door is ${needle}.`);
  const prompt = `${lines.join("\n")}\n\nWhat is the number of the green door? Answer with the number alone.`;
  return { prompt, maxTokens: needleTokens, needle };
}

/** @returns `undefined`: it says nothing, as for a model that thinks longer than it may. */
export function judgeNeedle(answer: ProbeAnswer, needle: string): boolean | undefined {
  if (answer.kind === "none") return undefined;
  if (answer.kind !== "text") return false;
  if (answer.text.replaceAll(/[\s,.]/g, "").includes(needle)) return true;
  return answer.isAtLimit ? undefined : false;
}

/** Questions that each model answers in its own words. */
const things = [
  "a lighthouse",
  "a bicycle",
  "an old map",
  "a tin of paint",
  "a brass key",
  "a stray dog",
  "a broken clock",
  "a wet umbrella",
];
const places = [
  "on a ferry",
  "in a library",
  "behind a bakery",
  "at a border post",
  "under a bridge",
  "in an attic",
  "on a tram",
  "in a greenhouse",
];

export function comparedQuestion(random: () => number): ProbeQuestion {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length) % from.length]!;
  const prompt = `Begin a story with ${pick(things)} ${pick(places)} and the number ${10 + Math.floor(random() * 90)}. Write one sentence.`;
  return { prompt, maxTokens: 32 };
}

/** The letters that must be equal: what follows may differ between machines. */
const comparedLetters = 40;

/** Whether two answers to one question begin alike; `undefined`: one of them says nothing. */
export function areAlike(one: ProbeAnswer, other: ProbeAnswer): boolean | undefined {
  if (one.kind !== "text" || other.kind !== "text") return undefined;
  const [a, b] = [one, other].map(({ text }) => text.trim().replaceAll(/\s+/g, " ").slice(0, comparedLetters));
  return a === "" || b === "" ? undefined : a === b;
}
