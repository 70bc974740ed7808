import assert from "node:assert/strict";
import { test } from "node:test";
import { asBytes } from "../../core/index.ts";
import { AnswerStore, type CachedAnswer } from "./answer-store.ts";

const limits = { lifetimeMs: 1000, maxBytes: 10_000 };

function answerOf(text: string, storedMs = 0): CachedAnswer {
  return {
    form: "json",
    contentType: "application/json",
    body: asBytes(text),
    includesUsage: false,
    provider: "openai",
    upstreamModel: "gpt-5",
    modelServed: "gpt-5",
    costNanoUsd: 1n,
    storedMs,
  };
}

test("an answer is found until its lifetime ends, and then takes no room", () => {
  const store = new AnswerStore();
  store.put("a", answerOf("one"), limits);
  assert.equal(store.get("a", 999)?.body, "one");
  assert.equal(store.get("b", 0), undefined);
  assert.equal(store.get("a", 1000), undefined);
  assert.equal(store.sizeBytes, 0);
});

test("the bytes are bounded: the answers that were not used for the longest time go first", () => {
  const store = new AnswerStore();
  for (const key of ["a", "b", "c", "d"]) store.put(key, answerOf("x".repeat(1900)), limits);
  assert.ok(store.get("a", 0) !== undefined);
  store.put("e", answerOf("x".repeat(1900)), limits);
  assert.deepEqual(
    ["a", "b", "c", "d", "e"].map((key) => store.get(key, 0) !== undefined),
    [true, false, true, true, true],
  );
  assert.ok(store.sizeBytes <= limits.maxBytes);
});

test("an answer that would need more than a quarter of the room is not kept, and a newer one replaces an older one", () => {
  const store = new AnswerStore();
  store.put("a", answerOf("x".repeat(2500)), limits);
  assert.equal(store.get("a", 0), undefined);
  store.put("a", answerOf("one"), limits);
  store.put("a", answerOf("two", 500), limits);
  assert.equal(store.get("a", 1200)?.body, "two");
  assert.equal(store.sizeBytes, 504);
});
