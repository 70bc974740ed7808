import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyBudget, type BodyOwner } from "./body-budget.ts";

const owner = (keyId: string): BodyOwner => ({ keyId, bodyBytes: 0 });

test("one key gets its share, all together the total, and what is released can be taken again", () => {
  const budget = new BodyBudget(() => ({ totalBytes: 100, keyBytes: 60 }));
  const [one, two, other, none] = [owner("a"), owner("a"), owner("b"), owner("")];
  const take = (who: BodyOwner, bytes: number): string | undefined => budget.take(who, bytes)?.code;
  assert.deepEqual([take(one, 40), take(two, 21), take(two, 20)], [undefined, "rate_limited", undefined]);
  assert.deepEqual([take(other, 41), take(other, 40), take(none, 1)], ["overloaded", undefined, "overloaded"]);
  assert.deepEqual(
    [one, two, other, none].map(({ bodyBytes }) => bodyBytes),
    [40, 20, 40, 0],
  );
  budget.release(one);
  budget.release(one);
  assert.deepEqual([take(two, 41), take(two, 40), take(none, 1)], ["overloaded", undefined, "overloaded"]);
  for (const each of [two, other, none]) budget.release(each);
  assert.deepEqual([take(none, 100), budget.refusal(one, 1)?.retryAfterSeconds], [undefined, 1]);
});
