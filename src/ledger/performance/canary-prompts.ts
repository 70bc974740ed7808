import type { CanaryAnswer } from "./canary-store.ts";

/** The answers to one prompt, the oldest first, as numbers. */
export interface PromptAnswers {
  readonly times: Float64Array;
  /** 1, 0, or -1 if the prompt has no right answer. */
  readonly right: Int8Array;
  /** Which answer it was, from 0 to `categories`. */
  readonly category: Int16Array;
  readonly categories: number;
  /** The probability of the token that is the most probable one in all answers; NaN: the answer has none. */
  readonly probability: Float64Array;
}

/** From and to, milliseconds: `to` is the first that is not in it. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Answers that are compared: those of `sample` without `left`, with those of `base` that are in neither. */
export interface Comparison {
  readonly sample: Span;
  readonly base: Span;
  readonly left?: Span;
}

/** A comparison of two sets of answers, prompt by prompt. */
export interface Compared {
  /** Chi-squared, and its degrees of freedom; 0: nothing can be compared. */
  readonly statistic: number;
  readonly freedom: number;
  readonly before: number;
  readonly after: number;
  /** Answers that count, on each side. */
  readonly inSample: number;
  readonly inBase: number;
}

/** Different answers to one prompt; the others are one more. */
const mostCategories = 15;

export function groupByPrompt(answers: readonly CanaryAnswer[]): readonly PromptAnswers[] {
  const byPrompt = new Map<string, CanaryAnswer[]>();
  for (const answer of answers) {
    const known = byPrompt.get(answer.prompt);
    if (known === undefined) byPrompt.set(answer.prompt, [answer]);
    else known.push(answer);
  }
  return [...byPrompt.values()].map(readPrompt);
}

function readPrompt(answers: readonly CanaryAnswer[]): PromptAnswers {
  const names = mostFrequent(answers.map(({ answer }) => [answer, 1] as const)).slice(0, mostCategories);
  const numbers = new Map(names.map((name, number) => [name, number]));
  const [likely] = mostFrequent(answers.flatMap(({ probabilities = {} }) => Object.entries(probabilities)));
  return {
    times: Float64Array.from(answers, ({ timeMs }) => timeMs),
    right: Int8Array.from(answers, ({ isRight }) => (isRight === undefined ? -1 : Number(isRight))),
    category: Int16Array.from(answers, ({ answer }) => numbers.get(answer) ?? names.length),
    categories: names.length + 1,
    probability: Float64Array.from(answers, ({ probabilities }) =>
      probabilities === undefined || likely === undefined ? Number.NaN : (probabilities[likely] ?? 0),
    ),
  };
}

function mostFrequent(counts: readonly (readonly [string, number])[]): readonly string[] {
  const sums = new Map<string, number>();
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums].toSorted(([, one], [, other]) => other - one).map(([name]) => name);
}

/** 1: of the sample, 0: of the base, -1: of neither. */
function sideOf(ms: number, { sample, base, left }: Comparison): number {
  if (left !== undefined && ms >= left.fromMs && ms < left.toMs) return -1;
  if (ms >= sample.fromMs && ms < sample.toMs) return 1;
  return ms >= base.fromMs && ms < base.toMs ? 0 : -1;
}

/** The share of right answers: the test of Cochran, Mantel and Haenszel over the prompts, as some are harder than others. */
export function compareRight(prompts: readonly PromptAnswers[], comparison: Comparison): Compared {
  let [difference, variance, before, after, inSample, inBase] = [0, 0, 0, 0, 0, 0];
  for (const { times, right } of prompts) {
    // Of the base and of the sample: wrong, right.
    const counts = [0, 0, 0, 0];
    for (let at = 0; at < times.length; at++) {
      const side = sideOf(times[at]!, comparison);
      if (side >= 0 && right[at]! >= 0) counts[side * 2 + right[at]!]! += 1;
    }
    const [baseWrong, baseRight, wrong, rights] = counts as [number, number, number, number];
    const [base, sample] = [baseWrong + baseRight, wrong + rights];
    if (base === 0 || sample === 0) continue;
    const all = base + sample;
    const allRight = baseRight + rights;
    difference += rights - (sample * allRight) / all;
    variance += (sample * base * allRight * (all - allRight)) / (all * all * Math.max(1, all - 1));
    before += (sample * baseRight) / base;
    after += rights;
    inSample += sample;
    inBase += base;
  }
  if (inSample === 0) return nothing;
  // Where all answers are the same, one more that differs is the least that can be seen.
  const statistic = difference ** 2 / Math.max(variance, 0.25);
  return { statistic, freedom: 1, before: before / inSample, after: after / inSample, inSample, inBase };
}

