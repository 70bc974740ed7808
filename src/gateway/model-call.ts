import type { ToolCallCounts } from "../ledger/index.ts";
import type { Principal } from "../accounts/index.ts";
import type { Bucket, LimitHold } from "../limits/index.ts";
import type { Protocol, RouteCall } from "../protocols/index.ts";
import type { KnownResponse } from "../store/index.ts";
import type { Attempt, Hedge, Plan } from "../upstream/index.ts";
import { createAnswerReport, type AnswerReport } from "./answer-report.ts";
import { AttemptEntry, type CachedEntry, type EntryContext, type Settlement } from "./attempt-entry.ts";
import type { GatewayDeps, GatewaySnapshot } from "./deps.ts";
import type { CallFirewall } from "./firewall/call-firewall.ts";
import type { FailedTry } from "./observed-request.ts";
import type { ClientExchange } from "./exchange.ts";
import type { Guarded } from "../policy/index.ts";
import type { CacheUse } from "./cache-use.ts";
import type { KeptPrompt } from "./prompt-caches/kept-prompt.ts";
import type { MarkedRequest } from "./prompt-caches/prefix-memory.ts";
import { RequestFacts } from "./request-facts.ts";
import type { RequestTrace } from "./trace.ts";

/** What a request has reserved in its budgets, until it is over. */
export interface BudgetReservation {
  /** The bound on the output of each answer that its budget's rest sets. */
  readonly outputLimit: number | undefined;
  /** Budgets that have reached their warning, for a header. */
  readonly warnings: readonly string[];
  isReleased: boolean;
}

/** The limits of who sends a request. */
export interface CallLimits {
  readonly buckets: readonly Bucket[];
  /** What the request has taken from them; `undefined`: they have refused it. */
  readonly hold: LimitHold | undefined;
}

/** The head of a stream that goes out before an upstream has answered, as it is silent for long. */
export interface EarlyHead {
  /** It has gone out. */
  readonly isOpen: boolean;
  /** Somebody else writes from now on. @returns whether the head has gone out. */
  takeOver(): boolean;
}

/** A request that the gateway has rewritten so that it needs no earlier response. */
export interface Continuation {
  /** The response that it continued. */
  readonly previousId: string | undefined;
  /** Its own input items, JSON. */
  readonly input: string;
}

/** One of two attempts of a request at the same time. */
export interface RaceLeg {
  /** The other attempt may answer, too: it has not failed. */
  readonly isOpen: boolean;
  /** The other attempt answers. */
  readonly isLost: boolean;
  /** This attempt has content: the other one is cancelled, unless this one is. */
  claim(): void;
}

/** How two attempts at the same time have ended. */
export interface RaceEnd {
  /** The attempt that has answered, or that has failed last. */
  readonly last: ModelCall;
  /** The entry of the attempt that was cancelled; `undefined`: there is none. */
  readonly lost: AttemptEntry | undefined;
}

/** A request whose client has its answer already, and polls for the response. */
export interface BackgroundRun {
  readonly exchange: ClientExchange;
  /** The response object without an answer, JSON. */
  readonly pending: string;
}

interface CallParts {
  readonly deps: GatewayDeps;
  readonly current: GatewaySnapshot;
  readonly exchange: ClientExchange;
  readonly request: RequestFacts;
  readonly background?: string;
  readonly trace?: RequestTrace | undefined;
  readonly firewall?: CallFirewall | undefined;
}

/** The code of an attempt that was cancelled, as another one at the same time answered first. */
const hedgeLost = "hedge_lost";

/**
 * One request on its way through the gateway: what it is (`request`), what its admission decided, the ledger's entry of its last attempt (`entry`), and
 * what is known of its answer (`answer`).
 */
export class ModelCall implements EntryContext {
  readonly deps: GatewayDeps;
  readonly current: GatewaySnapshot;
  readonly exchange: ClientExchange;
  readonly request: RequestFacts;
  readonly answer: AnswerReport = createAnswerReport();
  /** Set if the gateway makes a response without its client: the response object without an answer, JSON. */
  readonly background: string | undefined;
  /** `undefined`: it is not traced. */
  readonly trace: RequestTrace | undefined;
  /** `undefined`: there are no rules. */
  readonly firewall: CallFirewall | undefined;

