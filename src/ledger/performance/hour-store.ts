import type { Store } from "../../store/index.ts";
import { hourMs, type CountedHour, type SeriesName } from "./count-hour.ts";
import type { SeriesHours } from "./find-changes.ts";
import type { HourCounts, Measure } from "./measures.ts";
import type { ModelChange, StoredChange } from "./stored-change.ts";

/** A series, and how much of it there is. */
export interface ActiveSeries {
  readonly series: SeriesName;
  readonly attempts: number;
}

/** The row that says that an hour has been counted. */
const mark: SeriesName = { provider: "", model: "", region: "" };

/** The hours and changes in the database. */
export class HourStore {
  readonly #store: Pick<Store, "db" | "reader">;

  constructor(store: Pick<Store, "db" | "reader">) {
    this.#store = store;
  }

  /** The first hour that is not counted yet, at the earliest `fromMs`. Hours from `endMs` on were counted by a clock that was ahead, and are counted again. */
  async readStart(fromMs: number, endMs: number): Promise<number> {
    const { db } = this.#store;
    await db.deleteFrom("performance_hours").where("start_ms", ">=", endMs).execute();
    const last = await db
      .selectFrom("performance_hours")
      .select((select) => select.fn.max("start_ms").as("last"))
      .where("provider", "=", mark.provider)
      .executeTakeFirst();
    const countedMs = last?.last;
    return countedMs === null || countedMs === undefined ? fromMs : Math.max(fromMs, countedMs + hourMs);
  }

  async write(startMs: number, hours: readonly CountedHour[]): Promise<void> {
    const rows = [
      ...hours.map(({ counts, ...series }) => ({ start_ms: startMs, ...series, counts: JSON.stringify(counts) })),
      { start_ms: startMs, ...mark, counts: "{}" },
    ];
    await this.#store.db.transaction().execute(async (transaction) => {
      for (const row of rows)
        await transaction
          .insertInto("performance_hours")
          .values(row)
          .onConflict((conflict) => conflict.columns(["start_ms", "provider", "model", "region"]).doUpdateSet({ counts: row.counts }))
          .execute();
    });
  }

  /** The series with attempts in this time, the busiest first. */
  async readSeries(fromMs: number, toMs: number): Promise<readonly ActiveSeries[]> {
    const rows = await this.#store.reader
      .selectFrom("performance_hours")
      .select(["provider", "model", "region", "counts"])
      .where("start_ms", ">=", fromMs)
      .where("start_ms", "<", toMs)
      .where("provider", "<>", mark.provider)
      .execute();
    const found = new Map<string, { series: SeriesName; attempts: number }>();
    for (const { counts, ...series } of rows) {
      const key = JSON.stringify(series);
      const entry = found.get(key) ?? { series, attempts: 0 };
      entry.attempts += (JSON.parse(counts) as HourCounts).attempts;
      found.set(key, entry);
    }
    return [...found.values()].toSorted((one, other) => other.attempts - one.attempts);
  }

  async readHours({ provider, model, region }: SeriesName, fromMs: number, hours: number): Promise<SeriesHours> {
    const rows = await this.#store.reader
      .selectFrom("performance_hours")
      .select(["start_ms", "counts"])
      .where("provider", "=", provider)
      .where("model", "=", model)
      .where("region", "=", region)
      .where("start_ms", ">=", fromMs)
      .where("start_ms", "<", fromMs + hours * hourMs)
      .execute();
    const all: (HourCounts | undefined)[] = Array.from({ length: hours }, () => undefined);
    for (const row of rows) all[(row.start_ms - fromMs) / hourMs] = JSON.parse(row.counts) as HourCounts;
    return all;
  }

  async addChange(
    id: string,
    { provider, model, region, measure, name, sinceMs, foundMs, before, after, windowHours, p }: ModelChange,
  ): Promise<void> {
    const change = JSON.stringify({ before, after, windowHours, p } satisfies StoredChange);
    await this.#store.db
      .insertInto("performance_changes")
      .values({ id, found_ms: foundMs, since_ms: sinceMs, provider, model, region, measure, name, change })
      .execute();
  }

  /** The newest first. */
  async readChanges({ series, fromMs }: { readonly series?: SeriesName; readonly fromMs: number }): Promise<readonly ModelChange[]> {
    let query = this.#store.db.selectFrom("performance_changes").selectAll().where("found_ms", ">=", fromMs).orderBy("found_ms", "desc");
    if (series !== undefined)
      query = query.where("provider", "=", series.provider).where("model", "=", series.model).where("region", "=", series.region);
    const rows = await query.limit(mostChanges).execute();
    return rows.map(({ provider, model, region, measure, name, since_ms: sinceMs, found_ms: foundMs, change }) => ({
      provider,
      model,
      region,
      measure: measure as Measure,
      name,
      sinceMs,
      foundMs,
      ...(JSON.parse(change) as StoredChange),
    }));
  }

  /** Deletes the oldest hours before a time, two at most: a clock that jumps ahead for a while deletes next to nothing. */
  async deleteBefore(ms: number): Promise<void> {
    const { db } = this.#store;
    const oldest = await db
      .selectFrom("performance_hours")
      .select("start_ms")
      .distinct()
      .where("start_ms", "<", ms)
      .orderBy("start_ms")
      .limit(mostDeleted)
      .execute();
    const last = oldest.at(-1);
    if (last !== undefined) await db.deleteFrom("performance_hours").where("start_ms", "<=", last.start_ms).execute();
  }
}

const mostChanges = 500;
/** Twice as many as are counted meanwhile. */
const mostDeleted = 2;
