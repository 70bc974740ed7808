import { readServiceTier, readTokenCount, type Usage } from "../../ir/index.ts";
import { compact, isObject } from "../shared/fields.ts";
import { readCacheUsage, wholeInput } from "../openai-shared/cache-usage.ts";
import type { WireUsage } from "./wire.ts";

/**
 * Parses `ResponseUsage` (npm package `openai` 7.57): `input_tokens` includes the cached and the cache-written ones, whose names are in
 * `cache-usage.ts`.
 */
export function parseUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined;
  const inputDetails = isObject(wire["input_tokens_details"]) ? wire["input_tokens_details"] : {};
  const outputDetails = isObject(wire["output_tokens_details"]) ? wire["output_tokens_details"] : {};
  const cache = readCacheUsage(wire, inputDetails);
  const input = wholeInput(readTokenCount(wire["input_tokens"]), cache);
  const output = readTokenCount(wire["output_tokens"]);
  const reasoning = readTokenCount(outputDetails["reasoning_tokens"]);
  if (input === undefined && output === undefined) return undefined;
  return compact({ input, output, cacheRead: cache.read, cacheWrite5m: cache.write5m, cacheWrite1h: cache.write1h, reasoning });
}

/** The usage of a response object, with the service tier that is beside it. */
export function usageOf(response: Readonly<Record<string, unknown>>): Usage | undefined {
  const usage = parseUsage(response["usage"]);
  const tier = readServiceTier(response["service_tier"]);
  return usage === undefined || tier === undefined ? usage : { ...usage, tier };
}

/** The wire requires every number (clients refuse an end without them), so a count that was not reported is 0. */
export function renderUsage(usage: Usage): WireUsage {
  const input = usage.input ?? 0;
  const output = usage.output ?? 0;
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: usage.cacheRead ?? 0,
      cache_write_tokens: (usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
    total_tokens: input + output,
  };
}
