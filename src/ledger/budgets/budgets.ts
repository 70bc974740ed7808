import {
  BoundedWait,
  createSubjectIndex,
  GatewayError,
  messageOf,
  type Clock,
  type Logger,
  systemSchedule,
  type Schedule,
  type SubjectCaller,
  type SubjectIndex,
  type SubjectTarget,
  type TimeZone,
} from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { createBudgetReservations, type BudgetWarning, type FinishedCost, type Reserved } from "./budget-reservations.ts";
import { readBudgets, subjectOf } from "./budget-rows.ts";
import type { Budget, ReservationRequest } from "./budget-types.ts";

/** The part of the budgets that the request path uses. */
export interface Budgets {
  /** The budgets of the user, the key, its ancestors and their tags, from memory; `undefined` for most callers. */
  of(caller: SubjectCaller): readonly Budget[] | undefined;
  /** Whether there are budgets of providers or models. */
  readonly hasTargets: boolean;
  /** The budgets of a provider, a model and the alias that a client asked for; `undefined` for most. */
  ofTarget(target: SubjectTarget): readonly Budget[] | undefined;
  /**
   * Reserves what a request may cost, in all its budgets or in none. The reservation does not expire until `finished` is called.
   * @returns the budgets that have reached their warning. @throws GatewayError `budget_exceeded`; `budget_unavailable`, within about a second, if the
   * database does not answer.
   */
  reserve(request: ReservationRequest): Promise<readonly BudgetWarning[]>;
  /**
   * Releases the reservation of a request that ended without a row to settle it. Resolves after about a second if the database does not answer; the
   * release goes on. Never rejects: a reservation that cannot be released expires.
   */
  release(requestId: string): Promise<void>;
  /**
   * Reports that the request is over. Its row, on the way to the database, settles the reservation. Until then its budgets count its cost, if known,
   * in place of the reservation: at once if it cost more; if it cost less, as soon as another request needs the room.
   * @param target who answered: budgets of other providers and models count nothing.
   */
  finished(requestId: string, costNanoUsd?: bigint, target?: SubjectTarget): void;
  /** Reads the budgets again. Call it when the accounts' revision has changed. */
  refresh(): Promise<void>;
  /** Counts a request that was refused. A budget's refusal is none if another target serves the request, so it is not counted by itself. */
  countRefusal(): void;
  counts(): { readonly warned: number; readonly refused: number };
  close(): void;
}

export interface BudgetsDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** Whose days and months the periods are. */
  readonly timeZone: () => TimeZone;
  readonly logger: Logger;
  readonly schedule?: Schedule;
  /**
   * How long a reservation lasts after its process has died, in milliseconds; 10 minutes by default. A living process renews it ten times in that
   * time.
   */
  readonly reservationMs?: number;
  /** How long a request waits for the database, in milliseconds; 1,000 by default. */
  readonly timeoutMs?: number;
}

/** The most costs that are kept in memory until they are written. If a row is written first, its cost takes one useless look-up. */
const maxFinished = 500;

/** Reads the budgets and keeps them in memory. A request without a budget costs two look-ups in a map, and nothing if there are no budgets at all. */
export async function createBudgets(deps: BudgetsDeps): Promise<Budgets> {
  const budgets = new BudgetsOfProcess(deps);
  await budgets.refresh();
  return budgets;
}

interface ActiveHold {
  readonly amountNanoUsd: bigint;
  /** The smallest part that one of its budgets counts. */
  readonly leastNanoUsd: bigint;
  /** Its budgets of providers and models. */
  readonly targeted: readonly Budget[];
}

function activeHold({ budgets, partOf }: ReservationRequest, amountNanoUsd: bigint): ActiveHold {
  const targeted = budgets.filter(countsTargets);
  let leastNanoUsd = amountNanoUsd;
  for (const budget of targeted) {
    const part = partOf?.(budget) ?? amountNanoUsd;
    if (part < leastNanoUsd) leastNanoUsd = part;
  }
  return { amountNanoUsd, leastNanoUsd, targeted };
}

function countsTargets({ subject }: Budget): boolean {
  return subject === "provider" || subject === "model";
}

class BudgetsOfProcess implements Budgets {
  readonly #deps: BudgetsDeps;
  readonly #reservationMs: number;
  readonly #schedule: Schedule;
  readonly #wait: BoundedWait;
  readonly #holds: ReturnType<typeof createBudgetReservations>;
  #index: SubjectIndex<Budget> = createSubjectIndex<Budget>([], subjectOf);
  /** Active requests that have a reservation. */
  readonly #underWay = new Map<string, ActiveHold>();
  /** Costs of finished requests whose rows may not be in the database yet. */
  #finished = new Map<string, FinishedCost>();
  /** The active write of finished requests' costs, if any. Never rejects. */
  #trueUp: Promise<void> | undefined;
  #cancelRenewal: (() => void) | undefined;
  #closed = false;
  #warned = 0;
  #refused = 0;

