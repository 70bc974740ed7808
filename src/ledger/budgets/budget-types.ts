import type { SubjectKind } from "../../core/index.ts";

export type BudgetSubject = SubjectKind;

/** `day` and `month` begin at midnight UTC; `total` never resets. */
export type BudgetPeriod = "day" | "month" | "total";

/** What a user or a key may spend in each period. At least one of `warn` and `stop` is set. */
export interface Budget {
  readonly id: string;
  readonly subject: BudgetSubject;
  readonly subjectId: string;
  readonly period: BudgetPeriod;
  /** From this sum on, answers and the log contain a warning. */
  readonly warnNanoUsd: bigint | null;
  /** Requests that may exceed this sum are refused. */
  readonly stopNanoUsd: bigint | null;
}

/** The state of a budget, as the API returns it. Money is a decimal string of US dollars, times are RFC 3339 in UTC. */
export interface BudgetState {
  readonly id: string;
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
}

/** What a request may cost; reserved before it is dispatched. */
export interface HoldRequest {
  readonly requestId: string;
  readonly amountNanoUsd: bigint;
  /** From `Budgets.of`. */
  readonly budgets: readonly Budget[];
  /**
   * Called if a budget refuses. It returns a smaller amount that is enough for the request, at most `leftNanoUsd`, the budget's rest. If it is absent
   * or returns `undefined`, no smaller amount is enough. The amount that it returned last is reserved.
   */
  readonly fitInto?: (leftNanoUsd: bigint) => bigint | undefined;
  /** What a client can do if a budget with this rest refuses its request: a sentence that "or" may follow. */
  readonly advise?: (leftNanoUsd: bigint) => string;
}

/** US dollars per million tokens as femto-USD per token: the rates that budgets use for a model without a price. */
export interface CeilingRates {
  readonly input: bigint;
  readonly output: bigint;
}
