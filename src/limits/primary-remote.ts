import type { LimitBook } from "./limit-book.ts";
import type { Adjustment, Level, LimitRemote, OwnSlots, TakenAnswer, TakenPart } from "./remote.ts";

/** From a worker to its primary. All but `settle` are answered, in the order in which they came. */
export type LimitQuestion =
  | { readonly ask: "take"; readonly parts: readonly TakenPart[] }
  | { readonly ask: "settle"; readonly adjustments: readonly Adjustment[]; readonly slots: readonly OwnSlots[] }
  | { readonly ask: "raise"; readonly levels: readonly Level[] }
  | { readonly ask: "beat"; readonly slots: readonly OwnSlots[] };

export type LimitReply = TakenAnswer | readonly string[] | null;

/** The primary's side: answers a question of a worker; `undefined`: it has no answer. */
export function answerLimits(book: LimitBook, worker: string, question: LimitQuestion): LimitReply | undefined {
  switch (question.ask) {
    case "take":
      return book.take(worker, question.parts);
    case "settle":
      book.settle(worker, question.adjustments, question.slots);
      return undefined;
    case "raise":
      book.raise(question.levels);
      return null;
    case "beat":
      return book.beat(worker, question.slots);
  }
}

/** The worker's side: limits in the memory of the primary process. */
export class PrimaryRemote implements LimitRemote {
  readonly title = "the primary process";
  readonly #send: (question: LimitQuestion) => void;
  /** Those that wait for an answer, the first one first. */
  readonly #waiting: ((reply: LimitReply) => void)[] = [];

  constructor(send: (question: LimitQuestion) => void) {
    this.#send = send;
  }

  receive(reply: LimitReply): void {
    this.#waiting.shift()?.(reply);
  }

  take(parts: readonly TakenPart[]): Promise<TakenAnswer> {
    return this.#ask({ ask: "take", parts }) as Promise<TakenAnswer>;
  }

  settle(adjustments: readonly Adjustment[], slots: readonly OwnSlots[]): void {
    this.#send({ ask: "settle", adjustments, slots });
  }

  async raise(levels: readonly Level[]): Promise<void> {
    await this.#ask({ ask: "raise", levels });
  }

  beat(slots: readonly OwnSlots[]): Promise<readonly string[]> {
    return this.#ask({ ask: "beat", slots }) as Promise<readonly string[]>;
  }

  /** The primary notices itself when a worker ends. */
  close(): void {}

  #ask(question: LimitQuestion): Promise<LimitReply> {
    const { promise, resolve } = Promise.withResolvers<LimitReply>();
    this.#waiting.push(resolve);
    this.#send(question);
    return promise;
  }
}
