import { readServiceTier, readTokenCount, type ServiceTier, type Usage } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import type { WireDeltaUsage, WireUsage } from "./wire.ts";

/** The counts as Anthropic reports them: `input` is the part of the prompt that was neither read from nor written to a cache. */
export interface WireCounts {
  readonly input?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly cacheWrite5m?: number;
  readonly cacheWrite1h?: number;
  readonly output?: number;
  readonly thinking?: number;
  readonly tier?: ServiceTier;
}

/**
 * Merges a `usage` object into the counts known so far. `message_start` has all counts; `message_delta` repeats whole-message totals, and omits the
 * counts that did not change or sets them to null. A count that is not a whole number of tokens is ignored.
 */
export function mergeCounts(earlier: WireCounts, usage: unknown): WireCounts {
  if (!isObject(usage)) return earlier;
  const creation = isObject(usage["cache_creation"]) ? usage["cache_creation"] : undefined;
  const details = isObject(usage["output_tokens_details"]) ? usage["output_tokens_details"] : undefined;
  const { tier: known, ...numbers } = earlier;
  const counts: Record<string, number> = numbers;
  take(counts, "input", usage, "input_tokens");
  take(counts, "cacheRead", usage, "cache_read_input_tokens");
  take(counts, "cacheWrite", usage, "cache_creation_input_tokens");
  take(counts, "cacheWrite5m", creation, "ephemeral_5m_input_tokens");
  take(counts, "cacheWrite1h", creation, "ephemeral_1h_input_tokens");
  take(counts, "output", usage, "output_tokens");
  take(counts, "thinking", details, "thinking_tokens");
  const tier = readServiceTier(usage["service_tier"]) ?? known;
  return tier === undefined ? counts : { ...counts, tier };
}

function take(counts: Record<string, number>, key: Exclude<keyof WireCounts, "tier">, from: WireObject | undefined, wireKey: string): void {
  const value = readTokenCount(from?.[wireKey]);
  if (value !== undefined) counts[key] = value;
}

/** The counts in the neutral meaning, where `input` is the whole prompt; `undefined` if nothing was reported. */
export function usageOfCounts(counts: WireCounts): Usage | undefined {
  const written = splitCacheWrite(counts);
  const total = (written.cacheWrite5m ?? 0) + (written.cacheWrite1h ?? 0);
  const usage: Usage = compact({
    input: counts.input === undefined ? undefined : counts.input + (counts.cacheRead ?? 0) + total,
    output: counts.output,
    cacheRead: counts.cacheRead,
    ...written,
    reasoning: counts.thinking,
  });
  if (Object.keys(usage).length === 0) return undefined;
  return counts.tier === undefined ? usage : { ...usage, tier: counts.tier };
}

/** A later total without its split replaces an earlier split: the 1 h part is kept as known, and the rest counts as 5 m. */
function splitCacheWrite(counts: WireCounts): Pick<Usage, "cacheWrite5m" | "cacheWrite1h"> {
  const { cacheWrite, cacheWrite5m, cacheWrite1h } = counts;
  if (cacheWrite === undefined) return compact({ cacheWrite5m, cacheWrite1h });
  if (cacheWrite1h === undefined) return { cacheWrite5m: cacheWrite };
  const long = Math.min(cacheWrite1h, cacheWrite);
  return { cacheWrite5m: cacheWrite - long, cacheWrite1h: long };
}

/** Renders the `usage` of a message. An unknown value is null if its type allows null; the two counts whose types do not are 0. */
export function renderUsage(usage: Usage, extra: unknown): WireUsage {
  const { cacheWrite5m, cacheWrite1h } = usage;
  const known = isObject(extra) ? extra : {};
  return {
    input_tokens: freshInput(usage) ?? 0,
    cache_creation_input_tokens: cacheWriteTotal(usage),
    cache_read_input_tokens: usage.cacheRead ?? null,
    cache_creation:
      cacheWrite5m === undefined && cacheWrite1h === undefined
        ? null
        : { ephemeral_5m_input_tokens: cacheWrite5m ?? 0, ephemeral_1h_input_tokens: cacheWrite1h ?? 0 },
    output_tokens: usage.output ?? 0,
    output_tokens_details: outputDetails(usage),
    server_tool_use: (known["server_tool_use"] ?? null) as WireUsage["server_tool_use"],
    service_tier: (known["service_tier"] ?? null) as WireUsage["service_tier"],
    inference_geo: (known["inference_geo"] ?? null) as WireUsage["inference_geo"],
    speed: (known["speed"] ?? null) as WireUsage["speed"],
  };
}

/** Renders the `usage` of `message_delta`: totals of the whole message. For a null, the SDKs keep the number of `message_start`. */
export function renderDeltaUsage(usage: Usage): WireDeltaUsage {
  return {
    input_tokens: freshInput(usage) ?? null,
    cache_creation_input_tokens: cacheWriteTotal(usage),
    cache_read_input_tokens: usage.cacheRead ?? null,
    output_tokens: usage.output ?? 0,
    output_tokens_details: outputDetails(usage),
    server_tool_use: null,
  };
}

function freshInput(usage: Usage): number | undefined {
  if (usage.input === undefined) return undefined;
  return Math.max(0, usage.input - (usage.cacheRead ?? 0) - (cacheWriteTotal(usage) ?? 0));
}

function cacheWriteTotal(usage: Usage): number | null {
  const { cacheWrite5m, cacheWrite1h } = usage;
  return cacheWrite5m === undefined && cacheWrite1h === undefined ? null : (cacheWrite5m ?? 0) + (cacheWrite1h ?? 0);
}

function outputDetails(usage: Usage): { thinking_tokens: number } | null {
  return usage.reasoning === undefined ? null : { thinking_tokens: usage.reasoning };
}
