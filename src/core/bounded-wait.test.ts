import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { BoundedWait, NoAnswer } from "./bounded-wait.ts";

interface Setup {
  readonly wait: BoundedWait;
  /** Lets time pass, in steps of 10 ms. */
  readonly pass: (ms: number) => Promise<void>;
  /** Lets time pass while the process does not run. */
  readonly sleep: (ms: number) => Promise<void>;
}

function setUp(context: TestContext): Setup {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const sleep = async (ms: number): Promise<void> => {
    nowMs += ms;
    context.mock.timers.tick(ms);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return {
    wait: new BoundedWait(100, { monotonic: () => nowMs }),
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += 10) await sleep(10);
    },
    sleep,
  };
}

/** How the wait has ended so far. */
function outcomeOf(promise: Promise<unknown>): { ended: unknown } {
  const outcome: { ended: unknown } = { ended: "waits" };
  promise.then(
    (value) => (outcome.ended = value),
    (error: unknown) => (outcome.ended = error instanceof NoAnswer ? error.message : error),
  );
  return outcome;
}

const silent = "no answer in 100 ms";

test("an answer in time is passed on, and so is an error", async (t) => {
  const { wait } = setUp(t);
  assert.equal(await wait.for(() => Promise.resolve(1)), 1);
  await assert.rejects(
    wait.for(() => Promise.reject(new RangeError("no"))),
    RangeError,
  );
});

test("after a wait in vain nothing is asked for the same time; a late answer ends that, and is passed to `onLate`", async (t) => {
  const { wait, pass } = setUp(t);
  const slow = Promise.withResolvers<string>();
  const late: string[] = [];
  let asked = 0;
  const ask = (): Promise<string> => {
    asked += 1;
    return slow.promise;
  };
  const first = outcomeOf(wait.for(ask, (answer) => void late.push(answer)));
  await pass(90);
  assert.equal(first.ended, "waits");
  await pass(10);
  assert.equal(first.ended, silent);
  await assert.rejects(wait.for(ask), NoAnswer);
  assert.equal(asked, 1);
  await pass(100);
  const second = outcomeOf(wait.for(ask));
  await pass(100);
  assert.deepEqual([asked, second.ended], [2, silent]);
  slow.resolve("late");
  await slow.promise;
  assert.deepEqual([await wait.for(ask), asked, late], ["late", 3, ["late"]]);
});

test("while a server answers others, a question waits longer, but not for ever", async (t) => {
  const { wait, pass } = setUp(t);
  const slow = outcomeOf(wait.for(() => new Promise(() => undefined)));
  for (let round = 0; round < 9; round++) {
    await pass(90);
    assert.equal(slow.ended, "waits");
    await wait.for(() => Promise.resolve());
  }
  await pass(100);
  assert.equal(slow.ended, silent);
});

test("time in which the process did not run is not counted", async (t) => {
  const { wait, sleep, pass } = setUp(t);
  const first = outcomeOf(wait.for(() => new Promise(() => undefined)));
  await sleep(5000);
  assert.equal(first.ended, "waits");
  await pass(100);
  assert.equal(first.ended, silent);
});
