import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryBudget } from "./retry-budget.ts";

/** Retries that `requests` requests make, each of which would like to make ten; `inFlight` of them at a time. */
function retriesOf(requests: number, inFlight: number): number {
  const budget = new RetryBudget();
  let retries = 0;
  for (let sent = 0; sent < requests; sent += inFlight) {
    for (let i = 0; i < inFlight; i++) budget.requestBegins(0.2);
    for (let i = 0; i < inFlight; i++) {
      let own = 0;
      while (own < 10 && budget.tryRetry(0.2)) own += 1;
      retries += own;
      for (; own > 0; own--) budget.retryEnds();
      budget.requestEnds();
    }
  }
  return retries;
}

test("there are at most a fifth as many retries as requests, and ten", () => {
  assert.deepEqual(
    [retriesOf(1, 1), retriesOf(10, 1), retriesOf(1000, 1), retriesOf(1000, 100)].map((retries, i) => retries <= [10, 12, 210, 210][i]!),
    [true, true, true, true],
  );
  assert.equal(retriesOf(1000, 1), 209);
});

test("of the requests in flight a fifth may be retries, or three", () => {
  const retrying = (inFlight: number): number => {
    const budget = new RetryBudget();
    for (let i = 0; i < inFlight; i++) budget.requestBegins(0.2);
    let count = 0;
    while (count < 100 && budget.tryRetry(0.2)) count += 1;
    return count;
  };
  assert.deepEqual([1, 15, 20, 40].map(retrying), [3, 3, 4, 8]);
});
