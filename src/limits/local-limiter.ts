import type { Clock } from "../core/index.ts";
import type { Bucket } from "./bucket.ts";
import { refusing, type LimitHold, type Limiter, type LimitOutcome } from "./limiter.ts";

/** Counts in this process alone, exactly: nothing runs between the check and the taking. */
export class LocalLimiter implements Limiter {
  readonly #clock: Pick<Clock, "monotonic">;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  take(buckets: readonly Bucket[], tokens: number, share = 1): LimitOutcome {
    const nowMs = this.#clock.monotonic();
    const refusal = refusing(buckets, tokens, share, nowMs);
    if (refusal !== undefined) return refusal;
    for (const bucket of buckets) bucket.take(nowMs, tokens, share);
    return { buckets, tokens, share, isSettled: false };
  }

  settle(hold: LimitHold, usedTokens: number | undefined): void {
    if (hold.isSettled) return;
    hold.isSettled = true;
    for (const bucket of hold.buckets) {
      if (bucket.counts === "slots") {
        bucket.inFlight -= 1;
        continue;
      }
      const deltaMs = changeMs(bucket, hold, usedTokens);
      if (deltaMs > 0) bucket.charge(this.#clock.monotonic(), deltaMs);
      else if (deltaMs < 0) bucket.giveBack(-deltaMs);
    }
  }
}

/** How much later the bucket of a request that is over is full, or earlier if negative. */
export function changeMs(bucket: Bucket, { tokens, share }: LimitHold, usedTokens: number | undefined): number {
  if (usedTokens === undefined) return -bucket.costMs(tokens, share);
  return bucket.counts === "tokens" ? bucket.tokensMs(usedTokens, share) - bucket.costMs(tokens, share) : 0;
}
