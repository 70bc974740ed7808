import type { Target } from "../../upstream/index.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import type { ClientExchange } from "../exchange.ts";
import type { ModelCall, RaceEnd, RaceLeg } from "../model-call.ts";
import { settleCaching } from "../prompt-caches/caching-of.ts";
import { refusalIn } from "../errors/upstream-errors.ts";
import { WrappedExchange } from "../wrapped-exchange.ts";
import { attemptTarget, type AttemptOptions, type AttemptOutcome } from "./attempt-target.ts";

export interface Hedging {
  readonly first: Target;
  /** How long the first target may be silent. */
  readonly delayMs: number;
  /** The target that is asked then; `undefined`: there is none. */
  readonly chooseSecond: () => Target | undefined;
  readonly options: AttemptOptions;
}

export interface HedgedEnd extends RaceEnd {
  readonly outcome: AttemptOutcome;
  readonly target: Target;
  /** The target that failed while the other one was asked. */
  readonly failedBefore: Target | undefined;
  /** A second target was asked. */
  readonly isHedged: boolean;
}

/**
 * An attempt at a target, and after a delay without content one at a second target. Whichever has content first answers the client, and the other one is cancelled: it is
 * an entry with the code `hedge_lost`. The second one is counted by the retry budget, and waits for no place within the limits of its provider.
 */
export function sendHedged(call: ModelCall, hedging: Hedging): Promise<HedgedEnd> {
  return new Promise((resolve, reject) => {
    new Race(call, hedging, resolve, reject).start();
  });
}

class Race {
  readonly #call: ModelCall;
  readonly #hedging: Hedging;
  readonly #resolve: (end: HedgedEnd) => void;
  readonly #reject: (error: unknown) => void;
  readonly #legs: Leg[] = [];
  #winner: Leg | undefined;
  #cancelTimer: (() => void) | undefined;
  /** Ended without an answer while the other one was under way. */
  #failedBefore: Leg | undefined;
  #isOver = false;

