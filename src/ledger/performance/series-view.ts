import { quantileOf } from "./hourly-histogram.ts";
import { bucketCount, type HourCounts, type Measure } from "./measures.ts";

/** How a model did in some time: the median of quantities, the part of shares; `null`: nothing to say. */
export type Summary = Readonly<Record<Measure, number | null>> & { readonly attempts: number };

const scaleOf = { ttft: "ttft", stream_speed: "streamSpeed", json_speed: "jsonSpeed", output_tokens: "outputTokens" } as const;

/** @param usual the model that usually serves; answers by another one are counted. */
export function summarize(hours: readonly (HourCounts | undefined)[], usual: string | undefined): Summary {
  const known = hours.filter((hour) => hour !== undefined);
  const sum = (of: (hour: HourCounts) => number): number => known.reduce((total, hour) => total + of(hour), 0);
  const share = (part: (hour: HourCounts) => number, whole: (hour: HourCounts) => number): number | null =>
    sum(whole) === 0 ? null : sum(part) / sum(whole);
  const median = (member: (typeof scaleOf)[keyof typeof scaleOf]): number | null => {
    const counts = new Float64Array(bucketCount);
    for (const hour of known) for (const [bucket, count] of Object.entries(hour[member])) counts[Number(bucket)]! += count;
    return counts.some((count) => count > 0) ? quantileOf(counts, 0.5) : null;
  };
  const served = (hour: HourCounts): number => Object.values(hour.modelsServed).reduce((total, count) => total + count, 0);
  const stopped = (hour: HourCounts): number => Object.values(hour.finishReasons).reduce((total, count) => total + count, 0);
  const usualReason = mostFrequent(known, ({ finishReasons }) => finishReasons);
  return {
    attempts: totalOfHours(known),
    ttft: median("ttft"),
    stream_speed: median("streamSpeed"),
    json_speed: median("jsonSpeed"),
    output_tokens: median("outputTokens"),
    errors: share(
      ({ errors }) => errors,
      ({ attempts }) => attempts,
    ),
    refusals: share(
      ({ refusals }) => refusals,
      ({ answers }) => answers,
    ),
    cache_hits: share(
      ({ cacheHits }) => cacheHits,
      ({ answers }) => answers,
    ),
    tool_arguments: share(
      ({ toolCallsParsed }) => toolCallsParsed,
      ({ toolCalls }) => toolCalls,
    ),
    tool_schema: share(
      ({ toolCallsFit }) => toolCallsFit,
      ({ toolCallsChecked }) => toolCallsChecked,
    ),
    finish_reason: usualReason === undefined ? null : share((hour) => hour.finishReasons[usualReason] ?? 0, stopped),
    canary_right: share(
      ({ canariesRight = 0 }) => canariesRight,
      ({ canaries = 0 }) => canaries,
    ),
    // Answer by answer it says nothing.
    canary_answers: null,
    model_served: usual === undefined ? null : share((hour) => served(hour) - (hour.modelsServed[usual] ?? 0), served),
  };
}

export function totalOfHours(hours: readonly (HourCounts | undefined)[]): number {
  return hours.reduce((total, hour) => total + (hour?.attempts ?? 0), 0);
}

export function mostFrequent(
  hours: readonly (HourCounts | undefined)[],
  histogramOf: (hour: HourCounts) => Readonly<Record<string, number>>,
): string | undefined {
  const counts = new Map<string, number>();
  for (const hour of hours)
    if (hour !== undefined)
      for (const [name, count] of Object.entries(histogramOf(hour))) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].toSorted(([, one], [, other]) => other - one)[0]?.[0];
}
