import { HourlyHistogram, quantileOf, totalOf } from "./hourly-histogram.ts";
import { bucketCount, bucketsOf, hourlyMeasures, measures, shareOf, type Histogram, type HourCounts, type Measure } from "./measures.ts";
import { compareRanks, twoSidedP, type Ranked } from "./rank-test.ts";

/** A measure that is not what it was. */
export interface Change {
  readonly measure: Measure;
  /** Of `finish_reason` and `model_served`: which one. */
  readonly name?: string;
  /** Medians, or shares from 0 to 1. */
  readonly before: number;
  readonly after: number;
  /** Number of the first hour of the series that belongs to the change. */
  readonly sinceHour: number;
  readonly windowHours: number;
  /** The chance that one of all comparisons of this look finds so much in noise. */
  readonly p: number;
}

export const weekHours = 168;
/** The weeks that a window is compared with, each at the same weekday and hour. */
export const baselineWeeks = 4;
/** The least number of them that have requests. */
const fewestWeeks = 2;
export const leastRequests = 50;
/** A sudden change is seen in the first, a small one in the others. */
export const windowHours: readonly number[] = [12, 24, 48, 96];
/** Changes with a smaller chance to be noise are events. Fixed on the first half of the synthetic histories (`npm run test:long -- degradation`). */
export const largestP = 0.02;
/** Smaller changes are not events, however sure they are. */
const leastRatio = 1.1;
const leastShare = 0.02;
/** The part of a window that may be an outage, at least this number of hours: what it shows is left out. Errors come in longer outages than anything else. */
const trimmedParts = 6;
const trimmedPartsOfErrors = 3;
const trimmedHours = 4;
/** Comparisons of earlier windows begin this far from each other. */
const strideHours = 6;

/** The hours of a series, without gaps; the last one is the newest. `undefined`: no requests. */
export type SeriesHours = readonly (HourCounts | undefined)[];

/** @param otherTests comparisons of the same look in other series: the more there are, the surer one must be. */
export function findChanges(hours: SeriesHours, otherTests = 0, maxP = largestP): readonly Change[] {
  const probes = probesOf(withoutOutages(hours));
  const tests = otherTests + probes.length * windowHours.length;
  return probes.flatMap((probe) => {
    const found = windowHours.flatMap((width) => judge(probe, width, { tests, maxP }) ?? []);
    const best = found.toSorted((one, other) => one.p - other.p)[0];
    return best === undefined ? [] : [best];
  });
}

/** An hour in which a larger part of the attempts failed is an outage, which health and the logs report. Its answers are slow, and say nothing about the model. */
const outageShare = 0.15;
const fewestAttempts = 10;
const lastingHours = 24;

/** Leaves outages out, unless the errors last: most of the last hours have them. */
function withoutOutages(hours: SeriesHours): SeriesHours {
  const last = hours.slice(-lastingHours).filter((hour) => hour !== undefined);
  const isLasting = last.filter(isOutage).length > last.length / 2;
  return hours.map((hour, at) =>
    hour !== undefined && isOutage(hour) && !(isLasting && at >= hours.length - lastingHours) ? undefined : hour,
  );
}

function isOutage({ attempts, errors }: HourCounts): boolean {
  return attempts >= fewestAttempts && errors > attempts * outageShare;
}

/** The comparisons of one series. */
export const testsPerSeries = (hourlyMeasures.length + 3) * windowHours.length;

/** One measure with its histograms. */
interface Probe {
  readonly measure: Measure;
  readonly name?: string;
  readonly histogram: HourlyHistogram;
}

/** Finish reasons that are looked at, the most frequent ones. */
const mostReasons = 4;

function probesOf(hours: SeriesHours): readonly Probe[] {
  return hourlyMeasures.flatMap((measure): Probe[] => {
    if (measure === "finish_reason") {
      const known = namesOf(hours, ({ finishReasons }) => finishReasons).slice(0, mostReasons);
      return known.map((name) => nameProbe(hours, measure, name, (hour) => shareOf(hour.finishReasons, (each) => each === name)));
    }
    if (measure === "model_served") {
      const [usual] = namesOf(hours.slice(0, -Math.max(...windowHours)), ({ modelsServed }) => modelsServed);
      if (usual === undefined) return [];
      return [nameProbe(hours, measure, usual, (hour) => shareOf(hour.modelsServed, (each) => each !== usual))];
    }
    const buckets = measures[measure].kind === "share" ? 2 : bucketCount;
    const histogram = new HourlyHistogram(hours.length, buckets, (at) => (hours[at] === undefined ? [] : bucketsOf(hours[at], measure)));
    return [{ measure, histogram }];
  });
}

function nameProbe(
  hours: SeriesHours,
  measure: Measure,
  name: string,
  countsOf: (hour: HourCounts) => Iterable<readonly [number, number]>,
): Probe {
  return { measure, name, histogram: new HourlyHistogram(hours.length, 2, (at) => (hours[at] === undefined ? [] : countsOf(hours[at]))) };
}

/** The most frequent first. */
function namesOf(hours: SeriesHours, histogramOf: (hour: HourCounts) => Histogram): readonly string[] {
  const counts = new Map<string, number>();
  for (const hour of hours)
    if (hour !== undefined)
      for (const [name, count] of Object.entries(histogramOf(hour))) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].toSorted(([, one], [, other]) => other - one).map(([name]) => name);
}

interface Strictness {
  /** All comparisons of this look. */
  readonly tests: number;
  readonly maxP: number;
}

