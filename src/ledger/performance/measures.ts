/** What is counted of the attempts of one hour, for one provider, model and region. Histograms are counts by bucket (`bucketOf`). */
export interface HourCounts {
  readonly attempts: number;
  /** Attempts that failed at the provider. */
  readonly errors: number;
  readonly answers: number;
  readonly refusals: number;
  /** Answers whose input was read from the provider's prompt cache, in whole or in part. */
  readonly cacheHits: number;
  readonly toolCalls: number;
  readonly toolCallsParsed: number;
  /** Calls that were compared with the schema of their tool, and those that fit it. */
  readonly toolCallsChecked: number;
  readonly toolCallsFit: number;
  /** Milliseconds to the first token, of streams. */
  readonly ttft: Histogram;
  /** Tokens a second after the first token, of streams. */
  readonly streamSpeed: Histogram;
  /** Tokens a second of whole answers that are not streamed. */
  readonly jsonSpeed: Histogram;
  readonly outputTokens: Histogram;
  /** Answers by the provider's own word for why they ended. */
  readonly finishReasons: Histogram;
  /** Answers by the model that the provider says it was. */
  readonly modelsServed: Histogram;
  /** Canaries that have a right answer, and those that were answered rightly; absent: none were asked. */
  readonly canaries?: number;
  readonly canariesRight?: number;
}

export type Histogram = Readonly<Record<string, number>>;

/** What may change. `scale`: a quantity with a distribution; `share`: a part of all. */
export const measures = {
  ttft: { kind: "scale", label: "time to first token", unit: "ms" },
  stream_speed: { kind: "scale", label: "speed of streams", unit: "tokens/s" },
  json_speed: { kind: "scale", label: "speed of whole answers", unit: "tokens/s" },
  output_tokens: { kind: "scale", label: "length of answers", unit: "tokens" },
  errors: { kind: "share", label: "errors", unit: "%" },
  refusals: { kind: "share", label: "refusals", unit: "%" },
  cache_hits: { kind: "share", label: "answers with a cache hit", unit: "%" },
  tool_arguments: { kind: "share", label: "tool arguments that are JSON", unit: "%" },
  tool_schema: { kind: "share", label: "tool arguments that fit their schema", unit: "%" },
  finish_reason: { kind: "share", label: "answers that ended with", unit: "%" },
  model_served: { kind: "share", label: "answers by another model than before", unit: "%" },
  canary_right: { kind: "share", label: "right answers to canaries", unit: "%" },
  canary_answers: { kind: "share", label: "answers to canaries that differ from before", unit: "%" },
} as const;

export type Measure = keyof typeof measures;
export const measureNames = Object.keys(measures) as readonly Measure[];
/** Those that are compared hour by hour; those of canaries are compared answer by answer. */
export type HourlyMeasure = Exclude<Measure, "canary_right" | "canary_answers">;
export const hourlyMeasures = measureNames.filter((name): name is HourlyMeasure => !name.startsWith("canary_"));

/** Buckets for each factor of e: a bucket is 8.7 % wide. */
export const bucketsPerE = 12;
/** Up to e^16, which is 2.5 hours in milliseconds. */
export const bucketCount = 192;

export function bucketOf(value: number): number {
  return Math.min(Math.max(Math.floor(Math.log(value) * bucketsPerE), 0), bucketCount - 1);
}

/** The value at a place within the buckets: 12.5 is the middle of bucket 12. */
export function valueAt(place: number): number {
  return Math.exp(place / bucketsPerE);
}

type CountedMeasure = Exclude<HourlyMeasure, "finish_reason" | "model_served">;

const scales = { ttft: "ttft", stream_speed: "streamSpeed", json_speed: "jsonSpeed", output_tokens: "outputTokens" } as const;
const shares = {
  errors: ["errors", "attempts"],
  refusals: ["refusals", "answers"],
  cache_hits: ["cacheHits", "answers"],
  tool_arguments: ["toolCallsParsed", "toolCalls"],
  tool_schema: ["toolCallsFit", "toolCallsChecked"],
} as const;

/** The counts of a measure in an hour by bucket. A share has two buckets: 0 has the others, 1 those that are meant. */
export function bucketsOf(hour: HourCounts, measure: CountedMeasure): Iterable<readonly [bucket: number, count: number]> {
  if (measure in scales) {
    return Object.entries(hour[scales[measure as keyof typeof scales]]).map(([bucket, count]) => [Number(bucket), count] as const);
  }
  const [part, whole] = shares[measure as keyof typeof shares];
  return [
    [0, hour[whole] - hour[part]],
    [1, hour[part]],
  ];
}

/** The counts of one name of a histogram of names, against all others. */
export function shareOf(histogram: Histogram, isMeant: (name: string) => boolean): readonly (readonly [number, number])[] {
  let [others, meant] = [0, 0];
  for (const [name, count] of Object.entries(histogram)) {
    if (isMeant(name)) meant += count;
    else others += count;
  }
  return [
    [0, others],
    [1, meant],
  ];
}
