import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createTimeZone, isTimeZone, offsetsBetween, utcZone } from "./time-zone.ts";

const hour = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString().replace(".000", "");
/** First instant and length in hours of the day that contains a time. */
const dayOf = (zone: string, time: string): string => {
  const calendar = createTimeZone(zone);
  const startMs = calendar.startOf("day", Date.parse(time));
  return `${iso(startMs)} ${(calendar.endOf("day", startMs) - startMs) / hour}`;
};

test("a day begins at local midnight and has as many hours as clocks show", () => {
  const rows: readonly (readonly [zone: string, time: string, expected: string])[] = [
    ["UTC", "2026-03-29T12:00:00Z", "2026-03-29T00:00:00Z 24"],
    ["Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-28T23:00:00Z 23"],
    ["Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-28T23:00:00Z 23"],
    ["Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z 24"],
    ["Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z 25"],
    ["America/New_York", "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z 23"],
    ["America/New_York", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z 25"],
    ["Asia/Kolkata", "2026-03-01T18:29:59Z", "2026-02-28T18:30:00Z 24"],
    ["Asia/Kathmandu", "2026-03-01T18:15:00Z", "2026-03-01T18:15:00Z 24"],
    ["Australia/Lord_Howe", "2026-04-04T20:00:00Z", "2026-04-04T13:00:00Z 24.5"],
    // Clocks go from 00:00 to 01:00: the day begins at 01:00.
    ["Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z 23"],
    // Clocks go from 01:00 back to 00:00: the day begins with the first midnight.
    ["America/Havana", "2026-11-01T04:30:00Z", "2026-11-01T04:00:00Z 25"],
    ["America/Havana", "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z 25"],
    // Clocks went from 00:01 back to 23:01: a day has one beginning all the same.
    ["America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-07T02:30:00Z 25"],
    // A day that was left out.
    ["Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z 24"],
    ["Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z 24"],
  ];
  assert.deepEqual(
    rows.map(([zone, time]) => dayOf(zone, time)),
    rows.map(([, , expected]) => expected),
  );
});

test("months begin at local midnight of their first day", () => {
  const berlin = createTimeZone("europe/berlin");
  assert.equal(berlin.name, "Europe/Berlin");
  const march = berlin.startOf("month", Date.parse("2026-03-31T21:59:59Z"));
  assert.deepEqual([iso(march), iso(berlin.endOf("month", march))], ["2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"]);
  assert.equal(iso(berlin.startOf("month", Date.parse("2026-12-31T23:00:00Z"))), "2026-12-31T23:00:00Z");
  assert.equal(iso(berlin.startOfDate("2026-10-26")), "2026-10-25T23:00:00Z");
  assert.equal(iso(utcZone.startOf("month", Date.parse("2026-02-28T23:00:00Z"))), "2026-02-01T00:00:00Z");
});

test("in every zone days follow each other without gaps, and contain their times", () => {
  const zones = Intl.supportedValuesOf("timeZone").map(createTimeZone);
  const time = fc.integer({ min: Date.parse("2000-01-01T00:00:00Z"), max: Date.parse("2037-01-01T00:00:00Z") });
  fc.assert(
    fc.property(fc.constantFrom(...zones), time, fc.constantFrom("day" as const, "month" as const), (zone, timeMs, unit) => {
      const startMs = zone.startOf(unit, timeMs);
      const endMs = zone.endOf(unit, startMs);
      assert.ok(startMs <= timeMs && timeMs < endMs);
      assert.equal(zone.startOf(unit, endMs - 1), startMs);
      assert.equal(zone.startOf(unit, endMs), endMs);
    }),
    { numRuns: 300 },
  );
});

test("the offsets between two times are those of each time", () => {
  const spansOf = (zone: string, from: string, to: string): string[] =>
    offsetsBetween(createTimeZone(zone), Date.parse(from), Date.parse(to)).map(
      ({ fromMs, offsetMs }) => `${iso(fromMs)} ${offsetMs / hour}`,
    );
  assert.deepEqual(spansOf("Europe/Berlin", "2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z"), [
    "2026-01-01T00:00:00Z 1",
    "2026-03-29T01:00:00Z 2",
    "2026-10-25T01:00:00Z 1",
  ]);
  assert.deepEqual(spansOf("Asia/Kolkata", "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"), ["2026-01-01T00:00:00Z 5.5"]);
});

test("names that are no zone are known as such", () => {
  assert.deepEqual(["Europe/Berlin", "utc", "Mars/Olympus", "", "CET "].map(isTimeZone), [true, true, false, false, false]);
});
