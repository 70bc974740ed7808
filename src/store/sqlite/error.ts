import { setTimeout as delay } from "node:timers/promises";
import { isSqliteBusy } from "../store-error.ts";

/** Waits between tries, in milliseconds; the last one repeats. The steps of SQLite's own busy handler, shortened at the end. */
const stepsMs = [1, 2, 5, 10, 15, 20, 25, 50] as const;

/**
 * Runs `action` until it finds the database unlocked, for `timeoutMs` at most, then throws what it threw last. SQLite's own busy timeout
 * would do the same, but node:sqlite is synchronous: it would stop the whole process, and every request in it, for as long as another
 * process holds the lock. So SQLite's is 0 and the waiting is done here.
 * `action` must be one that can be tried again: a single statement outside a transaction, or one that begins with taking the lock.
 */
export async function retryWhileBusy<T>(timeoutMs: number, action: () => T | Promise<T>): Promise<T> {
  let waitedMs = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!isSqliteBusy(error) || waitedMs >= timeoutMs) throw error;
    }
    const stepMs = Math.min(stepsMs[attempt] ?? 50, timeoutMs - waitedMs);
    await delay(stepMs);
    waitedMs += stepMs;
  }
}
