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

/** How many of the last values are kept, and from how many on a share of them says something. */
const keptTimes = 100;
const fewestTimes = 20;

/** Times, with the bound of the slowest twentieth of the last ones that this process has measured. */
export class MeasuredTime extends DecayedAverage {
  #last: Float64Array | undefined;
  #measured = 0;
  /** How many there were when `#p95` was found. */
  #foundAt = 0;
  #p95 = 0;

  override add(value: number, nowMs: number): void {
    super.add(value, nowMs);
    this.#last ??= new Float64Array(keptTimes);
    this.#last[this.#measured++ % keptTimes] = value;
  }

  /** 95 % of the last values are at most this; `undefined`: too few were measured. */
  get p95(): number | undefined {
    const count = Math.min(this.#measured, keptTimes);
    if (this.#last === undefined || count < fewestTimes) return undefined;
    // Found anew after each tenth value.
    if (this.#foundAt === 0 || this.#measured - this.#foundAt >= keptTimes / 10) {
      this.#foundAt = this.#measured;
      this.#p95 = this.#last.slice(0, count).sort()[Math.ceil(count * 0.95) - 1]!;
    }
    return this.#p95;
  }
}

/** What the requests to one target have measured. */
export class TargetMeasures {
  /** Requests under way. */
  inFlight = 0;
  /** Requests under way when the provider last limited the rate; `undefined`: it has not. */
  capacity: number | undefined;
  /** Time to the first content of streams, milliseconds. */
  readonly firstContentMs = new MeasuredTime();
  /** Time of whole answers, milliseconds. */
  readonly totalMs = new MeasuredTime();
  /** Output tokens of an answer. */
  readonly outputTokens = new DecayedAverage();
}
