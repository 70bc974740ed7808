import type { Clock } from "../../core/index.ts";
import { AttemptLimit, watchedKey } from "../../server/index.ts";

export type SignInMethod = "key" | "sso";
export type SignInOutcome = "ok" | "refused" | "failed" | "unavailable";

/** Counts sign-ins, and limits how many one address may begin. */
export interface SignIns {
  readonly attempts: AttemptLimit;
  count(method: SignInMethod, outcome: SignInOutcome): void;
  /** For the metrics. */
  values(): Record<string, number>;
}

/** Sign-ins that one address may begin in a minute: people share addresses. */
const perMinute = 60;

export function createSignIns(clock: Clock): SignIns {
  const counts = new Map<string, number>();
  return {
    attempts: new AttemptLimit(clock, perMinute),
    count(method, outcome) {
      const key = watchedKey("sign_ins_total", method, outcome);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    values: () => Object.fromEntries(counts),
  };
}