  /** What the guard has found: its edits belong into every body that goes upstream. */
  guarded: Guarded | undefined;
  /** `undefined` if no budget counts the request. */
  reservation: BudgetReservation | undefined;
  /** `undefined`: who sends the request has none. */
  limits: CallLimits | undefined;
  /** The response that the path names, one of the user's own. */
  stored: KnownResponse | undefined;
  continued: Continuation | undefined;
  /** `undefined`: the head goes out with the answer. */
  earlyHead: EarlyHead | undefined;
  /** The provider's key that a stored response belongs to: it must be used again. */
  pinnedKey: string | undefined;
  /** The ways to serve it, as far as its key may use them; `undefined` before it is planned. */
  plan: Plan | undefined;
  /** Fields of the body that the gateway has acted on, and cut out. */
  takenParams: readonly string[] | undefined;
  /** How the request uses the response cache; `undefined`: not at all. */
  cacheUse: CacheUse | undefined;
  /** What was decided about the cache marks of the last attempt that is rendered; `undefined`: nothing. */
  markedPrompt: MarkedRequest | undefined;
  /** What the last attempt has sent, if its vendor can keep it under a name; `undefined`: it cannot, or nothing is learned of it. */
  keptPrompt: KeptPrompt | undefined;
  /** When its last attempt must be over, monotonic milliseconds; `undefined` for the first one, whose provider's own limit holds. */
  deadlineAt: number | undefined;
  /** Set if the answer is looked at for calls of tools, once the client has it. */
  readToolCalls: (() => ToolCallCounts | undefined) | undefined;
  /** Set while two attempts may be under way at the same time. */
  readonly race: RaceLeg | undefined = undefined;

  /** Each failed attempt. */
  #failures: readonly FailedTry[] | undefined;
  #entry: AttemptEntry | undefined;
  /** Of this request, those at the same time included. */
  #attempts = 0;
  /** The entry of an attempt that was cancelled, as another one answered first. */
  #lost: AttemptEntry | undefined;
  #hedge: Hedge | undefined;
  #served: Settlement | undefined;
  #spentTargets: readonly Attempt[] | undefined;

  constructor({ deps, current, exchange, request, background, trace, firewall }: CallParts) {
    this.deps = deps;
    this.current = current;
    this.exchange = exchange;
    this.request = request;
    this.background = background;
    this.trace = trace;
    this.firewall = firewall;
  }

  /** The entry of the last attempt, or of the refusal; `undefined` before. */
  get entry(): AttemptEntry | undefined {
    return this.#entry;
  }

  /** The last attempt; `undefined` before the first. */
  get attempt(): Attempt | undefined {
    return this.#entry?.attempt;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Each failed attempt; `undefined` if there is none. */
  get failures(): readonly FailedTry[] | undefined {
    return this.#failures;
  }

  noteFailure(failed: FailedTry): void {
    this.#failures = [...(this.#failures ?? []), failed];
  }

  /** What was used by an attempt that was cancelled, as another one answered first; `undefined`: there is none. */
  get lost(): AttemptEntry | undefined {
    return this.#lost;
  }

  /** When a second target is asked at the same time; `undefined`: never. */
  get hedge(): Hedge | undefined {
    return this.#hedge;
  }

  planHedge(hedge: Hedge | undefined): void {
    this.#hedge = hedge;
  }

  /** Another attempt may yet have the first content, or the head has gone out already: there is no need to send it without content. */
  get waitsForContent(): boolean {
    return this.earlyHead?.isOpen === true || this.race?.isOpen === true;
  }

  /** Why an attempt is cancelled. */
  get cancelCode(): string {
    return this.race?.isLost === true ? hedgeLost : "client_closed_request";
  }

  /** Targets whose provider or model has used up its budget: they are not asked. `undefined`: none. */
  get spentTargets(): readonly Attempt[] | undefined {
    return this.#spentTargets;
  }

  passOver(spent: readonly Attempt[]): void {
    this.#spentTargets = [...(this.#spentTargets ?? []), ...spent];
  }

  get hasReservation(): boolean {
    return this.reservation !== undefined && !this.reservation.isReleased;
  }

  /** How the last attempt ended, or the request without one; `undefined` before. */
  get settlement(): Settlement | undefined {
    return this.#entry?.settlement ?? this.#served;
  }

  /** An attempt begins: its OPEN goes to the ledger. */
  open(attempt: Attempt): AttemptEntry {
    // Why there is another attempt: the error of the one before.
    const reason = this.#attempts === 0 ? undefined : (this.#entry?.settlement?.errorCode ?? this.#hedgeReason);
    const number = this.#attempts + 1;
    this.#attempts = number;
    this.#entry = new AttemptEntry(this, number, attempt, reason);
    return this.#entry;
  }

  /** The request is answered from the response cache: one row, without an OPEN that would be charged. */
  openCached(attempt: Attempt, cached: CachedEntry): AttemptEntry {
    this.#attempts = 1;
    this.#entry = new AttemptEntry(this, 1, attempt, undefined, cached);
    return this.#entry;
  }

  /** Settles the attempt that is open; without an attempt, the request is refused: one row, attempt 0. */
  settleError(settlement: Settlement): Promise<void> | undefined {
    if (this.attempts > 0) return this.#entry?.settle(settlement);
    this.#entry = new AttemptEntry(this, 0, undefined);
    return this.#entry.settle({ ...settlement, status: "refused" });
  }

  /** Answered from what the gateway stores: there is no attempt, and nothing for the ledger. */
  served(httpStatus: number): void {
    this.#served = { status: "ok", httpStatus };
  }

  get #hedgeReason(): string | undefined {
    return this.race === undefined ? undefined : "hedge";
  }

