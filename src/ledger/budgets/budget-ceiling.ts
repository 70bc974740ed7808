import { maxNanoUsd, roundToNano } from "../money.ts";
import type { CeilingRates } from "./budget-types.ts";

/** What tokens of a model without a price count for in budgets; they cost no less than nothing is known of. Nano-USD. */
export function ceilingCost(rates: CeilingRates, inputTokens: number, outputTokens: number): bigint {
  const nano = roundToNano(BigInt(inputTokens) * rates.input + BigInt(outputTokens) * rates.output);
  return nano > maxNanoUsd ? maxNanoUsd : nano;
}
