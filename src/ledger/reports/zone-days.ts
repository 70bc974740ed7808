import { sql, type RawBuilder } from "kysely";
import { offsetsBetween, utcZone, type OffsetSpan, type TimeZone } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { spanMs } from "../rollups/rollup.ts";
import type { RangePart } from "./report-plan.ts";

/**
 * How sums by day of a time zone are put together. Sums are kept by hours and days of UTC. A local day is a number of whole hours where the zone's offset is
 * whole hours. Elsewhere (India, Nepal, Newfoundland, …) a day begins within an hour of UTC: those hours are read entry by entry.
 */
export interface ZoneDays {
  /** The number of a time's local day since 1970, in SQL. */
  dayOf(time: RawBuilder<unknown>): RawBuilder<unknown>;
  /** First milliseconds of the hours in which a day begins that is not the hour's own beginning. */
  readonly cutHours: readonly number[];
}

/** @param keptMs hours before it have no entries any more: such an hour counts whole to the day in which it begins. @returns `undefined`: days are those of UTC. */
export async function planZoneDays(
  { db }: Pick<Store, "db">,
  zone: TimeZone,
  parts: readonly RangePart[],
  keptMs: number,
): Promise<ZoneDays | undefined> {
  if (zone === utcZone) return undefined;
  const known = await db
    .selectFrom("usage_sums")
    .select(({ fn }) => [fn.min("start_ms").as("first"), fn.max("start_ms").as("last")])
    .where("span", "=", "hour")
    .executeTakeFirst();
  if (known?.first == null || known.last == null) return undefined;
  const fromMs = Math.max(known.first, parts[0]?.fromMs ?? 0);
  const toMs = Math.min(known.last + spanMs.hour, parts.at(-1)?.toMs ?? Infinity);
  return {
    dayOf: dayColumn(offsetsBetween(zone, fromMs, Math.max(fromMs, toMs))),
    cutHours: findCutHours(zone, Math.max(fromMs, keptMs), toMs),
  };
}

function dayColumn(spans: readonly OffsetSpan[]): ZoneDays["dayOf"] {
  const [first, ...later] = spans;
  return (time) => {
    // The last span that has begun, so from the end on.
    const cases = later.toReversed().map(({ fromMs, offsetMs }) => sql`when ${time} >= ${sql.lit(fromMs)} then ${sql.lit(offsetMs)}`);
    const offset =
      cases.length === 0 ? sql.lit(first!.offsetMs) : sql`case ${sql.join(cases, sql` `)} else ${sql.lit(first!.offsetMs)} end`;
    return sql`(${time} + ${offset}) / ${sql.lit(spanMs.day)}`;
  };
}

function findCutHours(zone: TimeZone, fromMs: number, toMs: number): readonly number[] {
  const cut: number[] = [];
  for (let startMs = zone.endOf("day", fromMs); startMs < toMs; startMs = zone.endOf("day", startMs)) {
    const hour = Math.floor(startMs / spanMs.hour) * spanMs.hour;
    if (hour !== startMs && hour >= fromMs) cut.push(hour);
  }
  return cut;
}

/** The parts of a range, those of hours without the hours that are cut, and these as entries. */
export function withCutHours(parts: readonly RangePart[], cutHours: readonly number[]): readonly RangePart[] {
  return parts.flatMap((part): readonly RangePart[] => {
    if (part.source !== "hour") return [part];
    const { fromMs = -Infinity, toMs = Infinity } = part;
    const hours = cutHours.filter((hour) => hour >= fromMs && hour < toMs);
    return hours.length === 0
      ? [part]
      : [
          { ...part, withoutHours: hours },
          { ...part, source: "entries", hours },
        ];
  });
}

/** The entries of some hours, under the name of their table. Each hour is one look at the index by time. */
export function entriesOfHours(hours: readonly number[]): RawBuilder<unknown> {
  // Both databases name the column of such a list `column1`.
  const list = sql.join(hours.map((hour) => sql`(${sql.lit(hour)})`));
  return sql`(
    select entries.* from (values ${list}) as cut_hours cross join usage_entries as entries
    where entries.time_ms >= cut_hours.column1 and entries.time_ms < cut_hours.column1 + ${sql.lit(spanMs.hour)}
  ) as usage_entries`;
}
