import { addUnit, readServiceTier, readTokenCount, type Iteration, type TokenCounts, type Usage } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { objectOf, readVendorCost } from "../shared/vendor-cost.ts";
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
  /** How the answer was served, and what is counted beside its tokens. */
  readonly details?: WireDetails;
}

type WireDetails = Pick<Usage, "tier" | "speed" | "region" | "units" | "iterations" | "vendorCostUsd">;

/**
 * Merges a `usage` object into the counts known so far. `message_start` has all counts; `message_delta` repeats whole-message totals, and omits the
 * counts that did not change or sets them to null. A count that is not a whole number of tokens is ignored.
 */
export function mergeCounts(earlier: WireCounts, usage: unknown): WireCounts {
  if (!isObject(usage)) return earlier;
  const creation = isObject(usage["cache_creation"]) ? usage["cache_creation"] : undefined;
  const { details: known, ...numbers } = earlier;
  const counts: Record<string, number> = numbers;
  take(counts, "input", usage, "input_tokens");
  take(counts, "cacheRead", usage, "cache_read_input_tokens");
  take(counts, "cacheWrite", usage, "cache_creation_input_tokens");
  take(counts, "cacheWrite5m", creation, "ephemeral_5m_input_tokens");
  take(counts, "cacheWrite1h", creation, "ephemeral_1h_input_tokens");
  take(counts, "output", usage, "output_tokens");
  take(counts, "thinking", objectOf(usage["output_tokens_details"]), "thinking_tokens");
  const details = readDetails(known, usage);
  return details === undefined ? counts : { ...counts, details };
}

function take(
  counts: Record<string, number>,
  key: Exclude<keyof WireCounts, "details">,
  from: WireObject | undefined,
  wireKey: string,
): void {
  const value = readTokenCount(from?.[wireKey]);
  if (value !== undefined) counts[key] = value;
}

/** Regions that have the standard price. */
const anyRegion: ReadonlySet<unknown> = new Set(["", "global", "not_available", "unspecified"]);

/**
 * Reads what a `usage` reports beside tokens (SDK 1.12, `BetaUsage`): class of service, speed, region, calls of server tools, iterations. In the common
 * answer there is nothing: then what is known stays as it is.
 */
function readDetails(known: WireDetails | undefined, usage: WireObject): WireDetails | undefined {
  const { service_tier, speed, inference_geo: region, server_tool_use: tools, iterations } = usage;
  const tier = readServiceTier(service_tier);
  const vendorCostUsd = readVendorCost(usage);
  let units = addUnit(undefined, "web_search", objectOf(tools)["web_search_requests"]);
  units = addUnit(units, "page_fetch", objectOf(tools)["web_fetch_requests"]);
  const others = Array.isArray(iterations) ? readIterations(iterations) : [];
  const isFast = typeof speed === "string" && speed !== "standard" && speed !== "";
  const isPlace = typeof region === "string" && !anyRegion.has(region);
  if (tier === undefined && vendorCostUsd === undefined && units === undefined && others.length === 0 && !isFast && !isPlace) return known;
  return {
    ...known,
    ...(tier === undefined ? {} : { tier }),
    ...(isFast ? { speed } : {}),
    ...(isPlace ? { region } : {}),
    ...(units === undefined ? {} : { units }),
    ...(others.length === 0 ? {} : { iterations: others }),
    ...(vendorCostUsd === undefined ? {} : { vendorCostUsd }),
  };
}

/** The iterations that the top level does not include: summaries of the conversation, advice of another model, and turns that were gone on with (`JoinedTurns`). */
function readIterations(iterations: readonly unknown[]): readonly Iteration[] {
  return iterations.flatMap((wire): Iteration[] => {
    if (!isObject(wire)) return [];
    const { type, model } = wire;
    if (type !== "compaction" && type !== "advisor_message" && type !== "paused_turn") return [];
    const counts = plainOf(usageOfCounts(mergeCounts({}, wire)) ?? {});
    // The calls of its tools are in the sum of the answer, which reports add up.
    if (type === "paused_turn") return [{ kind: "paused_turn", ...counts }];
    if (type === "compaction") return [{ kind: "compaction", ...counts }];
    return [{ kind: "advisor", model: typeof model === "string" ? model : "", ...counts }];
  });
}

function plainOf({ input, output, cacheRead, cacheWrite5m, cacheWrite1h, reasoning }: Usage): TokenCounts {
  return compact({ input, output, cacheRead, cacheWrite5m, cacheWrite1h, reasoning });
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
  return counts.details === undefined ? usage : { ...usage, ...counts.details };
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
    server_tool_use: (known["server_tool_use"] ?? renderServerTools(usage)) as WireUsage["server_tool_use"],
    service_tier: (known["service_tier"] ?? renderTier(usage)) as WireUsage["service_tier"],
    inference_geo: (known["inference_geo"] ?? usage.region ?? null) as WireUsage["inference_geo"],
    speed: (known["speed"] ?? usage.speed ?? null) as WireUsage["speed"],
    ...(known["iterations"] === undefined ? {} : { iterations: known["iterations"] }),
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
    server_tool_use: renderServerTools(usage),
  };
}

function renderServerTools({ units }: Usage): WireUsage["server_tool_use"] {
  const { web_search: searches, page_fetch: pages } = units ?? {};
  return searches === undefined && pages === undefined ? null : { web_search_requests: searches ?? 0, web_fetch_requests: pages ?? 0 };
}

function renderTier({ tier }: Usage): WireUsage["service_tier"] {
  return tier === "priority" || tier === "batch" ? tier : null;
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