  // oxlint-disable-next-line max-params -- the two ends of a promise belong together
  constructor(call: ModelCall, hedging: Hedging, resolve: (end: HedgedEnd) => void, reject: (error: unknown) => void) {
    this.#call = call;
    this.#hedging = hedging;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { exchange, deps } = this.#call;
    exchange.onLeave(() => {
      for (const leg of this.#legs) leg.leave();
    });
    this.#cancelTimer = deps.schedule(this.#hedging.delayMs, () => {
      this.#hedge();
    });
    this.#run(this.#call, this.#hedging.first, this.#hedging.options);
  }

  #run(from: ModelCall, target: Target, options: AttemptOptions): void {
    const isSecond = this.#legs.length > 0;
    const leg = new Leg(from, { race: this, target, isSecond });
    this.#legs.push(leg);
    attemptTarget(leg.call, target, options).then(
      (outcome) => {
        this.#ended(leg, outcome);
      },
      (error: unknown) => {
        this.#cancelTimer?.();
        for (const other of this.#legs) if (other !== leg && !other.isOver) other.lose();
        this.#reject(error);
      },
    );
  }

  /** The first target has been silent for the delay. */
  #hedge(): void {
    this.#cancelTimer = undefined;
    const [first] = this.#legs;
    const call = this.#call;
    const { deps, current } = call;
    // One that waits for a place at its target has not been sent.
    if (first === undefined || this.#isOver || this.#winner !== undefined || call.exchange.closed || first.call.attempts === call.attempts)
      return;
    const target = this.#hedging.chooseSecond();
    if (target === undefined || !deps.retryBudget.tryRetry(current.resilience.retryShare)) return;
    this.#run(first.call, target, { ...this.#hedging.options, waitMs: 0 });
  }

  /** @returns whether the other attempt may answer, too. */
  isOpenBeside(leg: Leg): boolean {
    return this.#legs.some((other) => other !== leg && !other.isOver && !other.isLost);
  }

  claim(leg: Leg): void {
    if (this.#winner !== undefined) return;
    this.#winner = leg;
    // A rule that blocks the answer ends this attempt.
    leg.call.firewall?.begin(leg.call);
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const other of this.#legs) {
      if (other === leg) continue;
      leg.call.noteAttempts(other.call.attempts);
      if (other.isOver) continue;
      const { provider, upstreamModel } = other.target.attempt;
      leg.call.noteFailure({ reason: "hedge_lost", provider: provider.name, model: upstreamModel });
      if (other === this.#legs[0]) this.#learnSilence(other);
      other.lose();
    }
  }

  /** How long it would have taken is not known, but it is at least this long: without it, only the fast answers would be measured. */
  #learnSilence({ call, target }: Leg): void {
    const { measures } = target.state;
    const nowMs = call.deps.clock.monotonic();
    const spentMs = nowMs - (call.entry?.dispatchedMs ?? nowMs);
    (call.request.envelope.stream ? measures.firstContentMs : measures.totalMs).add(spentMs, nowMs);
  }

  #ended(leg: Leg, outcome: AttemptOutcome): void {
    leg.outcome = outcome;
    if (leg !== this.#legs[0]) this.#call.deps.retryBudget.retryEnds();
    if (this.#legs.some(({ isOver }) => !isOver)) {
      this.#failedBeside(leg, outcome);
      return;
    }
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#resolve(this.#end(leg));
  }

  /** The other attempt goes on. */
  #failedBeside(leg: Leg, outcome: AttemptOutcome): void {
    if (typeof outcome !== "object" || !("error" in outcome)) return;
    this.#failedBefore = leg;
    const { provider, upstreamModel } = leg.target.attempt;
    const failed = { reason: refusalIn(outcome.error)?.kind ?? outcome.error.code, provider: provider.name, model: upstreamModel };
    for (const other of this.#legs) if (other !== leg) other.call.noteFailure(failed);
  }

  #end(lastEnded: Leg): HedgedEnd {
    const last = this.#winner ?? this.#lastSent(lastEnded);
    const other = this.#legs.find((leg) => leg !== last);
    if (other !== undefined) {
      last.call.noteAttempts(other.call.attempts);
      settleCaching(other.call);
    }
    if (this.#legs[1]?.call.entry !== undefined) this.#call.deps.hedges.asked += 1;
    const isCancelled = other?.call.entry?.settlement?.status === "cancelled" && other.call.entry !== this.#call.entry;
    const lost = isCancelled ? other.call.entry : undefined;
    if (this.#winner !== undefined) this.#count(this.#winner, lost);
    return {
      outcome: last.outcome!,
      last: last.call,
      target: last.target,
      lost,
      failedBefore: this.#failedBefore === last ? undefined : this.#failedBefore?.target,
      isHedged: this.#legs.length > 1,
    };
  }

  #count(winner: Leg, lost: AttemptEntry | undefined): void {
    const { hedges } = this.#call.deps;
    if (winner !== this.#legs[0]) hedges.won += 1;
    hedges.lostNanoUsd += lost?.costNanoUsd ?? 0n;
  }

  /** Without an answer, what a provider has answered counts more than that the second one could not be asked. */
  #lastSent(lastEnded: Leg): Leg {
    const [first] = this.#legs;
    const isUnsent = typeof lastEnded.outcome === "object" && ("unfit" in lastEnded.outcome || "limited" in lastEnded.outcome);
    return isUnsent && first !== undefined ? first : lastEnded;
  }
}

interface LegParts {
  readonly race: Race;
  readonly target: Target;
  readonly isSecond: boolean;
}

/** One of the two attempts, with an exchange of its own that is closed when the other one answers. */
class Leg implements RaceLeg {
  readonly call: ModelCall;
  readonly target: Target;
  outcome: AttemptOutcome | undefined;
  readonly #race: Race;
  readonly #exchange: RacingExchange;

  constructor(from: ModelCall, { race, target, isSecond }: LegParts) {
    this.#race = race;
    this.target = target;
    const { exchange } = from;
    this.#exchange = new RacingExchange(exchange instanceof RacingExchange ? exchange.client : exchange);
    this.call = from.asLeg(this.#exchange, this, isSecond);
    const { answer, entry, deps } = from;
    if (isSecond && entry !== undefined) this.call.answer.earlierMs = answer.earlierMs + deps.clock.monotonic() - entry.dispatchedMs;
  }

  get isOver(): boolean {
    return this.outcome !== undefined;
  }

  get isOpen(): boolean {
    return this.#race.isOpenBeside(this);
  }

  get isLost(): boolean {
    return this.#exchange.isLost;
  }

  claim(): void {
    this.#race.claim(this);
  }

  /** The client has left. */
  leave(): void {
    this.#exchange.leave();
  }

  /** The other attempt answers. */
  lose(): void {
    this.#exchange.isLost = true;
    this.#exchange.leave();
  }
}

class RacingExchange extends WrappedExchange {
  isLost = false;
  #onLeave: (() => void) | undefined;

  get client(): ClientExchange {
    return this.inner;
  }

  override get closed(): boolean {
    return this.isLost || this.inner.closed;
  }

  override onLeave(callback: () => void): void {
    this.#onLeave = callback;
    if (this.closed) this.leave();
  }

  leave(): void {
    const callback = this.#onLeave;
    this.#onLeave = undefined;
    callback?.();
  }
}