  constructor(deps: BudgetsDeps) {
    this.#deps = deps;
    this.#reservationMs = deps.reservationMs ?? 600_000;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#wait = new BoundedWait(deps.timeoutMs ?? 1000, deps.clock);
    this.#holds = createBudgetReservations({
      store: deps.store,
      clock: deps.clock,
      timeZone: deps.timeZone,
      reservationMs: this.#reservationMs,
    });
  }

  of(caller: SubjectCaller): readonly Budget[] | undefined {
    return this.#index.isEmpty ? undefined : this.#index.ofCaller(caller);
  }

  get hasTargets(): boolean {
    return this.#index.hasTargets;
  }

  ofTarget(target: SubjectTarget): readonly Budget[] | undefined {
    return this.#index.ofTarget(target);
  }

  async reserve(request: ReservationRequest): Promise<readonly BudgetWarning[]> {
    const outcome = await this.#ask(request);
    if (outcome instanceof GatewayError) throw outcome;
    const { warnings, amountNanoUsd } = outcome;
    this.#underWay.set(request.requestId, activeHold(request, amountNanoUsd));
    this.#planRenewal();
    if (warnings.length > 0) this.#warned += 1;
    return warnings;
  }

  async #ask(request: ReservationRequest): Promise<Reserved | GatewayError> {
    const reserve = async (): Promise<Reserved | GatewayError> => {
      try {
        return await this.#reserve(request);
      } catch (error) {
        // A refusal is an answer, too.
        if (error instanceof GatewayError) return error;
        throw error;
      }
    };
    try {
      return await this.#wait.for(reserve, (late) => {
        // The request has been refused meanwhile.
        if (!(late instanceof GatewayError)) void this.#release(request.requestId);
      });
    } catch (cause) {
      throw new GatewayError(
        "budget_unavailable",
        "The budget could not be checked, as the database does not answer. Try again in a moment.",
        {
          retryAfterSeconds: 1,
          cause,
        },
      );
    }
  }

  async release(requestId: string): Promise<void> {
    this.#underWay.delete(requestId);
    const released = this.#release(requestId);
    // A wait in vain is no reason to give up the release, nor is that of another request.
    await this.#wait.for(() => released).catch(() => undefined);
  }

  /** Never rejects. */
  async #release(requestId: string): Promise<void> {
    try {
      await this.#holds.release(requestId);
    } catch (error) {
      this.#deps.logger.warn(
        { request_id: requestId, error: messageOf(error) },
        "a budget reservation could not be released; it stays until it expires",
      );
    }
  }

  finished(requestId: string, costNanoUsd?: bigint, target?: SubjectTarget): void {
    const held = this.#underWay.get(requestId);
    this.#underWay.delete(requestId);
    if (held === undefined || costNanoUsd === undefined) return;
    const spared = target === undefined ? undefined : this.#sparedOf(held, target);
    if (costNanoUsd === held.amountNanoUsd && held.targeted.length === 0) return;
    this.#finished.set(requestId, { costNanoUsd, spared });
    const isMore = costNanoUsd > held.leastNanoUsd;
    if (isMore || this.#finished.size >= maxFinished) void this.#startTrueUp();
  }

  /** The budgets of other providers and models than the one that answered. */
  #sparedOf({ targeted }: ActiveHold, target: SubjectTarget): ReadonlySet<string> | undefined {
    if (targeted.length === 0) return undefined;
    const counting = this.ofTarget(target) ?? [];
    return new Set(targeted.filter((budget) => !counting.includes(budget)).map(({ id }) => id));
  }

  async refresh(): Promise<void> {
    this.#index = createSubjectIndex(await readBudgets(this.#deps.store.db), subjectOf);
  }

  countRefusal(): void {
    this.#refused += 1;
  }

  counts(): { readonly warned: number; readonly refused: number } {
    return { warned: this.#warned, refused: this.#refused };
  }

  close(): void {
    this.#closed = true;
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
  }

  async #reserve(request: ReservationRequest): Promise<Reserved> {
    if (this.#trueUp !== undefined) await this.#trueUp;
    if (this.#finished.size === 0) return await this.#holds.reserve(request);
    try {
      // A part of the amount is reserved only after the room of finished requests has been given back.
      const { fitInto: _, ...whole } = request;
      return await this.#holds.reserve(whole);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      await this.#startTrueUp();
      return await this.#holds.reserve(request);
    }
  }

  /** One write after the other. */
  #startTrueUp(): Promise<void> {
    const write = (this.#trueUp ?? Promise.resolve()).then(() => this.#writeFinished());
    this.#trueUp = write;
    void write.then(() => {
      if (this.#trueUp === write) this.#trueUp = undefined;
    });
    return write;
  }

  /** Never rejects: if a write fails, the rows settle the costs. */
  async #writeFinished(): Promise<void> {
    const finished = this.#finished;
    if (finished.size === 0) return;
    this.#finished = new Map();
    try {
      await this.#holds.trueUp(finished);
    } catch (error) {
      this.#deps.logger.warn(
        { requests: finished.size, error: messageOf(error) },
        "the costs of finished requests could not be written to their budgets; their rows will settle them",
      );
    }
  }

  #planRenewal(): void {
    if (this.#cancelRenewal !== undefined || this.#closed) return;
    this.#cancelRenewal = this.#schedule(this.#reservationMs / 10, () => {
      this.#cancelRenewal = undefined;
      void this.#renew();
    });
  }

  /** Never rejects: the next renewal is soon enough. */
  async #renew(): Promise<void> {
    if (this.#underWay.size === 0) return;
    try {
      await this.#holds.renew([...this.#underWay.keys()]);
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, "budget reservations could not be renewed");
    }
    if (this.#underWay.size > 0) this.#planRenewal();
  }
}
