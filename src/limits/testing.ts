import type { Schedule } from "../core/index.ts";
import { Bucket, type Limit } from "./bucket.ts";
import type { LimitBook } from "./limit-book.ts";
import type { LimitRemote } from "./remote.ts";

export function limitOf(kind: Limit["kind"], amount: number, name = "key_1"): Limit {
  return { subject: { kind: "key", name }, kind, amount };
}

export function bucketOf(kind: Limit["kind"], amount: number, name?: string): Bucket {
  return new Bucket(limitOf(kind, amount, name));
}

/** A clock and timers that only the test moves. */
export class ManualTime {
  nowMs = 1_000_000;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  readonly clock = { monotonic: (): number => this.nowMs };

  readonly schedule: Schedule = (delayMs, callback) => {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Time passes; timers that are due are called, and what they begin runs until it waits. */
  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { callback } of due) callback();
    await settled();
  }
}

/** What has been begun runs until it waits for a timer. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A book as the remote of one process, which a test can take away. */
export class BookRemote implements LimitRemote {
  readonly title = "a book";
  readonly #book: () => LimitBook;
  readonly #node: string;
  /** `silent`: it never answers. */
  state: "up" | "away" | "silent" = "up";

  constructor(book: () => LimitBook, node: string) {
    this.#book = book;
    this.#node = node;
  }

  take: LimitRemote["take"] = (parts) => this.#answer(() => this.#book().take(this.#node, parts));
  raise: LimitRemote["raise"] = (levels) => this.#answer(() => this.#book().raise(levels));
  beat: LimitRemote["beat"] = (slots) => this.#answer(() => this.#book().beat(this.#node, slots));

  settle: LimitRemote["settle"] = (adjustments, slots) => {
    if (this.state === "up") this.#book().settle(this.#node, adjustments, slots);
  };

  close(): void {
    this.#book().remove(this.#node);
  }

  #answer<T>(answer: () => T): Promise<T> {
    if (this.state === "silent") return new Promise(() => {});
    return this.state === "up" ? Promise.resolve(answer()) : Promise.reject(new Error("it is away"));
  }
}
