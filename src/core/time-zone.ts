/** A time zone of the IANA database. Times are milliseconds since 1970. */
export interface TimeZone {
  /** `Europe/Berlin`. */
  readonly name: string;
  /** Local time minus UTC, in milliseconds. */
  offsetAt(timeMs: number): number;
  /** First instant of a local day or month; the one that contains the time. A day may have 23 or 25 hours, and begin at 01:00. */
  startOf(unit: "day" | "month", timeMs: number): number;
  /** First instant after the day or month that begins at `startMs`. */
  endOf(unit: "day" | "month", startMs: number): number;
  /** First instant of a day of the calendar, `2026-03-01`. */
  startOfDate(date: string): number;
}

const dayMs = 86_400_000;
/** No offset is larger (UTC-12 to UTC+14), and a change of offset is not nearer to another one. */
const reachMs = 15 * 3_600_000;

/** Whether there is a time zone of this name. */
export function isTimeZone(name: string): boolean {
  // The system's list of zones takes 20 ms to load.
  if (isUtc(name)) return true;
  try {
    formatOf(name);
    return name !== "";
  } catch {
    return false;
  }
}

/** @throws RangeError if there is no time zone of this name. */
export function createTimeZone(name: string): TimeZone {
  return isUtc(name) ? utcZone : new IanaZone(name);
}

function isUtc(name: string): boolean {
  return /^(?:utc|etc\/utc|gmt|etc\/gmt|z)$/i.test(name);
}

/** Days and months of a zone, from what the offset is at a time. */
abstract class Calendar implements TimeZone {
  abstract readonly name: string;
  /** The last ones that were found, as most times are in the current one. */
  readonly #last = { day: { startMs: 0, endMs: 0 }, month: { startMs: 0, endMs: 0 } };

  abstract offsetAt(timeMs: number): number;

  startOf(unit: "day" | "month", timeMs: number): number {
    return this.#find(unit, timeMs).startMs;
  }

  endOf(unit: "day" | "month", startMs: number): number {
    return this.#find(unit, startMs).endMs;
  }

  startOfDate(date: string): number {
    return this.#instantOf(Date.parse(`${date}T00:00:00Z`));
  }

  #find(unit: "day" | "month", timeMs: number): { readonly startMs: number; readonly endMs: number } {
    const last = this.#last[unit];
    if (timeMs >= last.startMs && timeMs < last.endMs) return last;
    const local = new Date(timeMs + this.offsetAt(timeMs));
    const boundary = (steps: number): number =>
      this.#instantOf(
        unit === "day"
          ? Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate() + steps)
          : Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + steps, 1),
      );
    // Where clocks are set back over midnight, the first minutes of a day may come before its boundary, or the last ones after it.
    let step = 0;
    while (boundary(step) > timeMs) step--;
    while (boundary(step + 1) <= timeMs) step++;
    const found = { startMs: boundary(step), endMs: boundary(step + 1) };
    this.#last[unit] = found;
    return found;
  }

  /** The first instant at which clocks show this local time, which is given as if it were UTC, or have passed it. */
  #instantOf(localMs: number): number {
    const [from, to] = [localMs - reachMs, localMs + reachMs];
    const [before, after] = [this.offsetAt(from), this.offsetAt(to)];
    if (before === after) return localMs - before;
    const changeMs = findChange(this, from, to);
    if (localMs - before < changeMs) return localMs - before;
    return Math.max(localMs - after, changeMs);
  }
}

/** The first instant in `from < t <= to` with the offset of `to`, if the offset changes once between them. */
function findChange(zone: Pick<TimeZone, "offsetAt">, from: number, to: number): number {
  const after = zone.offsetAt(to);
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offsetAt(middle) === after) high = middle;
    else low = middle;
  }
  return high;
}

/** From when on an offset holds. */
export interface OffsetSpan {
  readonly fromMs: number;
  readonly offsetMs: number;
}

/** The offsets of a zone between two times, in order; the first one holds before its time, too. */
export function offsetsBetween(zone: TimeZone, fromMs: number, toMs: number): readonly OffsetSpan[] {
  const spans: OffsetSpan[] = [{ fromMs, offsetMs: zone.offsetAt(fromMs) }];
  for (let at = fromMs; at < toMs; at += dayMs) {
    const next = Math.min(at + dayMs, toMs);
    const offsetMs = zone.offsetAt(next);
    if (offsetMs !== spans.at(-1)!.offsetMs) spans.push({ fromMs: findChange(zone, at, next), offsetMs });
  }
  return spans;
}

/** A time in RFC 3339, as clocks of the zone show it: `2026-01-31T18:00:00+01:00`; in UTC with `Z`. */
export function localTimeText(zone: TimeZone, timeMs: number): string {
  const offsetMs = zone.offsetAt(timeMs);
  const local = new Date(timeMs + offsetMs).toISOString().slice(0, 19);
  if (zone === utcZone) return `${local}Z`;
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${local}${offsetMs < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

class UtcZone extends Calendar {
  readonly name = "UTC";

  offsetAt(): number {
    return 0;
  }
}

export const utcZone: TimeZone = new UtcZone();

class IanaZone extends Calendar {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;

  constructor(name: string) {
    super();
    this.#format = formatOf(name);
    const { timeZone } = this.#format.resolvedOptions();
    // Of a name that the database has renamed, the resolved one is the other one.
    this.name = timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name;
  }

  offsetAt(timeMs: number): number {
    const seconds = Math.floor(timeMs / 1000) * 1000;
    const [, month, day, year, hour, minute, second] = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/.exec(this.#format.format(seconds))!;
    return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) - seconds;
  }
}

/** Local time as `3/1/2026, 17:05:00`. @throws RangeError for an unknown name. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
}
