/** Whether `text`, as in `2026-02-28`, is a day of the calendar. `Date.parse` reads the 30th of February as the 2nd of March. */
export function isCalendarDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
