const halfLifeMs = 5 * 60_000;

/** Several values as one. */
export interface Mean {
  readonly mean: number;
  readonly count: number;
}

/** An average in which a value counts half as much after 5 minutes. */
export class DecayedAverage {
  #value = 0;
  #weight = 0;
  #atMs = 0;
  /** Values of this process that others have not heard of yet. */
  #count = 0;
  #sum = 0;

  /** `undefined`: nothing was measured. */
  get value(): number | undefined {
    return this.#weight === 0 ? undefined : this.#value;
  }

  add(value: number, nowMs: number): void {
    this.#count += 1;
    this.#sum += value;
    this.#add(value, 1, nowMs);
  }

  /** What this process has measured since the last call; `undefined`: nothing. */
  takeNews(): Mean | undefined {
    if (this.#count === 0) return undefined;
    const news = { mean: this.#sum / this.#count, count: this.#count };
    this.#count = 0;
    this.#sum = 0;
    return news;
  }

  /** What another process has measured. */
  hear({ mean, count }: Mean, nowMs: number): void {
    this.#add(mean, count, nowMs);
  }

  #add(value: number, count: number, nowMs: number): void {
    this.#weight = this.#weight * 2 ** ((this.#atMs - nowMs) / halfLifeMs) + count;
    this.#value += ((value - this.#value) * count) / this.#weight;
    this.#atMs = nowMs;
  }
}

/** What the requests to one target have measured. */
export class TargetMeasures {
  /** Requests under way. */
  inFlight = 0;
  /** Requests under way when the provider last limited the rate; `undefined`: it has not. */
  capacity: number | undefined;
  /** Time to the first content of streams, milliseconds. */
  readonly firstContentMs = new DecayedAverage();
  /** Time of whole answers, milliseconds. */
  readonly totalMs = new DecayedAverage();
  /** Output tokens of an answer. */
  readonly outputTokens = new DecayedAverage();
}
