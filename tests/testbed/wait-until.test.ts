import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "./wait-until.ts";

test("it gives the first value that the condition has", async () => {
  const values = [undefined, null, false, 0];
  assert.equal(await waitUntil("a value", () => values.shift()), 0);
  assert.equal(await waitUntil("a value", async () => "at once"), "at once");
  assert.deepEqual(values, []);
});

test("a condition that never holds, or never settles, is an error that names it", async () => {
  const error = new Error("not within 30 ms: the door is open");
  await assert.rejects(
    waitUntil("the door is open", () => false, 30),
    error,
  );
  await assert.rejects(
    waitUntil("the door is open", () => new Promise<true>(() => undefined), 30),
    error,
  );
});

test("an error of the condition is passed on", async () => {
  const error = new Error("no door");
  await assert.rejects(
    waitUntil("the door is open", () => Promise.reject(error)),
    error,
  );
});
