import { GatewayError, type SubjectKind } from "../../core/index.ts";

export type BudgetSubject = SubjectKind;

/** `day` and `month` begin at midnight in the budget's time zone; `total` never resets. */
export type BudgetPeriod = "day" | "month" | "total";

/** What a user, a key, a tag, a provider or the models of a pattern may cost in each period. At least one of `warn` and `stop` is set. */
export interface Budget {
  readonly id: string;
  readonly subject: BudgetSubject;
  /** Of a user or key: its id; of models: the pattern. */
  readonly subjectId: string;
  readonly period: BudgetPeriod;
  /** From this sum on, answers and the log contain a warning. */
  readonly warnNanoUsd: bigint | null;
  /** Requests that may exceed this sum are refused. */
  readonly stopNanoUsd: bigint | null;
  /** Whose days and months its periods are; `null`: `ledger.time_zone`. */
  readonly timeZone: string | null;
}

/** The state of a budget, as the API returns it. Money is a decimal string of US dollars, times are RFC 3339 in UTC. */
export interface BudgetState {
  readonly id: string;
  readonly kind: BudgetSubject;
  /** As commands take it: the id of the user or key, `tag:team:search`, `model:gpt-*`, `provider:openai`. */
  readonly subject: string;
  /** The user's id, or the key's. */
  readonly user_id: string | null;
  readonly key_id: string | null;
  readonly period: BudgetPeriod;
  readonly warn_usd: string | null;
  readonly stop_usd: string | null;
  /** The ledger's sum for this period; entries without a price count at the ceiling's rates. */
  readonly spent_usd: string;
  /** What active requests may still cost. */
  readonly held_usd: string;
  /** The rest of `stop_usd`; never below 0. `null`: there is no stop. */
  readonly left_usd: string | null;
  /** `null` for `total`. */
  readonly period_start: string | null;
  readonly period_end: string | null;
  /** Whose days and months they are. */
  readonly time_zone: string;
}

/** What a request may cost; reserved before it is dispatched. */
/** A budget has no room for a request. */
export class BudgetExceeded extends GatewayError {
  readonly budget: Budget;

  constructor(budget: Budget, message: string) {
    super("budget_exceeded", message);
    this.budget = budget;
  }
}

export interface ReservationRequest {
  readonly requestId: string;
  readonly amountNanoUsd: bigint;
  /** From `Budgets.of` and `Budgets.ofTarget`, each once. */
  readonly budgets: readonly Budget[];
  /** The part of the amount that a budget counts, if it does not count all of it: that of a provider, what the request may cost there. It is at most the whole. */
  readonly partOf?: (budget: Budget) => bigint | undefined;
  /**
   * Called if a budget refuses. It returns a smaller amount that is enough for the request, at most `leftNanoUsd`, the budget's rest. If it is absent
   * or returns `undefined`, no smaller amount is enough. The amount that it returned last is reserved.
   */
  readonly fitInto?: (leftNanoUsd: bigint, budget: Budget) => bigint | undefined;
  /** What a client can do if a budget with this rest refuses its request: a sentence that "or" may follow. */
  readonly advise?: (leftNanoUsd: bigint, budget: Budget) => string;
}

/** US dollars per million tokens as femto-USD per token: the rates that budgets use for a model without a price. */
export interface CeilingRates {
  readonly input: bigint;
  readonly output: bigint;
}
