import { everyByTimer, SlotList, type Slotted } from "../../core/index.ts";

/** A read or write that waits for its client. */
export interface Waiting extends Slotted {
  /** The waiting object sets it to 0 at each progress. */
  idleTicks: number;
  /** There was no progress within the time limit. */
  onIdle(): void;
  /** The server ends. */
  onShutdown(): void;
}

/** Ticks within one time limit: a limit that ran out is noticed after at most a quarter of it more. */
const ticksPerIdle = 4;

/** One timer for all waiting objects: a timer for each would cost five times as much. It runs only while there are such objects. */
export class IdleSweep {
  readonly #idleMs: () => number;
  readonly #waiting = new SlotList<Waiting>();
  #stopTicks: (() => void) | undefined;

  /** @param idleMs how long one may wait without progress; read anew whenever the timer starts. */
  constructor(idleMs: () => number) {
    this.#idleMs = idleMs;
  }

  add(waiting: Waiting): void {
    waiting.idleTicks = 0;
    this.#waiting.add(waiting);
    this.#stopTicks ??= everyByTimer(this.#idleMs() / ticksPerIdle, () => this.#tick());
  }

  delete(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  /** Ends all waits. */
  shutDown(): void {
    this.#waiting.forEach((waiting) => {
      waiting.onShutdown();
    });
  }

  #tick(): void {
    if (this.#waiting.size === 0) {
      this.#stopTicks?.();
      this.#stopTicks = undefined;
      return;
    }
    this.#waiting.forEach((waiting) => {
      waiting.idleTicks += 1;
      if (waiting.idleTicks > ticksPerIdle) waiting.onIdle();
    });
  }
}