const nothing: Compared = { statistic: 0, freedom: 0, before: 0, after: 0, inSample: 0, inBase: 0 };

/**
 * The distribution of the answers: chi-squared over the prompts. `after` is the mean part of the answers that would have to be other ones to be distributed as before (the
 * total variation distance).
 */
export function compareKinds(prompts: readonly PromptAnswers[], comparison: Comparison): Compared {
  let [statistic, freedom, after, inSample, inBase] = [0, 0, 0, 0, 0];
  for (const prompt of prompts) {
    const found = compareCategories(prompt, comparison);
    if (found === undefined) continue;
    statistic += found.statistic;
    freedom += found.freedom;
    after += found.after * found.inSample;
    inSample += found.inSample;
    inBase += found.inBase;
  }
  return inSample === 0 ? nothing : { statistic, freedom, before: 0, after: after / inSample, inSample, inBase };
}

/**
 * By the probabilities of tokens. `after` is the mean difference of the probability of each prompt's likeliest token; the statistic is its square, as the provider's
 * conditions may move all of them together: only a comparison with other windows says whether that is much.
 */
export function compareProbabilities(prompts: readonly PromptAnswers[], comparison: Comparison): Compared {
  let [difference, inSample, inBase] = [0, 0, 0];
  for (const { times, probability } of prompts) {
    const counts = [0, 0];
    const sums = [0, 0];
    for (let at = 0; at < times.length; at++) {
      const value = probability[at]!;
      const side = Number.isNaN(value) ? -1 : sideOf(times[at]!, comparison);
      if (side < 0) continue;
      counts[side]! += 1;
      sums[side]! += value;
    }
    const [ofBase, ofSample] = counts as [number, number];
    if (ofBase === 0 || ofSample === 0) continue;
    difference += ofSample * Math.abs(sums[1]! / ofSample - sums[0]! / ofBase);
    inSample += ofSample;
    inBase += ofBase;
  }
  if (inSample === 0) return nothing;
  const after = difference / inSample;
  return { statistic: after ** 2, freedom: 1, before: 0, after, inSample, inBase };
}

/** An answer that is expected less often in the sample is counted with the others. */
const leastExpected = 0.3;

function compareCategories({ times, category, categories }: PromptAnswers, comparison: Comparison): Compared | undefined {
  const sides = [new Float64Array(categories), new Float64Array(categories)] as const;
  const counts = [0, 0];
  for (let at = 0; at < times.length; at++) {
    const side = sideOf(times[at]!, comparison);
    if (side < 0) continue;
    sides[side as 0 | 1][category[at]!]! += 1;
    counts[side]! += 1;
  }
  const [inBase, inSample] = counts as [number, number];
  if (inBase === 0 || inSample === 0) return undefined;
  const share = inSample / (inBase + inSample);
  let [statistic, kinds, distance] = [0, 0, 0];
  const rest = [0, 0];
  const add = (ofBase: number, ofSample: number): void => {
    const expected = (ofBase + ofSample) * share;
    if (expected === 0) return;
    // Both sides of the table at once.
    statistic += (ofSample - expected) ** 2 / (expected * (1 - share));
    distance += Math.abs(ofSample / inSample - ofBase / inBase) / 2;
    kinds += 1;
  };
  for (let kind = 0; kind < categories; kind++) {
    const [ofBase, ofSample] = [sides[0][kind]!, sides[1][kind]!];
    if ((ofBase + ofSample) * share >= leastExpected) add(ofBase, ofSample);
    else {
      rest[0]! += ofBase;
      rest[1]! += ofSample;
    }
  }
  add(rest[0]!, rest[1]!);
  if (kinds < 2) return { statistic: 0, freedom: 0, before: 0, after: 0, inSample, inBase };
  return { statistic, freedom: kinds - 1, before: 0, after: distance, inSample, inBase };
}
