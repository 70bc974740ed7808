import { spanMs, type Span } from "../rollups/rollup.ts";

/** A part of a range and where its sums are read: from those of days or hours, or from the entries one by one. */
export interface RangePart {
  readonly source: Span | "entries";
  /** `undefined`: from the first on. */
  readonly fromMs: number | undefined;
  /** Excluded. `undefined`: to the last. */
  readonly toMs: number | undefined;
}

/**
 * Parts that make up a range, each instant in one of them: whole days where `finest` allows, then whole hours, entries at the ragged ends. So a report over
 * a year reads a few hundred spans, and is exact to the millisecond.
 * @param fromMs `undefined`: no bound. @param toMs excluded; `undefined`: no bound. @param finest the span that must not be read over.
 */
export function planRange(fromMs: number | undefined, toMs: number | undefined, finest: Span): readonly RangePart[] {
  const spans: readonly Span[] = finest === "day" ? ["day", "hour"] : ["hour"];
  return partsOf(fromMs, toMs, spans).filter(({ fromMs: from, toMs: to }) => from === undefined || to === undefined || from < to);
}

function partsOf(fromMs: number | undefined, toMs: number | undefined, [span, ...finer]: readonly Span[]): readonly RangePart[] {
  if (span === undefined) return [{ source: "entries", fromMs, toMs }];
  const first = fromMs === undefined ? undefined : Math.ceil(fromMs / spanMs[span]) * spanMs[span];
  const last = toMs === undefined ? undefined : Math.floor(toMs / spanMs[span]) * spanMs[span];
  // No whole span in it.
  if (first !== undefined && last !== undefined && first >= last) return partsOf(fromMs, toMs, finer);
  return [
    ...(first === fromMs ? [] : partsOf(fromMs, first, finer)),
    { source: span, fromMs: first, toMs: last },
    ...(last === toMs ? [] : partsOf(last, toMs, finer)),
  ];
}
