/** When a price holds: all of the conditions that are given. Times are UTC. */
export interface When {
  /** First day, `2026-09-10`. */
  readonly from?: string;
  /** First day on which it does not hold any more. */
  readonly until?: string;
  /** 1 is Monday, 7 Sunday. */
  readonly weekdays?: readonly number[];
  /** Times of the day, `["01:00", "04:00"]`, each from its first minute to the minute before its second; one may pass midnight. */
  readonly hours?: readonly (readonly [string, string])[];
}

const dayMs = 86_400_000;

/** Compiles the conditions. @throws RangeError that names what is not a date, a day or a time. */
export function appliesAt({ from, until, weekdays, hours }: When): (timeMs: number) => boolean {
  const fromMs = from === undefined ? -Infinity : readDate(from);
  const untilMs = until === undefined ? Infinity : readDate(until);
  const days = weekdays === undefined ? undefined : new Set(weekdays.map(readWeekday));
  const spans = hours?.map(([start, end]) => [readTime(start), readTime(end)] as const);
  return (timeMs) => {
    if (timeMs < fromMs || timeMs >= untilMs) return false;
    // The first of January 1970 was a Thursday.
    if (days !== undefined && !days.has(((Math.floor(timeMs / dayMs) + 3) % 7) + 1)) return false;
    if (spans === undefined) return true;
    const offset = timeMs % dayMs;
    return spans.some(([start, end]) => (start < end ? offset >= start && offset < end : offset >= start || offset < end));
  };
}

function readDate(text: string): number {
  const timeMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new RangeError(`"${text}" is not a date. Write the year, the month and the day, such as "2026-09-10".`);
  return timeMs;
}

function readWeekday(day: number): number {
  if (Number.isInteger(day) && day >= 1 && day <= 7) return day;
  throw new RangeError(`${day} is not a weekday. Write 1 for Monday to 7 for Sunday.`);
}

function readTime(text: string): number {
  const match = /^(\d{2}):(\d{2})(?::(\d{2}))?Z?$/.exec(text);
  const [hours, minutes, seconds] = match === null ? [99, 0, 0] : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (hours > 24 || minutes > 59 || seconds > 59)
    throw new RangeError(`"${text}" is not a time of the day. Write hours and minutes in UTC, such as "01:30".`);
  return (((hours * 60 + minutes) * 60 + seconds) * 1000) % dayMs;
}
