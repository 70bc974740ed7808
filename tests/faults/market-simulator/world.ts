import { createDice } from "../../../src/market/clearing/random-operations.ts";

interface SimEvent {
  readonly atMs: number;
  readonly seq: number;
  readonly run: () => void;
}

/** Time and chance of one simulation: nothing happens but by its events, in their order. */
export class SimWorld {
  readonly startMs = 1_800_000_000_000;
  nowMs = this.startMs;
  /** The timers of all processes take this many times as long: for a time in which nothing new happens. */
  slowness = 1;
  readonly dice: (below: number) => number;
  readonly #seed: number;
  readonly #awaited = new Set<Promise<unknown>>();
  #events: SimEvent[] = [];
  #seq = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.dice = createDice(seed);
  }

  /** A source of its own for one part, so that what it takes changes nothing for the others. */
  diceOf(name: string): (below: number) => number {
    return createDice(Buffer.from(name).reduce((sum, letter) => (Math.imul(sum, 31) + letter) | 0, this.#seed));
  }

  /** No time passes until this is done: it uses files of the machine. */
  waitFor(step: Promise<unknown>): void {
    const done = (): void => void this.#awaited.delete(step);
    this.#awaited.add(step);
    step.then(done, done);
  }

  chance(percent: number): boolean {
    return this.dice(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.dice(list.length)]!;
  }

  /** @returns what cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const event = { atMs: this.nowMs + delayMs, seq: this.#seq++, run };
    let low = 0;
    for (let high = this.#events.length; low < high;) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle]!;
      if (other.atMs < event.atMs || (other.atMs === event.atMs && other.seq < event.seq)) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
    return () => {
      this.#events = this.#events.filter((one) => one !== event);
    };
  }

  /** Time goes on, and what it brings is done, step by step. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await this.#settled();
    for (let next = this.#events[0]; next !== undefined && next.atMs <= endMs; next = this.#events[0]) {
      this.#events.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
      await this.#settled();
    }
    this.nowMs = endMs;
  }

  /** All that can go on without time passing. */
  async #settled(): Promise<void> {
    await Promise.allSettled(this.#awaited);
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Time goes on until a step is done. @throws if that takes more than a minute. */
  async until<T>(step: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => void (isOver = true);
    step.then(over, over);
    for (let waited = 0; waited < 600; waited++) {
      await this.#settled();
      if (isOver) return await step;
      await this.pass(100);
    }
    throw new Error("A step of the simulation does not end.");
  }
}