function judge({ measure, name, histogram }: Probe, width: number, { tests, maxP }: Strictness): Change | undefined {
  const end = histogram.hours;
  const sample = histogram.window(end - width, end);
  const base = baselineOf(histogram, end, width);
  if (base === undefined || totalOf(sample) < leastRequests || totalOf(base) < leastRequests) return undefined;
  const [before, after] = [centre(measure, base), centre(measure, sample)];
  if (!isLarge(measure, before, after)) return undefined;
  const { effect, variance } = trimmed(histogram, blockOf(measure, width), sample, base);
  if (effect === 0) return undefined;
  const z = effect / Math.sqrt(variance + usualVariance(histogram, width));
  const p = Math.min(1, twoSidedP(z) * tests);
  if (p >= maxP) return undefined;
  return {
    measure,
    ...(name === undefined ? {} : { name }),
    before,
    after,
    sinceHour: findBeginning(histogram, width, Math.sign(effect)),
    windowHours: width,
    p,
  };
}

function centre(measure: Measure, counts: Float64Array): number {
  return measures[measure].kind === "scale" ? quantileOf(counts, 0.5) : counts[1]! / totalOf(counts);
}

function isLarge(measure: Measure, before: number, after: number): boolean {
  if (measures[measure].kind === "share") return Math.abs(after - before) >= leastShare;
  return after >= before * leastRatio || before >= after * leastRatio;
}

/** The same hours of the weeks before; `undefined`: too few of them have requests. */
function baselineOf(histogram: HourlyHistogram, end: number, width: number, skipped = 0): Float64Array | undefined {
  const base = new Float64Array(histogram.buckets);
  let weeks = 0;
  for (let week = 1; week <= baselineWeeks; week++) {
    if (week === skipped) continue;
    const before = totalOf(base);
    histogram.add(base, end - week * weekHours - width, end - week * weekHours);
    if (totalOf(base) > before) weeks += 1;
  }
  return weeks < fewestWeeks - (skipped > 0 ? 1 : 0) ? undefined : base;
}

function blockOf(measure: Measure, width: number): { readonly width: number; readonly block: number } {
  return { width, block: Math.max(trimmedHours, width / (measure === "errors" ? trimmedPartsOfErrors : trimmedParts)) };
}

/** The comparison without that part of the window which speaks most for a change: an outage of a few hours is not a change of the model. */
function trimmed(
  histogram: HourlyHistogram,
  { width, block }: { readonly width: number; readonly block: number },
  sample: Float64Array,
  base: Float64Array,
): Ranked {
  const whole = compareRanks(sample, base);
  const sign = Math.sign(whole.effect);
  const end = histogram.hours;
  const rest = new Float64Array(sample.length);
  let least = whole;
  for (let from = end - width; from + block <= end; from++) {
    rest.set(sample);
    histogram.add(rest, from, from + block, -1);
    if (totalOf(rest) < leastRequests / 2) return { effect: 0, variance: 1 };
    const ranked = compareRanks(rest, base);
    if (ranked.effect * sign <= 0) return { effect: 0, variance: 1 };
    if (ranked.effect * sign < least.effect * sign) least = ranked;
  }
  return least;
}

/**
 * How much windows differ from the same hours of other weeks beyond what the number of their requests explains: requests come in bursts, and their kind changes from day to
 * day. From the median and the 95th percentile of earlier windows, whichever says more; an outage among them counts little.
 */
function usualVariance(histogram: HourlyHistogram, width: number): number {
  const effects: number[] = [];
  let sampling = 0;
  for (let week = 1; week <= baselineWeeks; week++) {
    for (let back = 0; back < weekHours; back += strideHours) {
      const end = histogram.hours - week * weekHours + weekHours - width - back;
      const other = weeksBeside(histogram, end, width, week);
      const sample = histogram.window(end - width, end);
      if (totalOf(sample) < leastRequests / 2 || totalOf(other) < leastRequests / 2) continue;
      const { effect, variance } = compareRanks(sample, other);
      effects.push(Math.abs(effect));
      sampling += variance;
    }
  }
  if (effects.length === 0) return 0;
  effects.sort((one, two) => one - two);
  const at = (part: number): number => effects[Math.min(effects.length - 1, Math.floor(effects.length * part))]!;
  const spread = Math.max(at(0.5) * 1.4826, at(0.95) / 1.96);
  return Math.max(0, spread ** 2 - sampling / effects.length);
}

/** The same hours in the other weeks of the baseline. */
function weeksBeside(histogram: HourlyHistogram, end: number, width: number, week: number): Float64Array {
  const other = new Float64Array(histogram.buckets);
  for (let each = 1; each <= baselineWeeks; each++) {
    const shifted = end + (week - each) * weekHours;
    if (each !== week) histogram.add(other, shifted - width, shifted);
  }
  return other;
}

/** Hours that are looked back for the beginning of a change. */
const lookBackHours = weekHours;

/** Where the deviations from the baseline, summed up to now, are largest: the usual estimate of a change point. */
function findBeginning(histogram: HourlyHistogram, width: number, sign: number): number {
  const end = histogram.hours;
  let [sum, weight, best] = [0, 0, 0];
  let beginning = end - width;
  for (let hour = end - 1; hour >= Math.max(0, end - lookBackHours); hour--) {
    const sample = histogram.window(hour, hour + 1);
    const count = totalOf(sample);
    const base = count === 0 ? undefined : baselineOf(histogram, hour + 2, 3);
    if (base === undefined || totalOf(base) === 0) continue;
    sum += count * sign * compareRanks(sample, base).effect;
    weight += count;
    // Less than the noise of hours that have not changed adds.
    const score = sum / Math.sqrt(weight);
    if (score > best) [best, beginning] = [score, hour];
  }
  return beginning;
}
