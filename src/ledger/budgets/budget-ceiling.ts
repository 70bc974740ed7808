import type { Usage } from "../../ir/index.ts";
import { maxNanoUsd, roundToNano } from "../money.ts";
import type { CostNanoUsd, EntryStatus } from "../types.ts";
import type { CeilingRates } from "./budget-types.ts";

/** What tokens of a model without a price count for in budgets; they cost no less than nothing is known of. Nano-USD. */
export function ceilingCost(rates: CeilingRates, inputTokens: number, outputTokens: number): bigint {
  const nano = roundToNano(BigInt(inputTokens) * rates.input + BigInt(outputTokens) * rates.output);
  return nano > maxNanoUsd ? maxNanoUsd : nano;
}

/** How a request ended, as far as budgets are concerned. */
export interface EndedRequest {
  readonly status: EntryStatus;
  readonly usage: Pick<Usage, "input" | "output">;
  readonly costNanoUsd: CostNanoUsd;
}

/**
 * What a request costs a budget: its cost; without a price the ceiling's. An answer whose usage comes later (in the background) is charged by the row that brings it.
 * @returns `undefined` for a request that broke off and whose usage is not known: it costs what was held for it.
 */
export function budgetCharge({ status, usage, costNanoUsd }: EndedRequest, ceiling: CeilingRates): bigint | undefined {
  if (costNanoUsd !== undefined) return costNanoUsd;
  const { input, output } = usage;
  if (input !== undefined || output !== undefined) return ceilingCost(ceiling, input ?? 0, output ?? 0);
  return status === "ok" ? 0n : undefined;
}
