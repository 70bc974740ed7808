import { createPeriodic, messageOf, type Every, type Logger } from "../core/index.ts";
import type { Store } from "../store/index.ts";

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
  let failing = false;

  const check = async (): Promise<void> => {
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
    }
  };
  const task = createPeriodic({ everyMs: intervalMs, run: check, every });
  task.start();
  return () => void task.stop();
}
