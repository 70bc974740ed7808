import {
  compareKinds,
  compareProbabilities,
  compareRight,
  groupByPrompt,
  type Compared,
  type Comparison,
  type PromptAnswers,
  type Span,
} from "./canary-prompts.ts";
import type { CanaryAnswer } from "./canary-store.ts";
import { leastRequests } from "./find-changes.ts";
import { twoSidedP } from "./rank-test.ts";

export type CanaryMeasure = "canary_right" | "canary_answers";

/** The answers to canaries are not what they were. */
export interface CanaryChange {
  readonly measure: CanaryMeasure;
  /** Of `canary_right`, shares of right answers; of `canary_answers`, the part that differs from before, usually and now. */
  readonly before: number;
  readonly after: number;
  readonly sinceMs: number;
  readonly windowHours: number;
  /** The chance that one of all comparisons of this look finds so much in noise. */
  readonly p: number;
}

export const canaryMeasures: readonly CanaryMeasure[] = ["canary_right", "canary_answers"];
const hourMs = 3_600_000;
/** What the last of these hours answered is compared with what was answered before. */
export const canaryWindows: readonly number[] = [24, 72, 168];
/** The time before that is compared with. */
export const canaryBaselineMs = 28 * 24 * hourMs;
/** It must be this number of times as long as the window: the same number of windows of its own shows how much windows differ anyway. */
const fewestWindows = 3;
const mostWindows = 12;

/** A way to compare answers. */
interface Method {
  readonly measure: CanaryMeasure;
  readonly compare: (prompts: readonly PromptAnswers[], comparison: Comparison) => Compared;
  /** Answers that are needed on each side. */
  readonly least: number;
  /** How the statistic is distributed if nothing changes: as chi-squared; as that of one degree, times what windows show; or as windows show, with many prompts that vary on their own. */
  readonly usual: (ratios: readonly number[], freedoms: number) => Usual;
}

interface Usual {
  /** The chance of such a statistic. */
  readonly chanceOf: (statistic: number, freedom: number) => number;
}

/** A token's probability says more than a token. */
const leastProbabilities = 20;

const methods: readonly Method[] = [
  { measure: "canary_right", compare: compareRight, least: leastRequests, usual: usualOfRight },
  { measure: "canary_answers", compare: compareKinds, least: leastRequests, usual: usualOfKinds },
  { measure: "canary_answers", compare: compareProbabilities, least: leastProbabilities, usual: usualOfProbabilities },
];
/** The comparisons of one series. */
export const canaryTestsPerSeries = canaryWindows.length * methods.length;
/** Changes with a smaller chance to be noise are events. Fixed on the first half of the synthetic histories (`npm run test:long -- degradation`). */
export const largestCanaryP = 0.02;
/** Smaller changes are not events, however sure they are. */
const leastDifference: Readonly<Record<CanaryMeasure, number>> = { canary_right: 0.05, canary_answers: 0.03 };
/** Of a window, one of these parts may be an outage: the one that speaks most for a change is left out. */
const trimmedParts = 4;

interface Look {
  readonly endMs: number;
  /** When the answers of a measure begin that may be compared with: a change that was found is not found again. */
  readonly sinceMs?: (measure: CanaryMeasure) => number;
  /** Comparisons of the same look in other series. */
  readonly otherTests?: number;
  readonly maxP?: number;
}

/** @param answers those of the last weeks, the oldest first. */
export function findCanaryChanges(answers: readonly CanaryAnswer[], look: Look): readonly CanaryChange[] {
  const { endMs, sinceMs = () => 0, otherTests = 0, maxP = largestCanaryP } = look;
  const tests = otherTests + canaryTestsPerSeries;
  return canaryMeasures.flatMap((measure) => {
    const known = answers.filter(({ timeMs }) => timeMs >= sinceMs(measure) && timeMs < endMs);
    const [first] = known;
    if (first === undefined) return [];
    const series: Series = { prompts: groupByPrompt(known), firstMs: first.timeMs, endMs };
    const found = methods
      .filter((method) => method.measure === measure)
      .flatMap((method) => canaryWindows.flatMap((hours) => judge(series, method, hours, { tests, maxP }) ?? []));
    const best = found.toSorted((one, other) => one.p - other.p)[0];
    return best === undefined ? [] : [best];
  });
}

interface Series {
  readonly prompts: readonly PromptAnswers[];
  readonly firstMs: number;
  readonly endMs: number;
}

interface Strictness {
  readonly tests: number;
  readonly maxP: number;
}

function judge(series: Series, method: Method, hours: number, { tests, maxP }: Strictness): CanaryChange | undefined {
  const { prompts, firstMs, endMs } = series;
  const { measure, compare, least } = method;
  const widthMs = hours * hourMs;
  const sample = { fromMs: endMs - widthMs, toMs: endMs };
  const base = { fromMs: Math.max(firstMs, sample.fromMs - canaryBaselineMs), toMs: sample.fromMs };
  if (base.toMs - base.fromMs < fewestWindows * widthMs) return undefined;
  const whole = compare(prompts, { sample, base });
  if (whole.inSample < least || whole.inBase < least || whole.freedom === 0) return undefined;
  const usual = usualDifference(series, method, base, widthMs);
  if (usual === undefined) return undefined;
  const before = measure === "canary_right" ? whole.before : usual.difference;
  const difference = whole.after - before;
  // A distribution can only differ more than it usually does.
  if ((measure === "canary_right" ? Math.abs(difference) : difference) < leastDifference[measure]) return undefined;
  const { statistic, freedom } = trimmed(series, method, { sample, base }, whole);
  if (freedom === 0) return undefined;
  const p = Math.min(1, usual.chanceOf(statistic, freedom) * tests);
  if (p >= maxP) return undefined;
  return { measure, before, after: whole.after, sinceMs: findBeginning(series, method, base), windowHours: hours, p };
}

