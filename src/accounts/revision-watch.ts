import type { Logger } from "../core/index.ts";
import { messageOf } from "../core/index.ts";
import type { Store } from "../store/index.ts";

/** Runs `task` every `intervalMs` until the function it returns is called. */
export type Every = (intervalMs: number, task: () => void) => () => void;

export interface RevisionWatchDeps {
  readonly store: Pick<Store, "readRevision">;
  readonly every: Every;
  readonly intervalMs: number;
  readonly logger: Logger;
  /** Users, keys or budgets have changed, by whomever. Where it fails it is called again. */
  readonly onChange: () => void | Promise<void>;
}

/**
 * Looks at the revision every `intervalMs`. While it cannot be read nothing is dropped, so that those whose keys are known are served on; that is
 * logged once, and once when it is over. @returns what ends it.
 */
export function watchRevision({ store, every, intervalMs, logger, onChange }: RevisionWatchDeps): () => void {
  /** Unknown at first, so that the first reading counts as a change: something may have been cached and changed before it. */
  let last: number | undefined;
  let reading = false;
  let failing = false;

  const check = async (): Promise<void> => {
    // A slow database must not gather a queue of readings.
    if (reading) return;
    reading = true;
    try {
      const revision = await store.readRevision();
      if (revision !== last) await onChange();
      last = revision;
      if (failing) logger.info({}, "users and keys can be read from the database again");
      failing = false;
    } catch (error) {
      if (!failing) {
        logger.warn({ error: messageOf(error) }, "users and keys cannot be read from the database: known keys go on, changes are not seen");
      }
      failing = true;
    } finally {
      reading = false;
    }
  };
  return every(intervalMs, () => void check());
}

/** By the process's timer, which does not keep the process alive. */
export const everyByTimer: Every = (intervalMs, task) => {
  const timer = setInterval(task, intervalMs).unref();
  return () => clearInterval(timer);
};
