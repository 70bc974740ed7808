/** Requests of this process for which a second target was asked at the same time. */
export class HedgeCounts {
  asked = 0;
  /** The second target has answered. */
  won = 0;
  /** What the cancelled attempts have cost, as far as that is known. */
  lostNanoUsd = 0n;
}
