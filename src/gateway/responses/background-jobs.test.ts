import assert from "node:assert/strict";
import { test } from "node:test";
import { createResponseStore, createSqliteStore, type ResponseStore } from "../../store/index.ts";
import type { ClientExchange } from "../exchange.ts";
import { createBackgroundJobs, type BackgroundJob } from "./background-jobs.ts";
import { DetachedExchange } from "./detached-exchange.ts";

const logger = { debug: () => undefined, info: () => undefined, error: () => undefined, warn: () => undefined };
const client = {
  requestId: "req_1",
  method: "POST",
  startedMs: 0,
  rawHeaders: [],
  clientRequestId: undefined,
} as unknown as ClientExchange;

/** Work that lasts until nobody wants it any more. */
function untilLeft(): Pick<BackgroundJob, "exchange" | "work"> {
  const exchange = new DetachedExchange(client);
  const left = new Promise<void>((resolve) => {
    exchange.onLeave(resolve);
  });
  return { exchange, work: () => left };
}

async function withStore(body: (responses: ResponseStore, take: (id: string) => Promise<BackgroundJob>) => Promise<void>): Promise<void> {
  const clock = { now: () => 1, monotonic: () => 1 };
  const store = await createSqliteStore({ path: ":memory:", clock });
  const responses = createResponseStore(store, clock, () => 1000);
  try {
    await body(responses, async (id) => {
      const owner = { id, userId: "u", provider: "p", providerKey: "", model: "m" };
      const pending = `{"id":"${id}","status":"in_progress"}`;
      await responses.hold(owner, { status: "in_progress", background: true, previousId: undefined, input: "[]", response: pending });
      return { id, pending, ...untilLeft() };
    });
  } finally {
    await store.close();
  }
}

test("a job that another process has cancelled or deleted ends at the next look; others go on", () =>
  withStore(async (responses, take) => {
    const jobs = createBackgroundJobs({ responses, logger });
    const taken = [await take("a"), await take("b"), await take("c")];
    for (const job of taken) jobs.start(job);
    await responses.conclude("a", "cancelled", "{}");
    await responses.forget("b");
    await jobs.look();
    assert.deepEqual(
      taken.map(({ exchange }) => exchange.closed),
      [true, true, false],
    );
    await jobs.close(0, () => undefined);
    assert.deepEqual([(await responses.read("a"))?.status, (await responses.read("c"))?.status, jobs.size], ["cancelled", "failed", 0]);
  }));

test("a shutdown waits for jobs that end in time, and takes no more", () =>
  withStore(async (responses, take) => {
    const jobs = createBackgroundJobs({ responses, logger });
    const job = await take("a");
    const answered = Promise.withResolvers<void>();
    jobs.start({
      ...job,
      work: async () => {
        await answered.promise;
        await responses.conclude("a", "completed", '{"id":"a"}');
      },
    });
    let terminated = false;
    const closed = jobs.close(60_000, () => {
      terminated = true;
    });
    assert.throws(
      () => {
        jobs.checkRoom();
      },
      { code: "shutting_down" },
    );
    answered.resolve();
    await closed;
    assert.deepEqual([(await responses.read("a"))?.status, terminated, job.exchange.closed], ["completed", false, false]);
  }));

test("a process takes a thousand jobs and no more", () =>
  withStore(async (responses, take) => {
    const jobs = createBackgroundJobs({ responses, logger });
    const { pending } = await take("a");
    for (let count = 0; count < 1000; count++) {
      jobs.checkRoom();
      jobs.start({ id: `job${count}`, pending, ...untilLeft() });
    }
    assert.throws(
      () => {
        jobs.checkRoom();
      },
      { code: "rate_limited" },
    );
    await jobs.close(0, () => undefined);
  }));
