/** Calls `task` every `everyMs` milliseconds until the function that it returns is called. */
export type Every = (everyMs: number, task: () => void) => () => void;

/**
 * By a timer of the process, which does not keep the process alive. Node serves all its timers with one timer of the operating system, so each task may
 * have its own.
 */
export const everyByTimer: Every = (everyMs, task) => {
  const timer = setInterval(task, everyMs).unref();
  return () => clearInterval(timer);
};

export interface PeriodicOptions {
  readonly everyMs: number;
  readonly run: () => Promise<void>;
  /** A run that the timer began has failed. The next one begins as usual. */
  readonly onError?: (error: unknown) => void;
  /** The process's timer by default. */
  readonly every?: Every;
}

/** Work that is repeated in the background, and never runs twice at the same time. */
export interface PeriodicTask {
  /** Runs every `everyMs` from now on; the first time after `everyMs`. */
  start(): void;
  /** Runs now, or waits for the run under way. Rejects if the run fails. */
  runNow(): Promise<void>;
  /** Begins no more runs. Resolves when the run under way has ended; never rejects. */
  stop(): Promise<void>;
}

export function createPeriodic({ everyMs, run, onError = () => undefined, every = everyByTimer }: PeriodicOptions): PeriodicTask {
  let running: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let isStopped = false;
  const runNow = (): Promise<void> => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    start() {
      if (cancel !== undefined || isStopped) return;
      cancel = every(everyMs, () => {
        // A slow run must not gather a queue of others behind it.
        if (running === undefined) runNow().catch(onError);
      });
    },
    runNow,
    async stop() {
      isStopped = true;
      cancel?.();
      await running?.catch(() => undefined);
    },
  };
}
