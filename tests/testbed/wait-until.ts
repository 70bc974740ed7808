import { setImmediate, setTimeout } from "node:timers/promises";

/** Looks once a turn of the event loop for this time, as most conditions hold at once, then less often. */
const eagerMs = 20;
const pauseMs = 5;

const isLate = Symbol("late");

type Found<T> = Exclude<T, undefined | null | false>;

/**
 * Waits until a condition holds. Every loop of a test that waits for something is this one.
 * @returns what the condition gave: anything but `undefined`, `null` and `false`.
 * @throws Error that names `what` if the condition does not hold in time. A condition that itself never settles counts as one that does not hold.
 */
export async function waitUntil<T>(what: string, condition: () => T | Promise<T>, withinMs = 20_000): Promise<Found<T>> {
  const beganMs = performance.now();
  const over = new AbortController();
  const late = setTimeout(withinMs, isLate, { signal: over.signal });
  late.catch(() => undefined);
  try {
    for (;;) {
      const value = await Promise.race([condition(), late]);
      if (value !== isLate && value !== undefined && value !== null && value !== false) return value as Found<T>;
      const spentMs = performance.now() - beganMs;
      if (value === isLate || spentMs > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
      await (spentMs < eagerMs ? setImmediate() : setTimeout(pauseMs));
    }
  } finally {
    over.abort();
  }
}
