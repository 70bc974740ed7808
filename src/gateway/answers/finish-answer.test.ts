import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnswerFacts } from "../../protocols/index.ts";
import { FakeExchange, fakeCall, fakeWorld, routeOf } from "../testing.ts";
import type { ModelCall } from "../model-call.ts";
import { finishAnswer, type AnswerEnd } from "./finish-answer.ts";

const seen: AnswerFacts = { stopReason: "stop", usage: { input: 1, output: 2 } };
const gone = new Error("the disk is full");

interface Waits {
  readonly record?: Promise<void>;
  readonly keep?: Promise<unknown>;
}

/** Notes the steps in their order. */
function endOf(steps: string[], { record, keep }: Waits = {}): AnswerEnd {
  return {
    facts: seen,
    record(isBilled) {
      steps.push(isBilled ? "record" : "record unbilled");
      return record;
    },
    keep() {
      steps.push("keep");
      return keep;
    },
    write: () => void steps.push("write"),
    lose: (error) => void steps.push(`lose ${String(error)}`),
  };
}

/** A call that looks at a response which ran in the background and is not billed yet. */
function lookAt(steps: string[], claim: () => Promise<boolean>): ModelCall {
  const responses = {
    claimBill: async (id: string) => {
      steps.push(`claim ${id}`);
      return await claim();
    },
    returnBill: (id: string) => Promise.resolve(void steps.push(`return ${id}`)),
  };
  const world = fakeWorld({ responses: responses as never });
  const call = fakeCall(world, new FakeExchange(""), routeOf("openai-responses", "get-response", "resp_1"));
  call.stored = { id: "resp_1", userId: "u1", provider: "openai", providerKey: "", model: "gpt-5", isStored: false, unbilled: true };
  return call;
}

test("an answer that waits for nothing is written at once, after it is recorded and kept", () => {
  const steps: string[] = [];
  assert.equal(finishAnswer(fakeCall(fakeWorld(), new FakeExchange("")), endOf(steps)), undefined);
  assert.deepEqual(steps, ["record", "keep", "write"]);
});

test("nothing is written before both the record and what is kept are there", async () => {
  const steps: string[] = [];
  const record = Promise.withResolvers<void>();
  const keep = Promise.withResolvers<void>();
  const finished = finishAnswer(fakeCall(fakeWorld(), new FakeExchange("")), endOf(steps, { record: record.promise, keep: keep.promise }));
  record.resolve();
  await record.promise;
  assert.deepEqual(steps, ["record", "keep"]);
  keep.resolve();
  await finished;
  assert.deepEqual(steps, ["record", "keep", "write"]);
});

test("an answer whose record fails is lost, not written", async () => {
  for (const waits of [{ record: Promise.reject(gone) }, { keep: Promise.reject(gone) }]) {
    const steps: string[] = [];
    await finishAnswer(fakeCall(fakeWorld(), new FakeExchange("")), endOf(steps, waits));
    assert.deepEqual(steps, ["record", "keep", "lose Error: the disk is full"]);
  }
});

test("the first look at a response that ran in the background bills it, a later one does not", async () => {
  for (const [isFirst, record] of [
    [true, "record"],
    [false, "record unbilled"],
  ] as const) {
    const steps: string[] = [];
    await finishAnswer(
      lookAt(steps, () => Promise.resolve(isFirst)),
      endOf(steps),
    );
    assert.deepEqual(steps, ["claim resp_1", record, "keep", "write"]);
  }
});

test("a claim is returned if the record fails, and an answer without its claim is lost", async () => {
  const steps: string[] = [];
  await finishAnswer(
    lookAt(steps, () => Promise.resolve(true)),
    endOf(steps, { record: Promise.reject(gone) }),
  );
  assert.deepEqual(steps, ["claim resp_1", "record", "keep", "return resp_1", "lose Error: the disk is full"]);
  const unclaimed: string[] = [];
  await finishAnswer(
    lookAt(unclaimed, () => Promise.reject(gone)),
    endOf(unclaimed),
  );
  assert.deepEqual(unclaimed, ["claim resp_1", "lose Error: the disk is full"]);
});
