import { valueAt } from "./measures.ts";

/** Counts by bucket for each hour of a series, kept as running sums, so that those of any window are one subtraction. */
export class HourlyHistogram {
  readonly buckets: number;
  readonly hours: number;
  readonly #sums: Uint32Array;

  /** @param countsOf an hour gives its counts by bucket; empty if it has none. */
  constructor(hours: number, buckets: number, countsOf: (hour: number) => Iterable<readonly [bucket: number, count: number]>) {
    this.hours = hours;
    this.buckets = buckets;
    this.#sums = new Uint32Array((hours + 1) * buckets);
    for (let hour = 0; hour < hours; hour++) {
      this.#sums.copyWithin((hour + 1) * buckets, hour * buckets, (hour + 1) * buckets);
      for (const [bucket, count] of countsOf(hour)) this.#sums[(hour + 1) * buckets + bucket]! += count;
    }
  }

  /** Adds the counts of the hours from `start` to before `end`, times `factor`, to `target`. What is before the first hour is empty. */
  add(target: Float64Array, start: number, end: number, factor = 1): void {
    const from = Math.max(0, start) * this.buckets;
    const to = Math.min(Math.max(0, end), this.hours) * this.buckets;
    if (to <= from) return;
    for (let bucket = 0; bucket < this.buckets; bucket++)
      target[bucket]! += factor * (this.#sums[to + bucket]! - this.#sums[from + bucket]!);
  }

  window(start: number, end: number): Float64Array {
    const counts = new Float64Array(this.buckets);
    this.add(counts, start, end);
    return counts;
  }
}

export function totalOf(counts: ArrayLike<number>): number {
  let total = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) total += counts[bucket]!;
  return total;
}

/** The value below which this part of a histogram of quantities lies. */
export function quantileOf(counts: ArrayLike<number>, part: number): number {
  const wanted = totalOf(counts) * part;
  let below = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    const count = counts[bucket]!;
    if (count > 0 && below + count >= wanted) return valueAt(bucket + (wanted - below) / count);
    below += count;
  }
  return 0;
}
