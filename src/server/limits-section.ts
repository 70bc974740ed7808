import * as z from "zod";
import { integer } from "../settings/index.ts";

export const limitsSchema = z
  .strictObject({
    max_in_flight: integer(
      "Model requests that one process serves at a time. A few more wait for a moment; over that, 503 `overloaded`. No limit if omitted.",
      1,
      1_000_000,
    ).optional(),
  })
  .describe("Limits on requests of all callers, none of which holds unless it is set.")
  .prefault({});

export type ParsedLimits = z.output<typeof limitsSchema>;

export interface LimitsSection {
  /** Model requests that one process serves at a time; `undefined`: no limit. */
  readonly maxInFlight: number | undefined;
}

export function readLimits({ max_in_flight: maxInFlight }: ParsedLimits): LimitsSection {
  return { maxInFlight };
}
