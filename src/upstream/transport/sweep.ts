import { everyByTimer, SlotList, type Clock, type Slotted } from "../../core/index.ts";

/** An object with a time limit. */
export interface Swept extends Slotted {
  /** Called at intervals with monotonic milliseconds. */
  sweep(nowMs: number): void;
}

/** A sweep that is this much too late means that the process, or its machine, did not run. */
export const lateMs = 2000;

/** One timer for all waiting objects: a timer per request would cost more than the requests' own work. It runs only while there are such objects. */
export class Sweep {
  readonly #clock: Clock;
  readonly #waiting = new SlotList<Swept>();
  #intervalMs: number;
  #stopTicks: (() => void) | undefined;
  #lookedMs = 0;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  add(entry: Swept): void {
    this.#waiting.add(entry);
    if (this.#stopTicks !== undefined) return;
    this.#lookedMs = this.#clock.monotonic();
    this.#stopTicks = everyByTimer(this.#intervalMs, () => this.#run());
  }

  delete(entry: Swept): void {
    this.#waiting.delete(entry);
  }

  /** Takes effect when the timer next starts. */
  setInterval(intervalMs: number): void {
    this.#intervalMs = intervalMs;
  }

  #run(): void {
    if (this.#waiting.size === 0) {
      this.#stopTicks?.();
      this.#stopTicks = undefined;
      return;
    }
    const now = this.#clock.monotonic();
    const isLate = now - this.#lookedMs > this.#intervalMs + lateMs;
    this.#lookedMs = now;
    // What has come while the process did not run (a laptop that slept, SIGSTOP) is read before the next look: timers come before sockets.
    if (isLate) return;
    this.#waiting.forEach((entry) => {
      entry.sweep(now);
    });
  }
}
