import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { test } from "node:test";
import { createDescriptorReserve } from "./descriptor-reserve.ts";

function shortage(code: string): Error {
  return Object.assign(new Error(`${code}: too many open files`), { code });
}

/** Opens after this number of failures. */
function failing(times: number, error: Error): () => string {
  let left = times;
  return () => {
    if (left-- > 0) throw error;
    return "opened";
  };
}

test("a descriptor is given up for each attempt that finds none, and taken again later", () => {
  const reserve = createDescriptorReserve(3);
  try {
    assert.deepEqual([reserve.open(failing(0, shortage("EMFILE"))), reserve.size], ["opened", 3]);
    assert.deepEqual([reserve.open(failing(2, shortage("EMFILE"))), reserve.size], ["opened", 1]);
    assert.deepEqual([reserve.open(failing(1, shortage("ENFILE"))), reserve.size], ["opened", 0]);
    assert.throws(() => reserve.open(failing(1, shortage("EMFILE"))), { code: "EMFILE" });
    reserve.refill();
    assert.equal(reserve.size, 3);
    assert.throws(() => reserve.open(failing(1, shortage("ENOSPC"))), { code: "ENOSPC" });
    assert.equal(reserve.size, 3);
  } finally {
    reserve.close();
  }
  assert.equal(reserve.size, 0);
});

test("where there are too few, it takes what there is", () => {
  let left = 2;
  const openOne = (): number => {
    if (left-- <= 0) throw shortage("EMFILE");
    return openSync(devNull, "r");
  };
  const reserve = createDescriptorReserve(3, openOne);
  assert.equal(reserve.size, 2);
  reserve.close();
  closeSync(openSync(devNull, "r"));
});
