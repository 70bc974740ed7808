import { everyByTimer } from "../../core/index.ts";

const everyMs = 500;
/** A tick that comes this much later than it should means that the process, or its machine, did not run. */
const lateMs = 2000;
/** After the process has woken, what has arrived meanwhile is read within this time. */
const wakingMs = 1000;

/**
 * Notices that the process did not run for a while: a laptop that slept, SIGSTOP, a frozen container. Timers then fire before sockets are read, so a time limit
 * may have run out although the client has sent everything long ago.
 */
export class WakeWatch {
  readonly #monotonic: () => number;
  #tickedMs: number;
  #wokeMs = -Infinity;
  #stopTicks: (() => void) | undefined;

  /** @param monotonic milliseconds. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#tickedMs = monotonic();
  }

  start(): void {
    if (this.#stopTicks !== undefined) return;
    this.#tickedMs = this.#monotonic();
    this.#stopTicks = everyByTimer(everyMs, () => this.#tick());
  }

  stop(): void {
    this.#stopTicks?.();
    this.#stopTicks = undefined;
  }

  /** The process has not read its sockets since it woke, or may not have. */
  get isWaking(): boolean {
    if (this.#stopTicks === undefined) return false;
    const nowMs = this.#monotonic();
    return nowMs - this.#tickedMs > everyMs + lateMs || nowMs - this.#wokeMs < wakingMs;
  }

  #tick(): void {
    const nowMs = this.#monotonic();
    if (nowMs - this.#tickedMs > everyMs + lateMs) this.#wokeMs = nowMs;
    this.#tickedMs = nowMs;
  }
}
