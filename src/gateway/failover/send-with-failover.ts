import type { GatewayError } from "../../core/index.ts";
import { type Refusal, type RefusalKind } from "../../core/index.ts";
import type { Attempt, Target, TargetState } from "../../upstream/index.ts";
import { refusalIn } from "../errors/upstream-errors.ts";
import { answerEstimate } from "../lanes/count-tokens.ts";
import type { ModelCall } from "../model-call.ts";
import { attemptTarget, type AttemptOptions, type AttemptOutcome } from "./attempt-target.ts";
import { chooseAny, chooseFirst, chooseNext } from "./choose-target.ts";
import { conversationOf, type Conversation } from "../prompt-caches/conversation.ts";
import { fallbacksFor } from "./fallbacks.ts";
import { orderTargets } from "./order-attempts.ts";
import { allOut, finalError } from "./final-error.ts";
import { hasTimeLeft } from "./has-time-left.ts";
import { hedgeDelayMs, mayRace } from "./plan-hedge.ts";
import { pause } from "./pause.ts";
import { sendHedged } from "./send-hedged.ts";
import { unspent } from "./reserve-targets.ts";

/** However many targets a model has, a request does not wander through more of them. */
const maxAttempts = 10;
/** The pause before the first retry, doubled for each further one; a part of it is random, so that clients do not come back together. */
const firstPauseMs = 200;
/** A provider that asks to wait longer is not waited for. */
const longestPauseMs = 2_000;

/**
 * Tries the attempts, one target after the other, as long as nothing has gone to the client and the failure allows it. A target that failed is tried again only
 * within the retry budget.
 * @throws GatewayError the last failure, in the words of the provider.
 */
export function sendWithFailover(call: ModelCall, attempts: readonly Attempt[]): Promise<void> {
  return new Failover(call, attempts).run();
}

interface TriedTargets {
  readonly states: TargetState[];
  readonly attempts: Attempt[];
}

class Failover {
  readonly #call: ModelCall;
  /** Those of the model, later those of its fallbacks. */
  #attempts: readonly Attempt[];
  #isFallback = false;
  /** Made with the first failure, as most requests have none. */
  #triedTargets: TriedTargets | undefined;
  /** The last failure of a provider. */
  #failure: GatewayError | undefined;
  /** Why the request cannot be made for a provider. */
  #unfit: GatewayError | undefined;
  /** No place was free within the limits of a provider or model. */
  #limited: GatewayError | undefined;
  /** The target of the attempt that has ended last: of two at the same time, the one that counts. */
  #asked: Target | undefined;
  #last: Target | undefined;
  #retries = 0;
  #isRetrying = false;
  #conversation: Conversation | undefined;
  /** The client has left, or the gateway is shutting down. */
  #isCut = false;

  constructor(call: ModelCall, attempts: readonly Attempt[]) {
    this.#call = call;
    this.#attempts = attempts;
  }

  async run(): Promise<void> {
    const { deps, current } = this.#call;
    deps.retryBudget.requestBegins(current.resilience.retryShare);
    try {
      let target = this.#first();
      while (target !== undefined) {
        const outcome = await this.#send(target);
        if (outcome === "served") return;
        this.#endRetry();
        const next = this.#afterOutcome(this.#asked!, outcome);
        target = next instanceof Promise ? await next : next;
      }
    } finally {
      this.#endRetry();
      deps.retryBudget.requestEnds();
    }
    await this.#end();
  }

  /** No target has served the request. A count for which no key could be asked is estimated; what a provider has answered is reported. */
  async #end(): Promise<void> {
    const error = this.#error();
    const attempt = this.#attempts[0];
    const isAsked = this.#failure !== undefined || this.#unfit !== undefined || this.#limited !== undefined;
    if (isAsked || attempt === undefined || this.#call.request.traits.translation !== "count") throw error;
    await answerEstimate(this.#call, attempt, error);
  }

  #endRetry(): void {
    if (this.#isRetrying) this.#call.deps.retryBudget.retryEnds();
    this.#isRetrying = false;
  }

  get #tried(): TriedTargets {
    return (this.#triedTargets ??= { states: [], attempts: [] });
  }

  /** Puts the attempts into the order of the model's strategy. Returns the target of the conversation, if it has one that is ready. */
  #prefer(): Target | undefined {
    const call = this.#call;
    const { plan, deps } = call;
    const isOnly = this.#attempts.length === 1 && this.#attempts[0]!.states.length === 1;
    if (isOnly || plan === undefined) return undefined;
    this.#conversation = plan.hasAffinity && call.pinnedKey === undefined ? conversationOf(call) : undefined;
    const nowMs = deps.clock.monotonic();
    const known = this.#conversation === undefined ? undefined : deps.affinity.get(this.#conversation.id, nowMs);
    const attempt = known === undefined ? undefined : this.#attempts.find(({ states }) => states.includes(known));
    // The turns go on without the requests that have a place already.
    if (attempt !== undefined && known!.availability(nowMs) === "ready") return { attempt, state: known! };
    this.#attempts = orderTargets(call, plan, this.#attempts);
    return undefined;
  }

