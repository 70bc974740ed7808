export type BudgetSubject = "user" | "key";

/** `day` and `month` begin at midnight UTC; `total` never begins anew. */
export type BudgetPeriod = "day" | "month" | "total";

/** What a user or a key may spend in each period. At least one of `warn` and `stop` is set. */
export interface Budget {
  readonly id: string;
  readonly subject: BudgetSubject;
  readonly subjectId: string;
  readonly period: BudgetPeriod;
  /** From so much on, answers and the log warn. */
  readonly warnNanoUsd: bigint | null;
  /** Requests that may lead beyond it are refused. */
  readonly stopNanoUsd: bigint | null;
}

/** Where a budget stands, as the API gives it. Money is a decimal string of US dollars, times are RFC 3339 in UTC. */
export interface BudgetState {
  readonly id: string;
  /** The user's id, or the key's. */
  readonly user_id: string | null;
  readonly key_id: string | null;
  readonly period: BudgetPeriod;
  readonly warn_usd: string | null;
  readonly stop_usd: string | null;
  /** What the ledger has of this period, models without a price at the ceiling's. */
  readonly spent_usd: string;
  /** What requests under way may still cost. */
  readonly held_usd: string;
  /** Of `stop_usd`; never below 0. `null`: there is no stop. */
  readonly left_usd: string | null;
  /** `null` for `total`. */
  readonly period_start: string | null;
  readonly period_end: string | null;
}

/** What a request may cost, held before it is dispatched. */
export interface HoldRequest {
  readonly requestId: string;
  readonly amountNanoUsd: bigint;
  /** From `Budgets.of`. */
  readonly budgets: readonly Budget[];
  /**
   * If a budget refuses: a smaller amount that the request can do with, at most `leftNanoUsd`, the budget's rest. Absent, or `undefined`: it can do with no less. What
   * it returned last is the amount that is reserved.
   */
  readonly fitInto?: (leftNanoUsd: bigint) => bigint | undefined;
  /** What a client can do whose request a budget with this rest refuses: a sentence that "or" may follow. */
  readonly advise?: (leftNanoUsd: bigint) => string;
}

/** US dollars a million tokens in femto-USD a token: what budgets reckon with where a model has no price. */
export interface CeilingRates {
  readonly input: bigint;
  readonly output: bigint;
}
