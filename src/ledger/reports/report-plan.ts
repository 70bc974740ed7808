import { spanMs, type Span } from "../rollups/rollup.ts";

/** A part of a range and the source of its sums: those of days, those of hours, or single entries. */
export interface RangePart {
  readonly source: Span | "entries";
  /** `undefined`: from the first entry on. */
  readonly fromMs: number | undefined;
  /** Exclusive. `undefined`: to the last entry. */
  readonly toMs: number | undefined;
  /** Of entries: only those of the hours that begin at these times. */
  readonly hours?: readonly number[];
  /** Of sums by hour: all but those that begin at these times. */
  readonly withoutHours?: readonly number[];
}

/**
 * Divides a range into parts, each instant in one of them: whole days if `finest` allows that, then whole hours, and single entries at the ends. So a
 * report over a year reads a few hundred spans, and is exact to the millisecond.
 * @param fromMs `undefined`: no bound. @param toMs exclusive; `undefined`: no bound. @param finest the longest span that may be used.
 */
export function planRange(fromMs: number | undefined, toMs: number | undefined, finest: Span): readonly RangePart[] {
  const spans: readonly Span[] = finest === "day" ? ["day", "hour"] : ["hour"];
  return partsOf(fromMs, toMs, spans).filter(({ fromMs: from, toMs: to }) => from === undefined || to === undefined || from < to);
}

function partsOf(fromMs: number | undefined, toMs: number | undefined, [span, ...finer]: readonly Span[]): readonly RangePart[] {
  if (span === undefined) return [{ source: "entries", fromMs, toMs }];
  const first = fromMs === undefined ? undefined : Math.ceil(fromMs / spanMs[span]) * spanMs[span];
  const last = toMs === undefined ? undefined : Math.floor(toMs / spanMs[span]) * spanMs[span];
  // The range contains no whole span.
  if (first !== undefined && last !== undefined && first >= last) return partsOf(fromMs, toMs, finer);
  return [
    ...(first === fromMs ? [] : partsOf(fromMs, first, finer)),
    { source: span, fromMs: first, toMs: last },
    ...(last === toMs ? [] : partsOf(last, toMs, finer)),
  ];
}
