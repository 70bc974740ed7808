import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { createTokenCalibration } from "./token-calibration.ts";

describe("the calibration of estimates", () => {
  test("corrects nothing before it has seen a count, and each model of a provider by its own", () => {
    const calibration = createTokenCalibration();
    calibration.observe("a", "m", 100_000, 150_000);
    const corrected = [
      calibration.correct("a", "m", 1000),
      calibration.correct("a", "other", 1000),
      calibration.correct("b", "m", 1000),
      calibration.correct("a", "other", 10.4),
    ];
    assert.deepEqual(corrected, [1499, 1000, 1000, 10]);
  });

  test("converges on the provider's count, whatever it was before and however long the requests are", () => {
    const size = fc.integer({ min: 1, max: 1_000_000 });
    const ratio = fc.double({ min: 0.25, max: 4, noNaN: true });
    const history = fc.array(fc.record({ estimate: size, actual: size }), { maxLength: 20 });
    fc.assert(
      fc.property(history, ratio, fc.integer({ min: 50, max: 1_000_000 }), (before, truth, estimate) => {
        const calibration = createTokenCalibration();
        for (const { estimate: seen, actual } of before) calibration.observe("p", "m", seen, actual);
        for (let count = 0; count < 250; count++) calibration.observe("p", "m", estimate, estimate * truth);
        const corrected = calibration.correct("p", "m", estimate);
        assert.ok(Math.abs(corrected - estimate * truth) <= 0.5 + estimate * truth * 0.001, `${corrected} for ${estimate * truth}`);
      }),
    );
  });

  test("one count that is no tokenizer's moves it no further than the worst tokenizer would", () => {
    const calibration = createTokenCalibration();
    calibration.observe("p", "m", 1000, 1e12);
    calibration.observe("p", "n", 1000, 1);
    calibration.observe("p", "o", 0, 1000);
    calibration.observe("p", "o", 1000, 0);
    assert.deepEqual(
      ["m", "n", "o"].map((model) => calibration.correct("p", model, 1000)),
      [4390, 322, 1000],
    );
  });

  test("looks at the first requests of a model, then at one in 256", () => {
    const calibration = createTokenCalibration();
    const looks = Array.from({ length: 530 }, () => (calibration.wants("p", "m", 700) ? "x" : ".")).join("");
    assert.equal(looks, "xxxx" + `${".".repeat(255)}x`.repeat(2) + ".".repeat(14));
    assert.equal(calibration.wants("p", "other", 700), true);
  });

  test("the looks take the same part of the bytes, however long the requests are, and the short ones come first", () => {
    const calibration = createTokenCalibration();
    const sizes = Array.from({ length: 20_000 }, (_, i) => (i % 100 === 0 ? 100_000 : 1_000));
    const looked = sizes.filter((size) => calibration.wants("p", "m", size)).slice(4);
    const part = looked.reduce((sum, size) => sum + size, 0) / sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(part > 1 / 1000 && part <= 1 / 256, `${part}`);
    assert.ok(looked.filter((size) => size === 1_000).length > 100);
  });

  test("forgets models that are not asked for, so that names from outside cannot fill the memory", () => {
    const calibration = createTokenCalibration();
    calibration.observe("p", "old", 100_000, 200_000);
    for (let index = 0; index < 1000; index++) calibration.observe("p", `m${index}`, 10, 20);
    assert.equal(calibration.correct("p", "old", 1000), 1000);
  });
});
