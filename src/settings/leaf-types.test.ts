import assert from "node:assert/strict";
import { test } from "node:test";
import {
  flag,
  formatDuration,
  formatLifetime,
  formatSize,
  integer,
  parseDuration,
  parseLifetime,
  parseSize,
  usdRate,
} from "./leaf-types.ts";

test("durations are read in ms, s, m and h; a bare number is seconds", () => {
  const texts = ["500ms", "3s", "1.5s", "2m", "24h", "30", "1 s", "0", "0ms", "25h", "-1s", "3d", "", "s", "1e3"];
  assert.deepEqual(texts.map(parseDuration), [
    500,
    3000,
    1500,
    120_000,
    86_400_000,
    30_000,
    1000,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual([3, 0.25, Number.NaN, Number.POSITIVE_INFINITY].map(parseDuration), [3000, 250, undefined, undefined]);
});

test("lifetimes are read in m, h and d, and shown in the largest unit that fits", () => {
  const texts = ["90m", "12h", "1.5d", "30d", "3650d", "0d", "30s", "30", "3651d", ""];
  const read = [5_400_000, 43_200_000, 129_600_000, 2_592_000_000, 315_360_000_000];
  assert.deepEqual(texts.map(parseLifetime), [...read, undefined, undefined, undefined, undefined, undefined]);
  assert.deepEqual(read.map(formatLifetime), ["90m", "12h", "36h", "30d", "3650d"]);
});

test("sizes are read in bytes; KiB is 1024 and KB is 1000", () => {
  const texts = ["1", "10B", "1KB", "1KiB", "32MiB", "1.5MiB", "1gib", "2 MB", "MiB", "-1", "1TiB"];
  assert.deepEqual(texts.map(parseSize), [
    1,
    10,
    1000,
    1024,
    33_554_432,
    1_572_864,
    1_073_741_824,
    2_000_000,
    undefined,
    undefined,
    undefined,
  ]);
});

test("what is shown of times and sizes is read back as the same", () => {
  assert.deepEqual([500, 1000, 90_000, 1500].map(formatDuration), ["500ms", "1s", "90s", "1500ms"]);
  assert.deepEqual([1, 1024, 33_554_432, 2 ** 30, 1500].map(formatSize), ["1B", "1KiB", "32MiB", "1GiB", "1500B"]);
});

test("numbers and flags may be written as texts, within the same bounds", () => {
  const port = integer("", 0, 65_535);
  assert.deepEqual(
    [8081, "8081", "0", 65_536, "65536", -1, 1.5, "1.5", "", true].map((value) => port.safeParse(value).data),
    [8081, 8081, 0, undefined, undefined, undefined, undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(
    [true, false, "true", "no", "ON", "0", "maybe", 1].map((value) => flag("").safeParse(value).data),
    [true, false, true, false, true, false, undefined, undefined],
  );
});

test("a price is a decimal without exponent, exact to nine places", () => {
  const rate = usdRate("");
  assert.deepEqual(
    [3, 0.15, 1e-7, 0, "0.000000001", "2.50", 1e-10, 1e6, "1e3", "-1"].map((value) => rate.safeParse(value).data),
    ["3", "0.15", "0.0000001", "0", "0.000000001", "2.50", undefined, undefined, undefined, undefined],
  );
});
