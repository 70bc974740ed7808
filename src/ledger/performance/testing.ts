import { bucketOf, type HourCounts } from "./measures.ts";

/** What happens to a synthetic model at some hour. */
export type PlantedChange = "slower" | "shorter" | "tools" | "swapped" | "swapped silently";

export const plantedChanges: readonly PlantedChange[] = ["slower", "shorter", "tools", "swapped", "swapped silently"];

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface Traits {
  readonly rate: number;
  readonly ttftMs: number;
  readonly speed: number;
  readonly length: number;
  readonly fits: number;
  readonly parses: number;
  readonly name: string;
}

/** What the hour is like, beside the model. */
interface Weather {
  readonly load: number;
  readonly kind: number;
  readonly cache: number;
  readonly burst: number;
  readonly outage: number;
}

/** Makes the hours of a synthetic series: daily and weekly cycles, bursts, noise that lasts for hours, heavy tails, outages. */
export class SyntheticSeries {
  readonly #random: () => number;
  readonly #traits: Traits;
  #load = 0;
  #kind = 0;
  #cache = 0;
  #burstLeft = 0;
  #outageLeft = 0;
  #outage = 0;
  #hour = 0;

  constructor(seed: number) {
    const random = seeded(seed);
    this.#random = random;
    this.#traits = {
      rate: 30 * 8 ** random(),
      ttftMs: 300 * 4 ** random(),
      speed: 30 * 4 ** random(),
      length: 150 * 4 ** random(),
      fits: 0.96 + 0.035 * random(),
      parses: 0.985 + 0.014 * random(),
      name: "model-1",
    };
  }

  next(change?: PlantedChange): HourCounts {
    const weather = this.#weather();
    const traits = change === undefined ? this.#traits : changed(this.#traits, change);
    const hourOfDay = this.#hour % 24;
    const day = Math.floor(this.#hour / 24) % 7;
    this.#hour += 1;
    const daily = 0.55 + 0.45 * Math.sin(((hourOfDay - 8) / 24) * 2 * Math.PI);
    const expected = traits.rate * daily * (day >= 5 ? 0.5 : 1) * weather.burst * Math.exp(0.15 * this.#normal());
    return this.#count(traits, weather, { requests: this.#poisson(expected), peak: daily });
  }

  #weather(): Weather {
    const random = this.#random;
    this.#load = 0.7 * this.#load + 0.05 * this.#normal();
    this.#kind = 0.8 * this.#kind + 0.03 * this.#normal();
    this.#cache = 0.8 * this.#cache + 0.15 * this.#normal();
    if (this.#burstLeft > 0) this.#burstLeft -= 1;
    else if (random() < 0.01) this.#burstLeft = 1 + Math.floor(random() * 3);
    if (this.#outageLeft > 0) this.#outageLeft -= 1;
    else if (random() < 0.005) {
      this.#outageLeft = 1 + Math.floor(random() * 3);
      this.#outage = 0.05 + 0.95 * random();
    }
    return {
      load: this.#load,
      kind: this.#kind + (this.#burstLeft > 0 ? 0.2 : 0),
      cache: this.#cache,
      burst: this.#burstLeft > 0 ? 4 : 1,
      outage: this.#outageLeft > 0 ? this.#outage : 0,
    };
  }

  #count(traits: Traits, weather: Weather, { requests, peak }: { readonly requests: number; readonly peak: number }): HourCounts {
    const random = this.#random;
    const hour = {
      attempts: requests,
      errors: 0,
      answers: 0,
      refusals: 0,
      cacheHits: 0,
      toolCalls: 0,
      toolCallsParsed: 0,
      toolCallsChecked: 0,
      toolCallsFit: 0,
      ttft: {},
      streamSpeed: {},
      jsonSpeed: {},
      outputTokens: {},
      finishReasons: {},
      modelsServed: {},
    };
    const slow = Math.exp(weather.load + 0.3 * peak + 1.2 * weather.outage);
    for (let request = 0; request < requests; request++) {
      if (random() < 0.005 + 0.9 * weather.outage) {
        hour.errors += 1;
        continue;
      }
      hour.answers += 1;
      // A tail of Pareto's kind: one in twenty takes much longer.
      const tail = random() < 0.05 ? random() ** -0.7 : 1;
      const length = traits.length * Math.exp(weather.kind + 0.9 * this.#normal());
      const speed = (traits.speed / Math.exp(0.6 * weather.load + 0.8 * weather.outage)) * Math.exp(0.35 * this.#normal());
      if (random() < 0.7) {
        count(hour.ttft, bucketOf(traits.ttftMs * slow * tail * Math.exp(0.5 * this.#normal())));
        count(hour.streamSpeed, bucketOf(speed));
      } else count(hour.jsonSpeed, bucketOf(speed / tail));
      count(hour.outputTokens, bucketOf(length));
      if (random() < 0.01) hour.refusals += 1;
      if (random() < 1 / (1 + Math.exp(-weather.cache))) hour.cacheHits += 1;
      const hasTools = random() < 0.35;
      const textEnd = length > 8 * traits.length ? "length" : "stop";
      count(hour.finishReasons, hasTools ? "tool_calls" : textEnd);
      count(hour.modelsServed, traits.name);
      if (hasTools) this.#callTools(hour, traits);
    }
    return hour;
  }

  #callTools(hour: { toolCalls: number; toolCallsParsed: number; toolCallsChecked: number; toolCallsFit: number }, traits: Traits): void {
    const calls = 1 + Math.floor(this.#random() * 2.5);
    for (let call = 0; call < calls; call++) {
      hour.toolCalls += 1;
      if (this.#random() < traits.parses) hour.toolCallsParsed += 1;
      hour.toolCallsChecked += 1;
      if (this.#random() < traits.fits) hour.toolCallsFit += 1;
    }
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }

  #poisson(mean: number): number {
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.#normal()));
  }
}

function changed(traits: Traits, change: PlantedChange): Traits {
  switch (change) {
    case "slower":
      return { ...traits, ttftMs: traits.ttftMs * 1.3, speed: traits.speed / 1.3 };
    case "shorter":
      return { ...traits, length: traits.length * 0.8 };
    case "tools":
      return { ...traits, fits: traits.fits - 0.05 };
    case "swapped":
      return { ...traits, name: "model-2" };
    case "swapped silently":
      return { ...traits, ttftMs: traits.ttftMs * 0.8, speed: traits.speed * 1.4, length: traits.length * 0.85, fits: traits.fits - 0.03 };
  }
}

function count(histogram: Record<string, number>, name: string | number): void {
  histogram[name] = (histogram[name] ?? 0) + 1;
}
