import { setTimeout as delay } from "node:timers/promises";
import { isSqliteBusy } from "../store-error.ts";

/** Waits between tries, in milliseconds; the last one repeats. The steps are those of SQLite's own busy handler, shorter at the end. */
const stepsMs = [1, 2, 5, 10, 15, 20, 25, 50] as const;

/**
 * Runs `action` until it finds the database unlocked, for at most `timeoutMs`; then throws the last error. SQLite's own busy timeout would do the
 * same, but node:sqlite is synchronous: the whole process, and every request in it, would stop while another process has the lock. So SQLite's
 * timeout is 0 and the wait is here.
 * `action` must be safe to repeat: a single statement outside a transaction, or a transaction that begins by taking the lock.
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
