/** Calls `callback` once after a delay, never synchronously. @returns a function that cancels the call. */
export type Schedule = (delayMs: number, callback: () => void) => () => void;

/** Timers of the process. They keep it alive: entries that wait to be written must not be lost because the process has nothing else to do. */
export const systemSchedule: Schedule = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};