  /** If the model's targets are left alone at the moment, its fallbacks come before the last resort. */
  #first(): Target | undefined {
    const known = this.#prefer();
    if (known !== undefined) return known;
    const choice = chooseFirst(this.#call, this.#attempts);
    // A call on what is stored is no use of the model.
    if (this.#call.request.traits.translation === "none") return choice.target ?? chooseAny(this.#call, this.#attempts);
    if (choice.isReady) return choice.target;
    return this.#fallBack(kindOfBlock(this.#attempts)) ?? choice.target;
  }

  #error(): GatewayError {
    if (this.#failure !== undefined) return finalError(this.#call, this.#attempts, this.#failure);
    return this.#limited ?? this.#unfit ?? allOut(this.#call, this.#attempts);
  }

  /** An attempt at a target; if that is silent for long, one at a second target at the same time. */
  #send(target: Target): Promise<AttemptOutcome> {
    const call = this.#call;
    this.#stay(target);
    // A fallback has no fallbacks.
    const isFilterAnError = !this.#isFallback && fallbacksFor(call, "filtered") !== undefined;
    const options = this.#hasSpill(target.attempt) ? { isFilterAnError, waitMs: 0 } : { isFilterAnError };
    const delayMs = call.hedge === undefined || !mayRace(call, target) ? undefined : hedgeDelayMs(call, target);
    this.#asked = target;
    return delayMs === undefined ? attemptTarget(call, target, options) : this.#sendHedged(target, delayMs, options);
  }

