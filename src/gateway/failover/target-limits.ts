import { isRefusal, type Bucket, type LimitHold, type LimitRefusal } from "../../limits/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { tokensFor } from "../admission/take-limits.ts";
import type { ModelCall } from "../model-call.ts";
import { pause, type PauseEnd } from "./pause.ts";

/** A request waits for its provider's limits at most this long, then it goes to the next target. */
const longestWaitMs = 1000;
/** How often slots are asked for: nobody knows when a request ends. */
const slotPauseMs = 50;
const shortestPauseMs = 5;

/** What came of it: what was taken, why nothing was, or that nobody waits for it any more. */
export type TargetTaken = { readonly hold: LimitHold } | { readonly refusal: LimitRefusal } | { readonly end: Exclude<PauseEnd, "over"> };

export interface TargetWait {
  readonly attempt: Attempt;
  /** The limits of its provider and model. */
  readonly buckets: readonly Bucket[];
  readonly waitMs: number | undefined;
}

/** Takes an attempt from the limits of its provider and model, and waits for a free place if one is expected within a second. */
export async function takeTarget(
  call: ModelCall,
  { attempt, buckets, waitMs: longestMs = longestWaitMs }: TargetWait,
): Promise<TargetTaken> {
  const { limits, clock } = call.deps;
  const tokens = tokensFor(call, buckets, attempt);
  const startMs = clock.monotonic();
  for (;;) {
    const outcome = await limits.take(buckets, tokens);
    const spentMs = clock.monotonic() - startMs;
    if (!isRefusal(outcome)) {
      call.answer.earlierMs += spentMs;
      return { hold: outcome };
    }
    const leftMs = longestMs - spentMs;
    const waitMs = outcome.bucket.counts === "slots" ? slotPauseMs : Math.max(shortestPauseMs, outcome.waitMs);
    if (waitMs > leftMs) {
      call.answer.earlierMs += spentMs;
      return { refusal: outcome };
    }
    const end = await pause(call, waitMs);
    if (end !== "over") return { end };
  }
}