  overheadMs(): number {
    return Math.max(0, this.deps.clock.monotonic() - this.exchange.startedMs - this.answer.upstreamMs - this.answer.earlierMs);
  }

  /**
   * The same request for one of two attempts at the same time: its entry, and what is known of its answer, are its own until `adopt`.
   * @param isSecond another attempt is under way.
   */
  asLeg(exchange: ClientExchange, race: RaceLeg, isSecond: boolean): ModelCall {
    const { deps, current, request, trace } = this;
    const leg = new ModelCall({ deps, current, exchange, request, trace });
    const markedPrompt = isSecond ? undefined : this.markedPrompt;
    Object.assign(leg, this, { exchange, answer: { ...this.answer }, race, markedPrompt });
    leg.#spentTargets = this.#spentTargets;
    leg.#failures = this.#failures;
    leg.#attempts = this.#attempts;
    if (!isSecond) leg.#entry = this.#entry;
    return leg;
  }

  /** This number of attempts was made, those beside this one included. */
  noteAttempts(count: number): void {
    this.#attempts = Math.max(this.#attempts, count);
  }

  /** The two attempts are over: what is known of the last one is known of the request. */
  adopt({ last, lost }: RaceEnd): void {
    const { exchange, race } = this;
    Object.assign(this, last, { exchange, answer: Object.assign(this.answer, last.answer), race });
    this.#entry = last.#entry;
    this.noteAttempts(last.#attempts);
    this.#failures = last.#failures;
    this.#lost = lost;
  }

  /** The same request without its client: it goes on as a stream to `exchange`. */
  inBackground({ exchange, pending }: BackgroundRun): ModelCall {
    const { deps, current, request, trace, firewall } = this;
    const call = new ModelCall({ deps, current, exchange, request: request.asStream(), background: pending, trace, firewall });
    call.guarded = this.guarded;
    call.reservation = this.reservation;
    call.limits = this.limits;
    call.continued = this.continued;
    call.pinnedKey = this.pinnedKey;
    call.plan = this.plan;
    call.#spentTargets = this.#spentTargets;
    return call;
  }
}

/** Who calls, and what: as the edge found it. */
export interface Caller {
  readonly principal: Principal;
  readonly protocol: Protocol;
  readonly route: RouteCall;
}

export function createModelCall(
  deps: GatewayDeps,
  exchange: ClientExchange,
  { principal, protocol, route }: Caller,
  firewall?: CallFirewall,
): ModelCall {
  const request = new RequestFacts(principal, protocol, route);
  return new ModelCall({ deps, current: deps.current(), exchange, request, trace: deps.tracer?.begin(exchange.rawHeaders), firewall });
}
