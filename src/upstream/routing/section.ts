import * as z from "zod";
import type { ResilienceSettings } from "../resilience/settings.ts";
import { choice, duration, integer, percent } from "../../settings/index.ts";
import { readTargets, type fallbacksSchema, type modelsSchema } from "./models-section.ts";
import { strategies, type TargetTable } from "./targets.ts";

const breaker = z.strictObject({
  in_a_row: integer("Failures in a row after which a target is left alone.", 1, 1000).prefault(5),
  share: percent("Or this share of the last answers (`of`).").prefault("50%"),
  of: integer("How many of the last answers count for `share`.", 2, 1000).prefault(20),
  window: duration("They count only if they came within this time.").prefault("10s"),
  open: duration("How long a target is left alone before one request probes it.").prefault("30s"),
});

export const routingSchema = z
  .strictObject({
    strategy: choice("How the first target of a request is chosen, where a model has several and says nothing else.", strategies).prefault(
      "priority",
    ),
    affinity: choice("Whether a conversation stays at one target, whose prompt cache knows it.", ["auto", "off"]).prefault("auto"),
    retries: integer("Most retries of one request at a target that has failed before; other targets are asked first.", 0, 10).prefault(2),
    retry_budget: percent("Most of the requests in flight that may be such retries; three may always be.").prefault("20%"),
    breaker: breaker.describe("When a target that fails is left alone.").prefault({}),
  })
  .describe("How attempts are made.")
  .prefault({});

interface RoutingParts {
  readonly models: z.output<typeof modelsSchema>;
  readonly fallbacks: z.output<typeof fallbacksSchema>;
  readonly routing: z.output<typeof routingSchema>;
}

export interface RoutingSection {
  /** With `models` and `fallbacks`. */
  readonly targets: TargetTable;
  readonly resilience: ResilienceSettings;
}

export function readRouting({ models, fallbacks, routing }: RoutingParts): RoutingSection {
  const { retries, retry_budget: retryShare, breaker: rules, strategy, affinity } = routing;
  const { in_a_row: inARow, share, of, window: windowMs, open: openMs } = rules;
  const targets = readTargets(models, fallbacks, { strategy, hasAffinity: affinity === "auto" });
  return { targets, resilience: { retries, retryShare, breaker: { inARow, share, of, windowMs, openMs } } };
}
