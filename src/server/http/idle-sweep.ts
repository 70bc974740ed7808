import { everyByTimer, SlotList, type Slotted } from "../../core/index.ts";

/** Something that waits for its client. */
export interface Waiting extends Slotted {
  /** Set to 0 by whoever waits, whenever there is progress. */
  idleTicks: number;
  /** No progress for the time that is allowed. */
  onIdle(): void;
  /** The server ends. */
  onShutdown(): void;
}

/** The time is looked at so many times within the time allowed: one that ran out is noticed after a quarter more, at the latest. */
const ticksPerIdle = 4;

/** One timer for all that wait: a timer each would cost five times as much. It runs only while somebody waits. */
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

  /** Nobody is waited for any more. */
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
