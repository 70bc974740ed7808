const halfLifeMs = 5 * 60_000;

/** An average in which a value counts half as much after 5 minutes. */
export class DecayedAverage {
  #value = 0;
  #weight = 0;
  #atMs = 0;

  /** `undefined`: nothing was measured. */
  get value(): number | undefined {
    return this.#weight === 0 ? undefined : this.#value;
  }

  add(value: number, nowMs: number): void {
    this.#weight = this.#weight * 2 ** ((this.#atMs - nowMs) / halfLifeMs) + 1;
    this.#value += (value - this.#value) / this.#weight;
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
