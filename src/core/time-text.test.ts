import assert from "node:assert/strict";
import { test } from "node:test";
import { readTime } from "./time-text.ts";
import { createTimeZone, utcZone } from "./time-zone.ts";

test("a time is a day, a time of RFC 3339 or a duration, and nothing else", () => {
  const now = Date.parse("2026-03-10T12:00:00Z");
  const read = (text: string, sign: 1 | -1 = -1): string | undefined => {
    const ms = readTime(text, now, { sign, zone: utcZone });
    return ms === undefined ? undefined : new Date(ms).toISOString();
  };
  assert.deepEqual(
    [read("7d"), read("90s", 1), read("2w", 1), read("2026-02-28"), read("2026-02-28T10:00+02:00"), read("2026-02-28T10:00:00.5 02:00")],
    [
      "2026-03-03T12:00:00.000Z",
      "2026-03-10T12:01:30.000Z",
      "2026-03-24T12:00:00.000Z",
      "2026-02-28T00:00:00.000Z",
      "2026-02-28T08:00:00.000Z",
      "2026-02-28T08:00:00.500Z",
    ],
  );
  for (const text of ["", "7", "-7d", "7 d", "1y", "2026-02-30", "2026-02-28T10:00", "yesterday", "2026-02-28T25:00Z", "1e3d"]) {
    assert.equal(read(text), undefined, text);
  }
});

test("a day begins at midnight of the zone; other times are what they are", () => {
  const zone = createTimeZone("Europe/Berlin");
  const read = (text: string): string => new Date(readTime(text, 0, { sign: 1, zone })!).toISOString();
  assert.deepEqual(["2026-03-30", "2026-03-30T00:00Z", "1h"].map(read), [
    "2026-03-29T22:00:00.000Z",
    "2026-03-30T00:00:00.000Z",
    "1970-01-01T01:00:00.000Z",
  ]);
});
