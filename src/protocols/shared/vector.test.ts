import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { base64OfVector, readVector } from "./vector.ts";

describe("vectors", () => {
  test("of 32-bit numbers are the same after base64, also as an SDK reads them", () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 64 }), (vector) => {
        const text = base64OfVector(vector);
        assert.deepEqual(readVector(text), vector);
        assert.equal(text, Buffer.from(Float32Array.from(vector).buffer).toString("base64"));
      }),
    );
  });

  test("of numbers with more digits are rounded to the nearest 32-bit number", () => {
    assert.deepEqual(readVector(base64OfVector([0.1, -1 / 3])), [Math.fround(0.1), Math.fround(-1 / 3)]);
  });

  test("of numbers are read unchanged", () => {
    assert.deepEqual(readVector([0.1, -0.25, 3e-9]), [0.1, -0.25, 3e-9]);
  });

  test("of other values are not read", () => {
    const broken = [undefined, null, {}, [], [1, null], [1, "2"], [Number.NaN], "", "AAA", "AAAA", "!", "AADAfw==", 7];
    assert.deepEqual(
      broken.map((value) => readVector(value)),
      broken.map(() => undefined),
    );
  });
});
