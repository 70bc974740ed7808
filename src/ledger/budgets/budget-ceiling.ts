import type { Usage } from "../../ir/index.ts";
import { addIterations } from "../entries/usage-details.ts";
import type { UsageRow } from "../entries/usage-row.ts";
import { maxNanoUsd, roundToNano } from "../money.ts";
import type { CostNanoUsd, EntryStatus } from "../types.ts";
import type { CeilingRates } from "./budget-types.ts";

/** The cost, in nano-USD, that budgets assume for tokens of a model without a price. */
export function ceilingCost(rates: CeilingRates, inputTokens: number, outputTokens: number): bigint {
  const nano = roundToNano(BigInt(inputTokens) * rates.input + BigInt(outputTokens) * rates.output);
  return nano > maxNanoUsd ? maxNanoUsd : nano;
}

/** How a request ended, as far as budgets are concerned. */
export interface EndedRequest {
  readonly status: EntryStatus;
  /** Without `iterations` it has the counts of a row, which are those of the answer and of the model calls behind it. */
  readonly usage: Pick<Usage, "input" | "output" | "iterations">;
  readonly costNanoUsd: CostNanoUsd;
}

/**
 * What a request costs a budget: its cost, or the ceiling's cost if it has no price. If the usage comes later (background responses), the row that
 * brings it is charged.
 * @returns `undefined` for an interrupted request whose usage is unknown: it costs the amount that was reserved for it.
 */
export function budgetCharge({ status, usage, costNanoUsd }: EndedRequest, ceiling: CeilingRates): bigint | undefined {
  if (costNanoUsd !== undefined) return costNanoUsd;
  const { input, output } = usage.iterations === undefined ? usage : addIterations(usage, usage.iterations);
  if (input !== undefined || output !== undefined) return ceilingCost(ceiling, input ?? 0, output ?? 0);
  return status === "ok" ? 0n : undefined;
}

/** How rows without a cost are charged. */
export interface RowCharging {
  readonly ceiling: CeilingRates;
  /** The highest possible cost of an entry without a cost, if a price of its model is known. */
  readonly highestCost?: ((row: UsageRow) => bigint | undefined) | undefined;
  /** Whether a client's name of a model is one of the configuration's own (`models`, `model_aliases`): budgets of models count these names, too. */
  readonly isAlias?: ((model: string) => boolean) | undefined;
}

/** What a row costs a budget, when it is settled as well as in the sums of a new budget; `undefined` as of `budgetCharge`. */
export function chargeOfRow(row: UsageRow, { ceiling, highestCost }: RowCharging): bigint | undefined {
  const { status, input_tokens: input, output_tokens: output } = row;
  const usage = { ...(input === null ? {} : { input }), ...(output === null ? {} : { output }) };
  return budgetCharge({ status, usage, costNanoUsd: row.cost_nano_usd ?? highestCost?.(row) }, ceiling);
}
