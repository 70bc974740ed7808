/** Calls `callback` once after a delay, never synchronously. @returns what takes the call back. */
export type Schedule = (delayMs: number, callback: () => void) => () => void;

/** Timers of the process. They keep it alive: what waits to be written must not be lost because nothing else is left to do. */
export const systemSchedule: Schedule = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};
