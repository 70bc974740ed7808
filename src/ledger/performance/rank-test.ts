/** A comparison of two samples by ranks. */
export interface Ranked {
  /** From -0.5 (each value of the first sample is below each of the second) to 0.5; 0: neither tends to be larger. */
  readonly effect: number;
  /** Variance of `effect` if both samples come from one distribution and their values are independent. */
  readonly variance: number;
}

/**
 * The Mann-Whitney test with its correction for ties, on counts by bucket. `effect` is the probability that a value of `sample` is larger than one of `base`, ties as one half,
 * less one half. Outliers have no more weight than other values. On two buckets it is the test of two shares.
 */
export function compareRanks(sample: ArrayLike<number>, base: ArrayLike<number>): Ranked {
  let [below, larger, ties, inSample, inBase] = [0, 0, 0, 0, 0];
  for (let bucket = 0; bucket < sample.length; bucket++) {
    const one = sample[bucket]!;
    const other = base[bucket]!;
    larger += one * (below + other / 2);
    below += other;
    inSample += one;
    inBase += other;
    const tied = one + other;
    ties += tied ** 3 - tied;
  }
  if (inSample === 0 || inBase === 0) return { effect: 0, variance: Infinity };
  const pairs = inSample * inBase;
  const all = inSample + inBase;
  const spread = all + 1 - ties / (all * Math.max(1, all - 1));
  // Where all values are the same, one more that differs is the least that can be seen.
  return { effect: larger / pairs - 0.5, variance: Math.max(spread, 1) / (12 * pairs) };
}

/** The chance that a normal variable is at least this far from 0, on either side. Abramowitz and Stegun 7.1.26 below 3; above, the continued fraction. */
export function twoSidedP(z: number): number {
  const x = Math.abs(z);
  if (x > 3) {
    let fraction = x;
    for (let term = 60; term >= 1; term--) fraction = x + term / fraction;
    return (2 * Math.exp((-x * x) / 2)) / (Math.sqrt(2 * Math.PI) * fraction);
  }
  const t = 1 / (1 + (0.3275911 * x) / Math.SQRT2);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return poly * Math.exp((-x * x) / 2);
}
