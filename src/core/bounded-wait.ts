import type { Clock } from "./clock.ts";

/** A server was silent for too long. */
export class NoAnswer extends Error {
  constructor(timeoutMs: number) {
    super(`no answer in ${timeoutMs} ms`);
    this.name = "NoAnswer";
  }
}

/** A timer that fires later than that shows that this process did not run. What has come meanwhile is read first. */
const lateMs = 250;
/** The most times that one question waits for `timeoutMs`, while others are answered. */
const maxWaits = 10;

/**
 * Questions to one server (a database), each with a limited wait. A server that is busy but answers other questions is waited for longer: up to ten
 * times `timeoutMs`.
 */
export class BoundedWait {
  readonly #timeoutMs: number;
  readonly #clock: Pick<Clock, "monotonic">;
  #lastAnswerMs = -Infinity;
  /** Until then nothing is asked. */
  #silentUntilMs = -Infinity;

  constructor(timeoutMs: number, clock: Pick<Clock, "monotonic">) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /**
   * Waits for the answer. After a wait without an answer, `ask` is not called for `timeoutMs`, so that questions do not pile up.
   * @param onLate called with an answer that comes after the wait. An error that comes then is ignored.
   * @throws NoAnswer; what `ask` throws.
   */
  async for<Answer>(ask: () => Promise<Answer>, onLate?: (answer: Answer) => void): Promise<Answer> {
    if (this.#clock.monotonic() < this.#silentUntilMs) throw new NoAnswer(this.#timeoutMs);
    const silence = Promise.withResolvers<never>();
    let isLate = false;
    const answer = ask();
    answer.then(
      (value) => {
        this.#lastAnswerMs = this.#clock.monotonic();
        this.#silentUntilMs = -Infinity;
        if (isLate) onLate?.(value);
      },
      () => undefined,
    );
    const stop = this.#whenSilent(() => {
      isLate = true;
      silence.reject(new NoAnswer(this.#timeoutMs));
    });
    try {
      return await Promise.race([answer, silence.promise]);
    } finally {
      stop();
    }
  }

  /** @returns cancels the call. */
  #whenSilent(callback: () => void): () => void {
    let waits = 0;
    let timer: NodeJS.Timeout;
    const wait = (delayMs: number): void => {
      waits += 1;
      const dueMs = this.#clock.monotonic() + delayMs;
      timer = setTimeout(() => {
        const nowMs = this.#clock.monotonic();
        const sinceAnswerMs = nowMs - this.#lastAnswerMs;
        if (waits === 1 && nowMs - dueMs > lateMs) {
          wait(this.#timeoutMs);
        } else if (sinceAnswerMs < this.#timeoutMs && waits < maxWaits) {
          wait(this.#timeoutMs - sinceAnswerMs);
        } else {
          this.#silentUntilMs = nowMs + this.#timeoutMs;
          callback();
        }
      }, delayMs);
    };
    wait(this.#timeoutMs);
    return () => {
      clearTimeout(timer);
    };
  }
}
