import { GatewayError, messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { createBudgetHolds, type BudgetWarning } from "./budget-holds.ts";
import { readBudgets } from "./budget-rows.ts";
import type { Budget, HoldRequest } from "./budget-types.ts";
import { systemSchedule, type Schedule } from "../schedule.ts";

/** The request path's side of budgets. */
export interface Budgets {
  /** The budgets that a request of this user, key and that key's ancestors counts in, from memory; `undefined` for most. */
  of(userId: string, keyId: string, ancestorIds?: readonly string[]): readonly Budget[] | undefined;
  /**
   * Holds what a request may cost, in all its budgets or in none. From then on until `finished` the hold does not expire.
   * @returns the budgets that have reached their warning. @throws GatewayError `budget_exceeded`; 503 where the database does not answer.
   */
  reserve(request: HoldRequest): Promise<readonly BudgetWarning[]>;
  /** The request ended without a row that settles it: lets go of what it held. Never rejects: what cannot be let go of expires. */
  release(requestId: string): Promise<void>;
  /** The request is over; its row, on the way to the database, settles what it held. */
  finished(requestId: string): void;
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
  /** Requests under way that hold something. */
  readonly #underWay = new Set<string>();
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

  of(userId: string, keyId: string, ancestorIds?: readonly string[]): readonly Budget[] | undefined {
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
      const warnings = await this.#holds.reserve(request);
      this.#underWay.add(request.requestId);
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

  finished(requestId: string): void {
    this.#underWay.delete(requestId);
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
      await this.#holds.renew([...this.#underWay]);
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, "holds of budgets could not be renewed");
    }
    if (this.#underWay.size > 0) this.#planRenewal();
  }
}
