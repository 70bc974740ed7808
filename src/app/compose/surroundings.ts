import { everyByTimer, messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";

/** Checks at intervals whether the files and sockets of the process are still there and unchanged. One timer for all of them. */
export interface Surroundings {
  /** Calls `look` about every second; it must be cheap. What it throws is logged once until it changes. @returns a function that ends the calls. */
  watch(look: () => void): () => void;
  /** Looks now. */
  look(): void;
  /** Another program changed a file, and the gateway repaired it: for the log, and for `/health` for five minutes. */
  report(message: string): void;
  /** Another process of this gateway has reported that: for `/health` alone. */
  note(message: string): void;
  /** The last report, if it is recent. */
  recent(): string | undefined;
  close(): void;
}

export const standardLookMs = 1000;
const recentMs = 5 * 60_000;

export function createSurroundings(logger: Logger, clock: Clock, everyMs = standardLookMs): Surroundings {
  let reported: { readonly message: string; readonly atMs: number } | undefined;
  const looks = new Map<() => void, string | undefined>();
  const lookAtAll = (): void => {
    for (const [look, lastProblem] of looks) {
      let problem: string | undefined;
      try {
        look();
      } catch (error) {
        problem = messageOf(error);
        if (problem !== lastProblem) logger.warn({ error: problem }, "the surroundings of the gateway could not be looked at");
      }
      if (problem !== lastProblem) looks.set(look, problem);
    }
  };
  const stop = everyByTimer(everyMs, lookAtAll);
  const note = (message: string): void => {
    reported = { message, atMs: clock.monotonic() };
  };
  return {
    watch(look) {
      looks.set(look, undefined);
      return () => looks.delete(look);
    },
    look: lookAtAll,
    note,
    report(message) {
      note(message);
      logger.warn({}, message);
    },
    recent() {
      return reported !== undefined && clock.monotonic() - reported.atMs < recentMs ? reported.message : undefined;
    },
    close() {
      stop();
      looks.clear();
    },
  };
}

/** Looks at the database's files, and logs what changes. */
export function createDatabaseLook(store: Pick<Store, "inspect" | "problem">, logger: Logger): () => void {
  let known: string | undefined;
  return () => {
    store.inspect();
    const { problem } = store;
    if (problem === known) return;
    known = problem;
    if (problem === undefined) logger.info({}, "the files of the database are as they were; requests are admitted");
    else logger.error({ error: problem }, "the files of the database are not those that were opened; no request is admitted");
  };
}
