import type { Clock } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { hourMs, type SeriesName } from "./count-hour.ts";
import { baselineWeeks, weekHours } from "./find-changes.ts";
import { HourStore } from "./hour-store.ts";
import { mostFrequent, summarize, type Summary } from "./series-view.ts";
import type { ModelChange } from "./stored-change.ts";

/** A model's last day beside the same days of earlier weeks. */
export interface ModelPerformance extends SeriesName {
  readonly now: Summary;
  readonly before: Summary;
  /** Of the last 28 days, the newest first. */
  readonly changes: readonly ModelChange[];
}

/** A model hour by hour. */
export interface ModelHistory extends ModelPerformance {
  /** Milliseconds since 1970 of the first point. */
  readonly startMs: number;
  readonly stepMs: number;
  readonly points: readonly Summary[];
}

export interface PerformanceReports {
  /** @param model only series of this model, as its provider or as `provider/model` names it. */
  list(model: string | undefined): Promise<readonly ModelPerformance[]>;
  history(model: string, days: number): Promise<readonly ModelHistory[]>;
}

const dayHours = 24;
const listedDays = 7;
const mostListed = 100;
const mostHistories = 10;
const mostPoints = 168;

/** Reads what `PerformanceWatch` has written. */
export function createPerformanceReports(store: Pick<Store, "db" | "reader">, clock: Clock): PerformanceReports {
  const hours = new HourStore(store);
  const endOf = (): number => Math.floor(clock.now() / hourMs) * hourMs;
  const find = async (model: string | undefined, days: number, most: number): Promise<readonly SeriesName[]> => {
    const endMs = endOf();
    const all = await hours.readSeries(endMs - days * dayHours * hourMs, endMs);
    return all
      .map(({ series }) => series)
      .filter((series) => model === undefined || series.model === model || `${series.provider}/${series.model}` === model)
      .slice(0, most);
  };
  const read = async (series: SeriesName, days: number): Promise<ModelHistory> => {
    const endMs = endOf();
    const length = baselineWeeks * weekHours + Math.max(dayHours, days * dayHours);
    const all = await hours.readHours(series, endMs - length * hourMs, length);
    const usual = mostFrequent(all.slice(0, -dayHours), ({ modelsServed }) => modelsServed);
    const weeks = Array.from({ length: baselineWeeks }, (_, week) => {
      const end = all.length - (week + 1) * weekHours;
      return all.slice(Math.max(0, end - dayHours), Math.max(0, end));
    });
    const step = Math.max(1, Math.ceil((days * dayHours) / mostPoints));
    const shown = all.slice(all.length - days * dayHours);
    return {
      ...series,
      now: summarize(all.slice(-dayHours), usual),
      before: summarize(weeks.flat(), usual),
      changes: await hours.readChanges({ series, fromMs: endMs - baselineWeeks * weekHours * hourMs }),
      startMs: endMs - days * dayHours * hourMs,
      stepMs: step * hourMs,
      points: Array.from({ length: Math.ceil(shown.length / step) }, (_, at) => summarize(shown.slice(at * step, (at + 1) * step), usual)),
    };
  };
  return {
    async list(model) {
      const found: ModelPerformance[] = [];
      for (const series of await find(model, listedDays, mostListed)) {
        const { startMs: _start, stepMs: _step, points: _points, ...rest } = await read(series, 1);
        found.push(rest);
      }
      return found;
    },
    async history(model, days) {
      const found: ModelHistory[] = [];
      for (const series of await find(model, Math.max(days, listedDays), mostHistories)) found.push(await read(series, days));
      return found;
    },
  };
}
