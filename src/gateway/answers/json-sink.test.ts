import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery } from "../delivery.ts";
import { JsonSink } from "./json-sink.ts";

/** A delivery that notes what the sink does. Its answers cannot be read, so that nothing more of it is needed. */
function createSink(): { readonly sink: JsonSink; readonly steps: string[] } {
  const steps: string[] = [];
  const delivery = {
    call: {
      answer: {},
      request: { traits: { isBilled: false } },
      deps: { clock: { monotonic: () => 0 }, bodyCalibration: { correct: () => 0 } },
    },
    attempt: { provider: { name: "p" } },
    entry: { dispatchedMs: 0, settle: () => steps.push("settled") },
    lane: { kind: "verbatim" },
    answered: () => undefined,
    failed: () => steps.push("failed"),
    delivered: () => steps.push("delivered"),
  } as unknown as Delivery;
  const read = (): never => {
    steps.push("read");
    throw new Error("not an answer");
  };
  return { sink: new JsonSink(delivery, { status: 200, headers: [] }, read), steps };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at++) await turn();
}

test("a short answer is read at once", () => {
  const { sink, steps } = createSink();
  sink.data(Buffer.alloc(1024 * 1024, "x"));
  sink.end();
  assert.deepEqual(steps, ["read", "failed"]);
});

test("a long answer is read in a later turn of the event loop", async () => {
  const { sink, steps } = createSink();
  sink.data(Buffer.alloc(1024 * 1024 + 1, "x"));
  sink.end();
  await turn();
  assert.deepEqual(steps, []);
  await turns(4);
  assert.deepEqual(steps, ["read", "failed"]);
});

test("a long answer is not read if the client leaves first", async () => {
  const { sink, steps } = createSink();
  sink.data(Buffer.alloc(1024 * 1024 + 1, "x"));
  sink.end();
  await turn();
  sink.leave();
  await turns(4);
  assert.deepEqual(steps, ["settled", "delivered"]);
});
