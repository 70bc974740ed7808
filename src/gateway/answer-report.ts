import type { TranslationLoss } from "./observed-request.ts";

/** What has become known of an answer on its way to the client: for its headers, the metrics and the access log. */
export interface AnswerReport {
  losses: readonly TranslationLoss[];
  /** Set if there were more losses than are named: `and 12 more`. */
  unnamedLosses: string | undefined;
  /** A count in the answer is the gateway's own estimate. */
  isEstimated: boolean;
  /** Monotonic milliseconds when the first content was sent on. */
  firstContentMs: number | undefined;
  /** Milliseconds spent waiting for the upstream. */
  upstreamMs: number;
  /** Milliseconds that earlier attempts took, with the pauses between them. */
  earlierMs: number;
}

export function createAnswerReport(): AnswerReport {
  return { losses: [], unnamedLosses: undefined, isEstimated: false, firstContentMs: undefined, upstreamMs: 0, earlierMs: 0 };
}
