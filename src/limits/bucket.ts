import type { Subject } from "../core/index.ts";
import type { LimitKind } from "../settings/index.ts";

/** One limit. */
export interface Limit {
  /** A user or key by its id. */
  readonly subject: Subject;
  readonly kind: LimitKind;
  readonly amount: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

const periods: Readonly<Record<LimitKind, number>> = {
  requests_per_minute: minuteMs,
  tokens_per_minute: minuteMs,
  requests_per_day: dayMs,
  tokens_per_day: dayMs,
  concurrent: 0,
};

/** What a limit counts. */
export type Counted = "requests" | "tokens" | "slots";

const counted: Readonly<Record<LimitKind, Counted>> = {
  requests_per_minute: "requests",
  tokens_per_minute: "tokens",
  requests_per_day: "requests",
  tokens_per_day: "tokens",
  concurrent: "slots",
};

/** No answer puts a limit further into debt, so that a wrong report of usage does not lock a key for days. */
const mostDebtPeriods = 10;
/** Sums of times are not exact. */
const tolerance = 1e-6;

/**
 * The state of one limit: a bucket that is full at first and fills again evenly, so that a key that was idle may use its whole amount at once (GCRA, the
 * generic cell rate algorithm of ATM Forum TM 4.1). The state is one time: when the bucket will be full. It has no unit of its own, and so it holds for a
 * share of the limit, too. A limit that is changed is another bucket, which is full; slots stay taken.
 */
export class Bucket {
  readonly name: string;
  readonly subject: Subject;
  readonly kind: LimitKind;
  readonly counts: Counted;
  /** 0 for slots. */
  readonly periodMs: number;
  /** Monotonic milliseconds. */
  fullAtMs = 0;
  /** Requests of this process that have a slot. */
  inFlight = 0;
  /** Slots that other processes have, as last reported. */
  others = 0;
  #amount: number;
  readonly #unitMs: number;

  constructor({ subject, kind, amount }: Limit) {
    const name = `${subject.kind}:${subject.name}:${kind}`;
    this.name = kind === "concurrent" ? name : `${name}:${amount}`;
    this.subject = subject;
    this.kind = kind;
    this.counts = counted[kind];
    this.periodMs = periods[kind];
    this.#amount = amount;
    this.#unitMs = this.periodMs / amount;
  }

  get amount(): number {
    return this.#amount;
  }

  /** The number of slots was changed. */
  setSlots(amount: number): void {
    this.#amount = amount;
  }

  /** How long the bucket takes to fill up by what a request takes out. A request that is larger than the whole limit takes all. */
  costMs(tokens: number, share: number): number {
    return this.#unitMs * (this.counts === "tokens" ? Math.min(tokens, this.#amount) : 1) * share;
  }

  /** The cost of a number of tokens. */
  tokensMs(tokens: number, share: number): number {
    return this.#unitMs * tokens * share;
  }

  /** How long the bucket takes until it is full. */
  usedMs(nowMs: number): number {
    return Math.max(0, this.fullAtMs - nowMs);
  }

  /** How long a request has to wait; 0: it may go on. @param share of the limit that this process has: 1 of `share`. */
  waitMs(nowMs: number, tokens: number, share: number): number {
    if (this.counts === "slots") return this.inFlight + this.others < Math.max(1, Math.floor(this.#amount / share)) ? 0 : slotWaitMs;
    const waitMs = this.fullAtMs - nowMs + Math.min(this.costMs(tokens, share), this.periodMs) - this.periodMs;
    return waitMs <= tolerance ? 0 : waitMs;
  }

  /** A request takes what it costs. */
  take(nowMs: number, tokens: number, share: number): void {
    if (this.counts === "slots") this.inFlight += 1;
    else this.fullAtMs = Math.max(this.fullAtMs, nowMs) + this.costMs(tokens, share);
  }

  /** A request has cost more than it took. */
  charge(nowMs: number, ms: number): void {
    this.fullAtMs = Math.min(Math.max(this.fullAtMs, nowMs) + ms, nowMs + mostDebtPeriods * this.periodMs);
  }

  /** A request gives back what it did not use. */
  giveBack(ms: number): void {
    this.fullAtMs -= ms;
  }

  /** What a request could take out now. */
  remaining(nowMs: number): number {
    if (this.counts === "slots") return Math.max(0, this.#amount - this.inFlight - this.others);
    return Math.max(0, Math.floor((this.periodMs - this.usedMs(nowMs)) / this.#unitMs + tolerance));
  }
}

/** Nobody knows when a request ends. */
const slotWaitMs = 1000;
