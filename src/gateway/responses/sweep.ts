import { messageOf, type Logger } from "../../core/index.ts";
import type { ResponseStore } from "../../store/index.ts";

/** How many are deleted in one statement, and how many statements follow each other at most. */
const batch = 100;
const maxBatches = 20;

/** Deletes responses that are past their lifetime, a few at a time. All processes may do it at once. */
export interface ResponseSweep {
  /** One round. @returns how many were deleted. */
  run(): Promise<number>;
  close(): Promise<void>;
}

/** @param everyMs how often. */
export function createResponseSweep(responses: ResponseStore, logger: Logger, everyMs = 10 * 60_000): ResponseSweep {
  let running: Promise<unknown> | undefined;
  const run = async (): Promise<number> => {
    let deleted = 0;
    for (let round = 0; round < maxBatches; round++) {
      const count = await responses.sweep(batch);
      deleted += count;
      if (count < batch) break;
    }
    return deleted;
  };
  const timer = setInterval(() => {
    running ??= run()
      .catch((error: unknown) => {
        logger.warn({ error: messageOf(error) }, "responses past their lifetime could not be deleted");
      })
      .finally(() => {
        running = undefined;
      });
  }, everyMs);
  timer.unref();
  return {
    run,
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
