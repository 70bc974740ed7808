import type { BreakerSettings } from "./settings.ts";

/**
 * Counts the answers of one target, and reports when it fails too often. Nothing is kept while there are no failures: a success of a healthy target costs one
 * comparison.
 */
export class FailureCount {
  #inARow = 0;
  /** Times of the last answers, a ring; negative: a failure. Empty while nothing has failed. */
  #times: number[] = [];
  #next = 0;
  #failures = 0;

  get isEmpty(): boolean {
    return this.#failures === 0;
  }

  succeeded(nowMs: number, settings: BreakerSettings): void {
    if (this.#failures === 0) return;
    this.#inARow = 0;
    this.#push(nowMs, settings.of);
    if (this.#failures === 0) this.#times = [];
  }

  /** `true`: the target fails too often. */
  failed(nowMs: number, settings: BreakerSettings): boolean {
    this.#inARow += 1;
    this.#push(-nowMs, settings.of);
    if (this.#inARow >= settings.inARow) return true;
    const oldest = this.#times.length < settings.of ? undefined : Math.abs(this.#times[this.#next % settings.of]!);
    return oldest !== undefined && nowMs - oldest <= settings.windowMs && this.#failures >= settings.share * settings.of;
  }

  clear(): void {
    this.#inARow = 0;
    this.#times = [];
    this.#next = 0;
    this.#failures = 0;
  }

  #push(time: number, size: number): void {
    // Another size after a reload.
    if (this.#times.length > size) this.clear();
    const at = this.#next % size;
    if (this.#times.length === size && isFailure(this.#times[at]!)) this.#failures -= 1;
    this.#times[at] = time;
    this.#next = at + 1;
    if (isFailure(time)) this.#failures += 1;
  }
}

/** The clock counts from the start of the process, so that 0 does not occur; -0 is a failure all the same. */
function isFailure(time: number): boolean {
  return time < 0 || Object.is(time, -0);
}