/** How much windows of the baseline differ from the rest of it; `undefined`: there are too few. */
function usualDifference(
  { prompts }: Series,
  method: Method,
  base: Span,
  widthMs: number,
): (Usual & { readonly difference: number }) | undefined {
  const windows = Math.min(mostWindows, Math.floor((base.toMs - base.fromMs) / widthMs));
  const ratios: number[] = [];
  let [difference, freedoms] = [0, 0];
  for (let back = 0; back < windows; back++) {
    const toMs = base.toMs - back * widthMs;
    const { statistic, freedom, after, inSample } = method.compare(prompts, { sample: { fromMs: toMs - widthMs, toMs }, base });
    if (inSample === 0) continue;
    // Where all answers are the same, nothing differs.
    ratios.push(freedom === 0 ? 0 : statistic / freedom);
    freedoms += Math.max(1, freedom);
    difference += after;
  }
  if (ratios.length < fewestWindows) return undefined;
  return { ...method.usual(ratios, freedoms / ratios.length), difference: difference / ratios.length };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The ratio of two estimates of one variance. */
function usualOfRight(ratios: readonly number[]): Usual {
  const degrees = ratios.length + expectedRight;
  const dispersion = Math.max(1, (ratios.length * meanOf(ratios) + expectedRight) / degrees);
  return { chanceOf: (statistic) => studentTail(Math.sqrt(statistic / dispersion), degrees) };
}

/** The variance of chance counts as much as that of this number of windows. */
const expectedRight = 8;

/** The same; the least difference is what providers' rounding does. */
function usualOfProbabilities(ratios: readonly number[]): Usual {
  const dispersion = Math.max(leastProbabilityChange ** 2, meanOf(ratios));
  return { chanceOf: (statistic) => studentTail(Math.sqrt(statistic / dispersion), ratios.length) };
}

const leastProbabilityChange = 0.005;

/** Many prompts vary on their own, and their sum little. */
function usualOfKinds(ratios: readonly number[], freedoms: number): Usual {
  const count = ratios.length;
  const mean = meanOf(ratios);
  const dispersion = Math.max(1, mean);
  const degrees = count - 1 + expectedWeight;
  const expected = (2 * dispersion ** 2) / freedoms;
  const variance = (ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) + expectedWeight * expected) / degrees;
  const spread = Math.sqrt(variance * (1 + 1 / count));
  return {
    chanceOf(statistic, freedom) {
      const excess = statistic / freedom - dispersion;
      return excess <= 0 ? 1 : Math.max(chiSquaredTail(statistic / dispersion, freedom), studentTail(excess / spread, degrees) / 2);
    },
  };
}

/** The variance of chi-squared counts as much as that of this number of windows. */
const expectedWeight = 4;

/** The comparison without that part of the window which speaks most for a change: an hour of trouble is not a change of the model. */
function trimmed(
  { prompts }: Series,
  { measure, compare, least: needed }: Method,
  { sample, base }: Comparison,
  whole: Compared,
): Compared {
  const partMs = (sample.toMs - sample.fromMs) / trimmedParts;
  let least = whole;
  for (let part = 0; part < trimmedParts; part++) {
    const fromMs = sample.fromMs + part * partMs;
    const rest = compare(prompts, { sample, base, left: { fromMs, toMs: fromMs + partMs } });
    const isOpposite = measure === "canary_right" && (rest.after - rest.before) * (whole.after - whole.before) <= 0;
    if (rest.inSample < needed / 2 || isOpposite) return { ...rest, freedom: 0 };
    if (rest.statistic / Math.max(1, rest.freedom) < least.statistic / Math.max(1, least.freedom)) least = rest;
  }
  return least;
}

const stepMs = 3 * hourMs;
const lookBackMs = 168 * hourMs;

/** Where the answers before and after differ most. */
function findBeginning({ prompts, endMs }: Series, { compare }: Method, base: Span): number {
  let [best, beginMs] = [-Infinity, endMs];
  for (let fromMs = endMs - stepMs; fromMs > Math.max(base.fromMs, endMs - lookBackMs); fromMs -= stepMs) {
    const sample = { fromMs, toMs: endMs };
    const { statistic, freedom, inSample } = compare(prompts, { sample, base: { fromMs: base.fromMs, toMs: fromMs } });
    // The statistic of probabilities does not grow with their number.
    const score = compare === compareProbabilities ? statistic * inSample : statistic - freedom;
    if (score > best) [best, beginMs] = [score, fromMs];
  }
  return beginMs;
}

/** The chance that chi-squared is at least this large (Wilson and Hilferty 1931; exact for one degree of freedom). */
export function chiSquaredTail(statistic: number, freedom: number): number {
  if (freedom === 1) return twoSidedP(Math.sqrt(statistic));
  const spread = 2 / (9 * freedom);
  const z = ((statistic / freedom) ** (1 / 3) - 1 + spread) / Math.sqrt(spread);
  return z <= 0 ? 1 - twoSidedP(z) / 2 : twoSidedP(z) / 2;
}

/** The chance that Student's t is at least this far from 0 (Wallace 1959). */
export function studentTail(t: number, freedom: number): number {
  return twoSidedP(((8 * freedom + 1) / (8 * freedom + 3)) * Math.sqrt(freedom * Math.log(1 + t ** 2 / freedom)));
}
