import { createPeriodic, GatewayError, messageOf, shuttingDown, type Logger } from "../../core/index.ts";
import { storedResponses } from "../../protocols/index.ts";
import type { ResponseStore } from "../../store/index.ts";
import type { DetachedExchange } from "./detached-exchange.ts";

/** The most jobs of one process at a time. */
const maxJobs = 1000;
/** The process reports that it is alive at every 15th look. */
const looksPerTouch = 15;

/** A response in the background, while this process makes it. */
export interface BackgroundJob {
  readonly id: string;
  /** The response object without an answer, JSON. */
  readonly pending: string;
  readonly exchange: DetachedExchange;
  /** Makes the answer and keeps it. @throws GatewayError if there is none. */
  readonly work: () => Promise<void>;
}

/**
 * The responses that this process makes without their clients. Their state is in the database: another process cancels or deletes one there, and this
 * one notices within a second.
 */
export interface BackgroundJobs {
  readonly size: number;
  /** @throws GatewayError `rate_limited`, `shutting_down` if no more jobs are accepted. */
  checkRoom(): void;
  start(job: BackgroundJob): void;
  /** Ends it, if it runs in this process. */
  cancel(id: string): void;
  /** Looks for jobs that another process has cancelled. Called every second. */
  look(): Promise<void>;
  /** Waits at most `graceMs` for the jobs; then ends them, and they have failed. `terminate` ends active streams. */
  close(graceMs: number, terminate: () => void): Promise<void>;
}

export interface BackgroundJobsDeps {
  readonly responses: ResponseStore;
  readonly logger: Logger;
  /** How often to look, in milliseconds. */
  readonly lookMs?: number;
}

export function createBackgroundJobs({ responses, logger, lookMs = 1000 }: BackgroundJobsDeps): BackgroundJobs {
  const jobs = new Map<string, { readonly job: BackgroundJob; readonly done: Promise<void> }>();
  let looks = 0;
  let closing = false;
  const watch = createPeriodic({
    everyMs: lookMs,
    run: async () => {
      if (jobs.size === 0) return;
      const ids = [...jobs.keys()];
      const running = await responses.running(ids, looks++ % looksPerTouch === 0);
      for (const id of ids) if (!running.has(id)) jobs.get(id)?.job.exchange.leave();
    },
    onError: (error) => logger.warn({ error: messageOf(error) }, "responses in the background could not be checked"),
  });
  watch.start();
  const run = async (job: BackgroundJob): Promise<void> => {
    const failure =
      (await failureOf(job)) ?? (closing ? shuttingDown() : new GatewayError("internal_error", "The answer could not be kept."));
    await conclude(job, failure, { responses, logger });
    jobs.delete(job.id);
  };
  return {
    get size() {
      return jobs.size;
    },
    checkRoom() {
      if (closing) throw shuttingDown();
      if (jobs.size >= maxJobs) {
        throw new GatewayError("rate_limited", `The gateway runs ${maxJobs} responses in the background already. Try again soon.`, {
          retryAfterSeconds: 5,
        });
      }
    },
    start(job) {
      jobs.set(job.id, { job, done: run(job) });
    },
    cancel(id) {
      jobs.get(id)?.job.exchange.leave();
    },
    look: () => watch.runNow(),
    async close(graceMs, terminate) {
      closing = true;
      const all = (): Promise<unknown> => Promise.all([...jobs.values()].map(({ done }) => done));
      const grace = Promise.withResolvers<void>();
      const limit = setTimeout(grace.resolve, graceMs);
      await Promise.race([all(), grace.promise]);
      clearTimeout(limit);
      const watchEnded = watch.stop();
      if (jobs.size > 0) terminate();
      for (const { job } of jobs.values()) job.exchange.leave();
      await all();
      await watchEnded;
    },
  };
}

/** Makes the answer. @returns why there is none; `undefined` if its work has ended without an error. */
async function failureOf(job: BackgroundJob): Promise<GatewayError | undefined> {
  try {
    await job.work();
    return undefined;
  } catch (error) {
    return error instanceof GatewayError ? error : new GatewayError("internal_error", messageOf(error));
  }
}

/** Records that a job has failed. Changes nothing if its end has been recorded already, well or otherwise. */
async function conclude(job: BackgroundJob, failure: GatewayError, { responses, logger }: BackgroundJobsDeps): Promise<void> {
  try {
    await responses.conclude(job.id, "failed", storedResponses.asFailed(job.pending, failure));
  } catch (error) {
    logger.error({ response: job.id, error: messageOf(error) }, "how a response in the background ended could not be recorded");
  }
}
