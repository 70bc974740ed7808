import type { Usage } from "../../ir/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";
import type { ContextPrices } from "./plan-context-cache.ts";

/** A smaller discount is not worth a cache. */
const leastDiscount = 0.1;

/** The prices of a cache of a prompt of this length; `undefined`: one of them is not known. */
export function pricesOf(call: ModelCall, attempt: Attempt, tokens: number): ContextPrices | undefined {
  const cost = (usage: Usage): number | undefined => {
    const nano = costOfUsage(call, attempt, usage);
    return nano === undefined ? undefined : Number(nano);
  };
  const storage = cost({ input: 0, output: 0, units: { cache_storage: tokens } });
  if (storage === undefined) return undefined;
  const input = cost({ input: tokens, output: 0 });
  const read = cost({ input: tokens, output: 0, cacheRead: tokens });
  if (input === undefined || read === undefined || input <= 0) return undefined;
  const discount = 1 - read / input;
  return discount < leastDiscount ? undefined : { discount, storage: storage / input };
}

export function costOfUsage({ deps }: ModelCall, { provider, upstreamModel }: Attempt, usage: Usage): bigint | undefined {
  return deps.ledger.cost(provider.name, upstreamModel, usage, deps.clock.now());
}
