import * as z from "zod";
import type { ResilienceSettings } from "../../../upstream/index.ts";
import { duration, integer, percent } from "../leaf-types.ts";

const breaker = z.strictObject({
  in_a_row: integer("Failures in a row after which a target is left alone.", 1, 1000).prefault(5),
  share: percent("Or this share of the last answers (`of`).").prefault("50%"),
  of: integer("How many of the last answers count for `share`.", 2, 1000).prefault(20),
  window: duration("They count only if they came within this time.").prefault("10s"),
  open: duration("How long a target is left alone before one request probes it.").prefault("30s"),
});

export const routingSchema = z
  .strictObject({
    retries: integer("Most retries of one request at a target that has failed before; other targets are asked first.", 0, 10).prefault(2),
    retry_budget: percent("Most of the requests in flight that may be such retries; three may always be.").prefault("20%"),
    breaker: breaker.describe("When a target that fails is left alone.").prefault({}),
  })
  .describe("How attempts are made.")
  .prefault({});

export type ParsedRouting = z.output<typeof routingSchema>;

export interface RoutingSection {
  readonly resilience: ResilienceSettings;
}

export function readRouting({ retries, retry_budget: retryShare, breaker: rules }: ParsedRouting): RoutingSection {
  const { in_a_row: inARow, share, of, window: windowMs, open: openMs } = rules;
  return { resilience: { retries, retryShare, breaker: { inARow, share, of, windowMs, openMs } } };
}
