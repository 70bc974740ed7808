import * as z from "zod";
import { choice, integer, limitValues, readLimitValues, type LimitValues } from "../settings/index.ts";

export const limitsSchema = z
  .strictObject({
    store: choice(
      "Where limits are counted. memory: in this gateway, exactly, for all its workers. redis, postgresql: for all gateways that share it.",
      ["memory", "redis", "postgresql"],
    ).prefault("memory"),
    default: limitValues("The limits of a key that has none of its own.").prefault({}),
    max_in_flight: integer(
      "Model requests that one process serves at a time. A few more wait for a moment; over that, 503 `overloaded`. No limit if omitted.",
      1,
      1_000_000,
    ).optional(),
  })
  .describe(
    "Limits on requests and tokens, none of which holds unless it is set. `tokligence limit set` sets those of single keys, users, tags, models and providers.",
  )
  .prefault({});

export type ParsedLimits = z.output<typeof limitsSchema>;

/** Where limits are counted. */
export type LimitStoreKind = ParsedLimits["store"];

export interface LimitsSection {
  readonly store: LimitStoreKind;
  /** Of a key that has none of its own. */
  readonly default?: LimitValues;
  /** Model requests that one process serves at a time; `undefined`: no limit. */
  readonly maxInFlight: number | undefined;
}

export function readLimits({ store, default: ofKeys, max_in_flight: maxInFlight }: ParsedLimits): LimitsSection {
  const values = readLimitValues(ofKeys);
  return { store, maxInFlight, ...(values === undefined ? {} : { default: values }) };
}
