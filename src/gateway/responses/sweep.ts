import { createPeriodic, messageOf, type Logger } from "../../core/index.ts";
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
  const run = async (): Promise<number> => {
    let deleted = 0;
    for (let round = 0; round < maxBatches; round++) {
      const count = await responses.sweep(batch);
      deleted += count;
      if (count < batch) break;
    }
    return deleted;
  };
  const task = createPeriodic({
    everyMs,
    run: async () => void (await run()),
    onError: (error) => logger.warn({ error: messageOf(error) }, "responses past their lifetime could not be deleted"),
  });
  task.start();
  return { run, close: () => task.stop() };
}
