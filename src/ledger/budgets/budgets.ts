import { GatewayError, messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { createBudgetHolds, type BudgetWarning, type Reserved } from "./budget-holds.ts";
import { readBudgets } from "./budget-rows.ts";
import type { Budget, HoldRequest } from "./budget-types.ts";
import { systemSchedule, type Schedule } from "../schedule.ts";

/** Who spends: a request counts in the budgets of all of them. */
export interface Spender {
  readonly userId: string;
  readonly keyId: string;
  /** The keys that the key comes from: its parent, that one's parent, and so on. */
  readonly ancestorIds?: readonly string[];
}

/** The request path's side of budgets. */
export interface Budgets {
  /** The budgets that a request of this spender counts in, from memory; `undefined` for most. */
  of(spender: Spender): readonly Budget[] | undefined;
  /**
   * Holds what a request may cost, in all its budgets or in none. From then on until `finished` the hold does not expire.
   * @returns the budgets that have reached their warning. @throws GatewayError `budget_exceeded`; 503 where the database does not answer.
   */
  reserve(request: HoldRequest): Promise<readonly BudgetWarning[]>;
  /** The request ended without a row that settles it: lets go of what it held. Never rejects: what cannot be let go of expires. */
  release(requestId: string): Promise<void>;
  /**
   * The request is over; its row, on the way to the database, settles what it held. Until then its budgets count what it has cost in place of what it held, if that is
   * known: from now on where it cost more, and where it cost less as soon as another request needs the room.
   */
  finished(requestId: string, costNanoUsd?: bigint): void;
  /** Reads the budgets anew. To be called when the accounts' revision has changed. */
  refresh(): Promise<void>;
  counts(): { readonly warned: number; readonly refused: number };
  close(): void;
}

export interface BudgetsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedule?: Schedule;
  /** How long a hold lasts when its process has died, in milliseconds; 10 minutes if left out. Renewed while it lives, ten times as often. */
  readonly holdMs?: number;
}

/** Most costs that are kept in memory for later: those of rows that are written by then cost one look-up. */
const maxFinished = 500;

/** Reads the budgets and keeps them in memory: a request that has none costs two look-ups in a map, and nothing where there are no budgets at all. */
export async function createBudgets(deps: BudgetsDeps): Promise<Budgets> {
  const budgets = new BudgetsOfProcess(deps);
  await budgets.refresh();
  return budgets;
}

class BudgetsOfProcess implements Budgets {
  readonly #deps: BudgetsDeps;
  readonly #holdMs: number;
  readonly #schedule: Schedule;
  readonly #holds: ReturnType<typeof createBudgetHolds>;
  #bySubject: ReadonlyMap<string, readonly Budget[]> = new Map();
  /** Requests under way that hold something, and how much, in nano-USD. */
  readonly #underWay = new Map<string, bigint>();
  /** What requests have cost whose rows may not be in the database yet. */
  #finished = new Map<string, bigint>();
  /** The write of what requests have cost, if one is under way. Never rejects. */
  #trueUp: Promise<void> | undefined;
  #cancelRenewal: (() => void) | undefined;
  #closed = false;
  #warned = 0;
  #refused = 0;

  constructor(deps: BudgetsDeps) {
    this.#deps = deps;
    this.#holdMs = deps.holdMs ?? 600_000;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#holds = createBudgetHolds({ store: deps.store, clock: deps.clock, holdMs: this.#holdMs });
  }

  of({ userId, keyId, ancestorIds }: Spender): readonly Budget[] | undefined {
    if (this.#bySubject.size === 0) return undefined;
    const ofUser = this.#bySubject.get(userId);
    const ofKey = this.#bySubject.get(keyId);
    if (ancestorIds === undefined && (ofUser === undefined || ofKey === undefined)) return ofUser ?? ofKey;
    const all = [...(ofUser ?? []), ...(ofKey ?? [])];
    for (const id of ancestorIds ?? []) all.push(...(this.#bySubject.get(id) ?? []));
    return all.length === 0 ? undefined : all.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async reserve(request: HoldRequest): Promise<readonly BudgetWarning[]> {
    try {
      const { warnings, amountNanoUsd } = await this.#reserve(request);
      this.#underWay.set(request.requestId, amountNanoUsd);
      this.#planRenewal();
      if (warnings.length > 0) this.#warned += 1;
      return warnings;
    } catch (error) {
      if (error instanceof GatewayError) {
        this.#refused += 1;
        throw error;
      }
      throw new GatewayError("internal_error", "The budget could not be checked, as the database does not answer. Try again in a moment.", {
        status: 503,
        kind: "overloaded",
        retryAfterSeconds: 1,
        cause: error,
      });
    }
  }

  async release(requestId: string): Promise<void> {
    this.#underWay.delete(requestId);
    try {
      await this.#holds.release(requestId);
    } catch (error) {
      this.#deps.logger.warn(
        { request_id: requestId, error: messageOf(error) },
        "what a request held of its budget stays held until it expires",
      );
    }
  }

  finished(requestId: string, costNanoUsd?: bigint): void {
    const held = this.#underWay.get(requestId);
    this.#underWay.delete(requestId);
    if (held === undefined || costNanoUsd === undefined || costNanoUsd === held) return;
    this.#finished.set(requestId, costNanoUsd);
    if (costNanoUsd > held || this.#finished.size >= maxFinished) void this.#startTrueUp();
  }

  async refresh(): Promise<void> {
    const bySubject = new Map<string, Budget[]>();
    for (const budget of await readBudgets(this.#deps.store.db)) {
      const list = bySubject.get(budget.subjectId);
      if (list === undefined) bySubject.set(budget.subjectId, [budget]);
      else list.push(budget);
    }
    this.#bySubject = bySubject;
  }

  counts(): { readonly warned: number; readonly refused: number } {
    return { warned: this.#warned, refused: this.#refused };
  }

  close(): void {
    this.#closed = true;
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
  }

  async #reserve(request: HoldRequest): Promise<Reserved> {
    if (this.#trueUp !== undefined) await this.#trueUp;
    if (this.#finished.size === 0) return await this.#holds.reserve(request);
    try {
      // Less than the whole is taken only when the room of requests that are over has been given back.
      const { requestId, amountNanoUsd, budgets } = request;
      return await this.#holds.reserve({ requestId, amountNanoUsd, budgets });
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

  /** Never rejects: the rows settle what could not be written. */
  async #writeFinished(): Promise<void> {
    const finished = this.#finished;
    if (finished.size === 0) return;
    this.#finished = new Map();
    try {
      await this.#holds.trueUp(finished);
    } catch (error) {
      this.#deps.logger.warn({ requests: finished.size, error: messageOf(error) }, "budgets count what requests have cost with their rows");
    }
  }

  #planRenewal(): void {
    if (this.#cancelRenewal !== undefined || this.#closed) return;
    this.#cancelRenewal = this.#schedule(this.#holdMs / 10, () => {
      this.#cancelRenewal = undefined;
      void this.#renew();
    });
  }

  /** Never rejects: the next one is soon enough. */
  async #renew(): Promise<void> {
    if (this.#underWay.size === 0) return;
    try {
      await this.#holds.renew([...this.#underWay.keys()]);
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, "holds of budgets could not be renewed");
    }
    if (this.#underWay.size > 0) this.#planRenewal();
  }
}
