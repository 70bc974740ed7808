import { createIdSource, type Clock } from "../core/index.ts";
import { createSqliteStore, type Store } from "../store/index.ts";
import { createAccounts, type AccountsDeps } from "./create-accounts.ts";
import type { Accounts } from "./types.ts";

export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** A clock that advances by one second at every call. */
export function steppingClock(): Clock {
  let at = startMs;
  return { now: () => (at += 1000), monotonic: () => 0 };
}

/** Returns 1, 2, 3 … in the last byte, so that every key and id is known beforehand. */
export function countingRandom(): (size: number) => Uint8Array {
  let count = 0;
  return (size) => {
    const bytes = new Uint8Array(size);
    bytes[size - 1] = ++count;
    return bytes;
  };
}

/** Accounts whose background check runs when the test calls `tick`. */
export interface AccountsUnderTest {
  readonly accounts: Accounts;
  readonly store: Store;
  /** One turn of the background check, until its read is over. */
  readonly tick: () => Promise<void>;
  readonly intervals: number[];
  readonly stopped: () => boolean;
  readonly cleanUp: () => Promise<void>;
}

export async function makeAccounts(path = ":memory:", more: Partial<AccountsDeps> = {}): Promise<AccountsUnderTest> {
  const clock = steppingClock();
  // A clock of its own, so that the store's calls do not change the time of the test.
  const store = more.store ?? (await createSqliteStore({ path, clock: { now: () => startMs, monotonic: () => 0 } }));
  const readings: Promise<unknown>[] = [];
  const watched: Store = {
    ...store,
    readRevision() {
      const reading = store.readRevision();
      readings.push(reading.catch(() => undefined));
      return reading;
    },
  };
  let task: () => void = () => undefined;
  let stopped = false;
  const intervals: number[] = [];
  const accounts = createAccounts({
    clock,
    ids: createIdSource(clock, countingRandom()),
    random: countingRandom(),
    every(intervalMs, given) {
      intervals.push(intervalMs);
      task = given;
      return () => (stopped = true);
    },
    ...more,
    store: watched,
  });
  return {
    accounts,
    store,
    async tick() {
      task();
      await Promise.all(readings.splice(0));
      // The check continues after its read.
      await new Promise((resolve) => setImmediate(resolve));
    },
    intervals,
    stopped: () => stopped,
    async cleanUp() {
      accounts.close();
      await store.close();
    },
  };
}
