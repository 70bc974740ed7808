import { addUnit, readServiceTier, readTokenCount, type Units, type Usage } from "../../ir/index.ts";
import { compact, isObject } from "../shared/fields.ts";
import { readCacheUsage, wholeInput } from "../openai-shared/cache-usage.ts";
import { withDetails } from "../openai-shared/usage-details.ts";
import { objectOf } from "../shared/vendor-cost.ts";
import { countServerCalls, imageIteration } from "./server-calls.ts";
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
  const plain = compact({ input, output, cacheRead: cache.read, cacheWrite5m: cache.write5m, cacheWrite1h: cache.write1h, reasoning });
  return withDetails(plain, { usage: wire, input: inputDetails, output: outputDetails }, cache);
}

/** What a response object bills: its `usage`, its class of service, and what its tools and its items say of calls of server tools. */
export function usageOf(response: Readonly<Record<string, unknown>>): Usage | undefined {
  const { output, tool_usage: toolUsage } = response;
  const reported = parseUsage(response["usage"]);
  const tier = readServiceTier(response["service_tier"]);
  const usage = reported === undefined || tier === undefined ? reported : { ...reported, tier };
  const counted = Array.isArray(output) ? countServerCalls(output) : undefined;
  if (counted === undefined && toolUsage === undefined) return usage;
  return withServerCalls(usage, counted, response);
}

function withServerCalls(
  usage: Usage | undefined,
  counted: Units | undefined,
  response: Readonly<Record<string, unknown>>,
): Usage | undefined {
  const { tool_usage: toolUsage, tools } = response;
  const requests = objectOf(objectOf(toolUsage)["web_search"])["num_requests"];
  const images = imageIteration(toolUsage, tools);
  // Images whose tokens are counted have no other price.
  const { image = 0, ...calls } = counted ?? {};
  const all = images === undefined ? addUnit(calls, "image", image) : calls;
  const units = {
    ...(calls.web_search === undefined && calls.page_fetch === undefined ? addUnit(all, "web_search", requests) : all),
    ...usage?.units,
  };
  const isCounted = Object.keys(units).length > 0;
  if (!isCounted && images === undefined) return usage;
  return { ...usage, ...(isCounted ? { units } : {}), ...(images === undefined ? {} : { iterations: [images] }) };
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
      ...renderLifetimes(usage.units),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
    total_tokens: input + output,
  };
}

function renderLifetimes(units: Units | undefined): Pick<WireUsage["input_tokens_details"], "cache_write_tokens_details"> {
  const { cache_write_30m: short, cache_write_12h: long } = units ?? {};
  if (short === undefined && long === undefined) return {};
  return { cache_write_tokens_details: { ttl_30m_tokens: short ?? 0, ttl_12h_tokens: long ?? 0 } };
}
