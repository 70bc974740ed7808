import assert from "node:assert/strict";
import { test } from "node:test";
import { createAffinity } from "./affinity.ts";
import { DecayedAverage } from "./measures.ts";
import { createTargetStates } from "./target-states.ts";

test("an average forgets: a value counts half as much after five minutes", () => {
  const average = new DecayedAverage();
  assert.equal(average.value, undefined);
  average.add(100, 1000);
  assert.equal(average.value, 100);
  average.add(400, 1000 + 5 * 60_000);
  assert.equal(average.value, 300);
  average.add(600, 1e9);
  assert.ok(Math.abs(average.value - 600) < 1e-6);
});

test("a conversation is known for its time, and the number of conversations is bounded", () => {
  const affinity = createAffinity(100);
  const [state] = createTargetStates().of({ name: "a", keys: [] }, "m");
  affinity.set("c", state!, 5000);
  assert.deepEqual([affinity.get("c", 4999) === state, affinity.get("c", 5000), affinity.get("d", 0)], [true, undefined, undefined]);
  for (let i = 0; i < 1000; i++) affinity.set(`c${i}`, state!, 5000);
  assert.deepEqual([affinity.get("c0", 0), affinity.get("c999", 0) === state], [undefined, true]);
});
