import { createPeriodic, messageOf, type Clock, type Every, type IdSource, type Logger, type PeriodicTask } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { CanaryStore } from "./canary-store.ts";
import { countHour, hourMs, type SeriesName } from "./count-hour.ts";
import {
  canaryBaselineMs,
  canaryTestsPerSeries,
  canaryWindows,
  findCanaryChanges,
  type CanaryChange,
  type CanaryMeasure,
} from "./find-canary-changes.ts";
import { baselineWeeks, findChanges, leastRequests, testsPerSeries, weekHours, windowHours, type Change } from "./find-changes.ts";
import { HourStore } from "./hour-store.ts";
import type { ModelChange } from "./stored-change.ts";

export interface PerformanceWatchDeps {
  readonly store: Pick<Store, "db" | "reader">;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, "next">;
  readonly logger: Logger;
  /** This process looks for all that serve the database. */
  readonly isPrimary: () => boolean;
  readonly onChange: (change: ModelChange) => void;
  readonly every?: Every;
}

/** Looks at what models do, each hour after it has ended: counts its usage entries, and compares with earlier weeks. */
export interface PerformanceWatch extends Pick<PeriodicTask, "start" | "runNow" | "stop"> {
  /** Changes found by this process, by provider, model and measure. */
  counts(): ReadonlyMap<string, number>;
}

const everyMs = 300_000;
/** Entries of an hour may wait for the database that long after its end. */
const lateMs = 600_000;
/** Hours that are counted in one run, so that a new installation of old entries comes to its baseline step by step. */
const hoursPerRun = 24;
/** Hours that one look reads. */
export const lookHours = (baselineWeeks + 1) * weekHours + Math.max(...windowHours);
const keptMs = 100 * 24 * hourMs;
/** One event for a change that lasts: until the baseline consists of changed hours only. */
const quietMs = baselineWeeks * weekHours * hourMs;

export function createPerformanceWatch(deps: PerformanceWatchDeps): PerformanceWatch {
  const watch = new Watch(deps);
  const task = createPeriodic({
    everyMs,
    run: () => watch.run(),
    onError: (error) =>
      deps.logger.warn({ error: messageOf(error) }, "the performance of models could not be looked at; it is tried again"),
    ...(deps.every === undefined ? {} : { every: deps.every }),
  });
  return { start: () => task.start(), runNow: () => task.runNow(), stop: () => task.stop(), counts: () => watch.counts };
}

class Watch {
  readonly counts = new Map<string, number>();
  readonly #deps: PerformanceWatchDeps;
  readonly #hours: HourStore;
  readonly #canaries: CanaryStore;
  #countedMs: number | undefined;

  constructor(deps: PerformanceWatchDeps) {
    this.#deps = deps;
    this.#hours = new HourStore(deps.store);
    this.#canaries = new CanaryStore(deps.store);
  }

  async run(): Promise<void> {
    const { clock, isPrimary, store } = this.#deps;
    if (!isPrimary()) return;
    const endMs = Math.floor((clock.now() - lateMs) / hourMs) * hourMs;
    // The clock was ahead.
    if (this.#countedMs !== undefined && this.#countedMs > endMs) this.#countedMs = undefined;
    this.#countedMs ??= await this.#hours.readStart(endMs - lookHours * hourMs, endMs);
    if (this.#countedMs >= endMs) return;
    for (let hour = 0; hour < hoursPerRun && this.#countedMs < endMs; hour++) {
      await this.#hours.write(this.#countedMs, await countHour(store.reader, this.#countedMs));
      this.#countedMs += hourMs;
    }
    if (this.#countedMs < endMs) return;
    await this.#look(endMs);
    await this.#lookAtCanaries(endMs);
    await this.#hours.deleteBefore(endMs - keptMs);
    await this.#canaries.deleteBefore(endMs - keptMs);
  }

  async #look(endMs: number): Promise<void> {
    const all = await this.#hours.readSeries(endMs - Math.max(...windowHours) * hourMs, endMs);
    const active = all.filter(({ attempts }) => attempts >= leastRequests);
    for (const { series } of active) {
      const hours = await this.#hours.readHours(series, endMs - lookHours * hourMs, lookHours);
      const found = findChanges(hours, (active.length - 1) * testsPerSeries);
      const startMs = endMs - lookHours * hourMs;
      for (const change of found) {
        const known = await this.#hours.readChanges({ series, fromMs: endMs - quietMs });
        if (!known.some((each) => isSame(each, change)))
          await this.#report(series, { ...change, sinceMs: startMs + change.sinceHour * hourMs });
      }
    }
  }

  async #lookAtCanaries(endMs: number): Promise<void> {
    const longestMs = Math.max(...canaryWindows) * hourMs;
    const all = await this.#canaries.readSeries(endMs - longestMs, endMs);
    for (const series of all) {
      const answers = await this.#canaries.read(series, endMs - longestMs - canaryBaselineMs, endMs);
      const known = await this.#hours.readChanges({ series, fromMs: endMs - longestMs - canaryBaselineMs });
      // What a change has made new is compared with itself from then on.
      const sinceMs = (measure: CanaryMeasure): number => known.find((each) => each.measure === measure)?.foundMs ?? 0;
      const found = findCanaryChanges(answers, { endMs, sinceMs, otherTests: (all.length - 1) * canaryTestsPerSeries });
      for (const change of found) await this.#report(series, change);
    }
  }

  async #report(series: SeriesName, change: CanaryChange | (Change & { readonly sinceMs: number })): Promise<void> {
    const { clock, ids, onChange } = this.#deps;
    const { measure, before, after, windowHours: hours, p, sinceMs } = change;
    const name = "name" in change ? (change.name ?? "") : "";
    const event: ModelChange = { ...series, measure, name, before, after, windowHours: hours, p, sinceMs, foundMs: clock.now() };
    await this.#hours.addChange(ids.next("chg"), event);
    const key = `${series.provider}\n${series.model}\n${measure}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    onChange(event);
  }
}

/** The same measure has changed in the same direction. */
function isSame(known: ModelChange, { measure, name = "", before, after }: Change): boolean {
  return known.measure === measure && known.name === name && known.after > known.before === after > before;
}
