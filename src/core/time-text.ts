import { isCalendarDay } from "./calendar-day.ts";
import type { TimeZone } from "./time-zone.ts";

const durationPattern = /^(\d{1,6})([smhdw])$/;
const durationUnits: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
/** RFC 3339, or a day: `Date.parse` alone takes far more, some of it in the machine's own time zone. */
const timePattern = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+ -]\d\d:\d\d))?$/i;

/** For messages: what `readTime` takes. */
export const timeForms = `a day such as "2026-01-31", a time such as "2026-01-31T12:00:00Z", or a duration such as "12h" or "7d"`;

/**
 * The one way in which people write a time: a day (its beginning in the zone), a time of RFC 3339, or a duration in `s`, `m`, `h`, `d` or `w`.
 * @param sign of a duration: 1: from now on, -1: ago. @returns milliseconds since 1970; `undefined`: it is not a time.
 */
export function readTime(
  text: string,
  nowMs: number,
  { sign, zone }: { readonly sign: 1 | -1; readonly zone: TimeZone },
): number | undefined {
  const duration = durationPattern.exec(text);
  if (duration !== null) return nowMs + sign * Number(duration[1]) * durationUnits[duration[2]!]!;
  if (!timePattern.test(text) || !isCalendarDay(text.slice(0, 10))) return undefined;
  if (text.length === 10) return zone.startOfDate(text);
  // A space is a `+` that was not percent-encoded in a query.
  const ms = Date.parse(text.replace(" ", "+"));
  return Number.isNaN(ms) ? undefined : ms;
}