  async #sendHedged(target: Target, delayMs: number, options: AttemptOptions): Promise<AttemptOutcome> {
    const call = this.#call;
    const end = await sendHedged(call, { first: target, delayMs, options, chooseSecond: () => this.#chooseSecond(target) });
    call.adopt(end);
    // At most once for each request.
    if (end.isHedged) call.planHedge(undefined);
    if (end.failedBefore !== undefined) {
      this.#tried.states.push(end.failedBefore.state);
      this.#stay(end.target);
    }
    this.#asked = end.target;
    return end.outcome;
  }

  /** Of another provider or model, if there is one, else another key of the same. */
  #chooseSecond({ attempt, state }: Target): Target | undefined {
    const call = this.#call;
    const [states, attempts] = [[...this.#tried.states, state], this.#tried.attempts];
    const second =
      chooseNext(call, this.#attempts, { states, attempts: [...attempts, attempt] }) ??
      chooseNext(call, this.#attempts, { states, attempts });
    return second !== undefined && mayRace(call, second) ? second : undefined;
  }

  /** Other gateways take what this one has no room for: its own limits are not waited for. */
  #hasSpill(attempt: Attempt): boolean {
    const bought = this.#call.plan?.bought;
    if (bought === undefined || bought.isFirst || bought.attempts.includes(attempt)) return false;
    return this.#attempts.some((other) => bought.attempts.includes(other));
  }

  /** The next requests of the conversation go to the same target, but not to one that is asked only while there is no room here. */
  #stay({ attempt, state }: Target): void {
    if (this.#conversation === undefined) return;
    const bought = this.#call.plan?.bought;
    if (bought?.isFirst === false && bought.attempts.includes(attempt)) return;
    const { deps } = this.#call;
    const { id, lifetimeMs } = this.#conversation;
    deps.affinity.set(id, state, deps.clock.monotonic() + lifetimeMs);
  }

  #afterOutcome(target: Target, outcome: Exclude<AttemptOutcome, "served">): Target | undefined | Promise<Target | undefined> {
    if ("error" in outcome) return this.#after(target, outcome.error);
    if ("limited" in outcome) {
      this.#limited ??= outcome.limited;
      return this.#afterLimit(target.attempt);
    }
    if ("unfit" in outcome) {
      this.#unfit ??= outcome.unfit;
      this.#tried.attempts.push(target.attempt);
      return this.#nextTarget();
    }
    this.#isCut = true;
    if (outcome.cut !== undefined) this.#failure = outcome.cut;
    return undefined;
  }

  /** The limits of a provider or model are those of all its keys. */
  #afterLimit(attempt: Attempt): Target | undefined {
    const call = this.#call;
    call.noteFailure({ reason: "limited", provider: attempt.provider.name, model: attempt.upstreamModel });
    this.#tried.attempts.push(attempt);
    return call.exchange.closed ? undefined : (this.#nextTarget() ?? this.#fallBack("throttled"));
  }

  /** What follows a failed attempt; `undefined`: the client gets its error. */
  #after(target: Target, error: GatewayError): Target | undefined | Promise<Target | undefined> {
    const call = this.#call;
    this.#failure = error;
    this.#last = target;
    const refusal = refusalIn(error);
    const { provider, upstreamModel } = target.attempt;
    call.noteFailure({ reason: refusal?.kind ?? error.code, provider: provider.name, model: upstreamModel });
    if (refusal === undefined || !this.#mayGoOn()) return undefined;
    this.#tried.states.push(target.state);
    switch (refusal.kind) {
      case "throttled":
      case "quota":
      case "credential":
        return this.#nextTarget() ?? this.#fallBack(refusal.kind);
      case "unreachable":
      case "timeout":
        this.#tried.attempts.push(target.attempt);
        return this.#nextTarget() ?? this.#fallBack(refusal.kind);
      case "overloaded":
      case "broken":
        this.#tried.attempts.push(target.attempt);
        return this.#nextTarget() ?? this.#retryOrFallBack(target, refusal);
      case "context":
      case "filtered":
        return this.#fallBack(refusal.kind);
      case "client":
        return undefined;
    }
  }

  #mayGoOn(): boolean {
    const call = this.#call;
    if (call.exchange.closed || call.attempts >= maxAttempts) return false;
    return hasTimeLeft(call);
  }

  #nextTarget(): Target | undefined {
    return chooseNext(this.#call, this.#attempts, this.#tried);
  }

  /** The model's fallbacks take the place of its targets, once; a fallback has none of its own. */
  #fallBack(kind: RefusalKind): Target | undefined {
    if (this.#isFallback) return undefined;
    const fallbacks = fallbacksFor(this.#call, kind);
    if (fallbacks === undefined) return undefined;
    const attempts = unspent(
      this.#call,
      fallbacks.flatMap((fallback) => fallback.attempts),
    );
    const target = chooseNext(this.#call, attempts, this.#tried);
    if (target === undefined) return undefined;
    this.#isFallback = true;
    this.#attempts = attempts;
    return target;
  }

  /** A target that is left alone from now on is not tried again if there are fallbacks. */
  async #retryOrFallBack({ state }: Target, refusal: Refusal): Promise<Target | undefined> {
    const again = state.isClear || fallbacksFor(this.#call, refusal.kind) === undefined ? await this.#retry(refusal) : undefined;
    return again ?? (this.#isCut ? undefined : this.#fallBack(refusal.kind));
  }

  /** The same target once more, after a pause. */
  async #retry({ waitMs = 0 }: Refusal): Promise<Target | undefined> {
    const { deps, current, answer, deadlineAt } = this.#call;
    const { retries, retryShare } = current.resilience;
    const fullMs = firstPauseMs * 2 ** this.#retries;
    const pauseMs = Math.max(waitMs, fullMs * (0.5 + deps.random() / 2));
    const startMs = deps.clock.monotonic();
    const isTooLate = pauseMs > longestPauseMs || startMs + pauseMs >= deadlineAt!;
    if (this.#retries >= retries || isTooLate || !deps.retryBudget.tryRetry(retryShare)) return undefined;
    this.#retries += 1;
    const end = await pause(this.#call, pauseMs);
    answer.earlierMs += deps.clock.monotonic() - startMs;
    if (end !== "over") {
      deps.retryBudget.retryEnds();
      this.#isCut = true;
      if (end !== "left") this.#failure = end;
      return undefined;
    }
    this.#isRetrying = true;
    return this.#last;
  }
}

/** Why the targets of a model are left alone, as far as its fallbacks differ by it. */
function kindOfBlock(attempts: readonly Attempt[]): RefusalKind {
  switch (attempts[0]?.states[0]?.block) {
    case "throttled":
      return "throttled";
    case "quota":
      return "quota";
    case "credential":
      return "credential";
    case "overloaded":
    case "breaker":
    case undefined:
      // Without any target, the budgets of all are used up.
      return attempts.length === 0 ? "quota" : "overloaded";
  }
}
