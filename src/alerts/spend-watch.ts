import { sql } from "kysely";
import { localTimeText, type Clock, type TimeZone } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import type { AlertEvent } from "./alert-event.ts";
import type { AlertsSection } from "./section.ts";

export interface SpendWatchDeps {
  readonly store: Pick<Store, "db">;
  readonly timeZone: () => TimeZone;
  readonly settings: () => Pick<AlertsSection, "spendFactor" | "spendLeastUsd">;
  readonly clock: Clock;
}

const hourMs = 3_600_000;
const dayMs = 86_400_000;
/** The weekdays that today is compared with. */
const weeks = 4;
/** Of those, at least this many must have cost something: a new installation has no usual spend. */
const fewestWeeks = 2;

/**
 * Compares what today has cost until now with what the same weekdays of the last four weeks had cost at the same time of the day, from the hourly sums.
 * @returns the event if it is more than the configured multiple of their mean.
 */
export async function findUnusualSpend({ store, timeZone, settings, clock }: SpendWatchDeps): Promise<AlertEvent | undefined> {
  const zone = timeZone();
  const nowMs = clock.now();
  const startMs = zone.startOf("day", nowMs);
  const untilMs = nowMs - startMs;
  const rows = await store.db
    .selectFrom("usage_sums")
    .select([
      "start_ms",
      sql<number>`cast(sum(whole_usd) as double precision)`.as("whole"),
      sql<number>`cast(sum(rest_nano_usd) as double precision)`.as("rest"),
    ])
    .where("span", "=", "hour")
    .where("start_ms", ">=", startMs - (7 * weeks + 1) * dayMs)
    .groupBy("start_ms")
    .execute();
  const spentFrom = (fromMs: number): number =>
    rows
      .filter((row) => row.start_ms + hourMs > fromMs && row.start_ms <= fromMs + untilMs)
      .reduce((sum, row) => sum + row.whole + row.rest / 1e9, 0);
  const today = spentFrom(startMs);
  const before = Array.from({ length: weeks }, (_, week) =>
    // At noon, as days with changes of the clock are longer or shorter.
    spentFrom(zone.startOf("day", startMs + dayMs / 2 - 7 * (week + 1) * dayMs)),
  ).filter((sum) => sum > 0);
  if (before.length < fewestWeeks) return undefined;
  const usual = before.reduce((sum, each) => sum + each, 0) / before.length;
  const { spendFactor, spendLeastUsd } = settings();
  if (today < spendLeastUsd || today <= usual * spendFactor) return undefined;
  return {
    kind: "unusual_spend",
    subject: "all",
    period: String(startMs),
    severity: "warning",
    message: `Today has cost ${dollars(today)} until ${localTimeText(zone, nowMs).slice(11, 16)}; usual for this weekday and time is ${dollars(usual)}.`,
    details: { today_usd: today.toFixed(2), usual_usd: usual.toFixed(2), factor: spendFactor, time_zone: zone.name },
  };
}

function dollars(usd: number): string {
  return `$${usd.toFixed(2)}`;
}
