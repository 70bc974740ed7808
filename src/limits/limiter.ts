import type { Bucket } from "./bucket.ts";

/** What a request has taken from its limits, until it is settled. */
export interface LimitHold {
  readonly buckets: readonly Bucket[];
  /** The tokens that were reserved. */
  readonly tokens: number;
  /** It was taken from limits that are divided by this number of processes. */
  readonly share: number;
  isSettled: boolean;
}

/** A request is refused: the limit with the longest wait. */
export interface LimitRefusal {
  readonly bucket: Bucket;
  readonly waitMs: number;
}

export type LimitOutcome = LimitHold | LimitRefusal;

export function isRefusal(outcome: LimitOutcome): outcome is LimitRefusal {
  return "waitMs" in outcome;
}

/** Counts requests and tokens. */
export interface Limiter {
  /** Takes a request from all of its limits, or from none: one atomic step. A promise only if they are shared with other processes. */
  take(buckets: readonly Bucket[], tokens: number): LimitOutcome | Promise<LimitOutcome>;
  /** The request is over. `usedTokens`: what it has used in place of what was reserved; `undefined`: it failed, and gives everything back. */
  settle(hold: LimitHold, usedTokens: number | undefined): void;
}

/** The bucket that makes a request wait longest; `undefined`: none does. */
export function refusing(buckets: readonly Bucket[], tokens: number, share: number, nowMs: number): LimitRefusal | undefined {
  let refused: Bucket | undefined;
  let longestMs = 0;
  for (const bucket of buckets) {
    const waitMs = bucket.waitMs(nowMs, tokens, share);
    if (waitMs <= longestMs) continue;
    longestMs = waitMs;
    refused = bucket;
  }
  return refused === undefined ? undefined : { bucket: refused, waitMs: longestMs };
}
