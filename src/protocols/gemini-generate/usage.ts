import { addUnit, readServiceTier, readTokenCount, type UnitName, type Units, type Usage } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { objectOf } from "../shared/vendor-cost.ts";
import type { WireUsage } from "./wire.ts";

/** The usage of a blocked prompt without counts: no model has read it, so nothing is charged or estimated. */
export const noUsage: Usage = { input: 0, output: 0 };

/**
 * Reads `usageMetadata`. The prompt includes cached tokens; thoughts are counted beside the candidates, and the tokens that tools add to the prompt
 * beside the prompt. `undefined` if nothing is reported. A count that is not a whole number of tokens is ignored.
 */
export function readUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined;
  const prompt = readTokenCount(wire["promptTokenCount"]);
  const toolPrompt = readTokenCount(wire["toolUsePromptTokenCount"]);
  const candidates = readTokenCount(wire["candidatesTokenCount"]);
  const reasoning = readTokenCount(wire["thoughtsTokenCount"]);
  const cacheRead = readTokenCount(wire["cachedContentTokenCount"]);
  const usage: Usage = compact({
    input: prompt === undefined ? undefined : prompt + (toolPrompt ?? 0),
    output: candidates === undefined && reasoning === undefined ? undefined : (candidates ?? 0) + (reasoning ?? 0),
    cacheRead,
    reasoning,
  });
  if (Object.keys(usage).length === 0) return undefined;
  const tier = readServiceTier(wire["trafficType"]);
  const units = readModalities(wire);
  if (tier === undefined && units === undefined) return usage;
  return { ...usage, ...(units === undefined ? {} : { units }), ...(tier === undefined ? {} : { tier }) };
}

/** The lists of `ModalityTokenCount`, and what they are parts of. Documents are read as text and pictures, at the price of text. */
const modalityLists = [
  ["promptTokensDetails", "input"],
  ["toolUsePromptTokensDetails", "input"],
  ["cacheTokensDetails", "cache_read"],
  ["candidatesTokensDetails", "output"],
] as const;
const modalities: Readonly<Record<string, "audio" | "image" | "video">> = { AUDIO: "audio", IMAGE: "image", VIDEO: "video" };

function readModalities(wire: WireObject): Units | undefined {
  let units: Units | undefined;
  for (const [list, whole] of modalityLists) {
    const parts = wire[list];
    if (!Array.isArray(parts)) continue;
    for (const part of parts as readonly unknown[]) {
      const modality = isObject(part) && typeof part["modality"] === "string" ? modalities[part["modality"]] : undefined;
      if (modality === undefined) continue;
      const name = `${whole}_${modality}` as const;
      const count = readTokenCount((part as WireObject)["tokenCount"]) ?? 0;
      units = addUnit(units, name, count + (units?.[name] ?? 0));
    }
  }
  return units;
}

/**
 * Counts the calls of Google's tools in candidates: different queries of a search (newer models are billed by query, older ones by prompt), prompts that
 * maps answered, pages that were fetched (Gemini API, "Grounding" and "URL context", November 2026).
 */
export function readToolCalls(candidates: unknown): Units | undefined {
  if (!Array.isArray(candidates)) return undefined;
  const queries = new Set<string>();
  let [maps, pages] = [0, 0];
  for (const candidate of candidates as readonly unknown[]) {
    const { groundingMetadata, urlContextMetadata } = objectOf(candidate) as { groundingMetadata?: unknown; urlContextMetadata?: unknown };
    const { webSearchQueries, imageSearchQueries, groundingChunks, googleMapsWidgetContextToken } = objectOf(groundingMetadata);
    for (const list of [webSearchQueries, imageSearchQueries])
      if (Array.isArray(list))
        for (const query of list as readonly unknown[]) if (typeof query === "string" && query !== "") queries.add(query);
    const chunks: readonly unknown[] = Array.isArray(groundingChunks) ? groundingChunks : [];
    if (typeof googleMapsWidgetContextToken === "string" || chunks.some((chunk) => isObject(objectOf(chunk)["maps"]))) maps = 1;
    const fetched = objectOf(urlContextMetadata)["urlMetadata"];
    if (Array.isArray(fetched)) pages += fetched.length;
  }
  let units = addUnit(undefined, "web_search", queries.size);
  units = addUnit(units, "grounded_prompt", queries.size > 0 ? 1 : 0);
  units = addUnit(units, "maps_search", maps);
  return addUnit(units, "page_fetch", pages);
}

/** Whether there may be calls of tools in an answer or a chunk; the keys are searched without their first quote, as in the tap. */
export function hasToolCalls(text: string, from = 0): boolean {
  return text.includes('groundingMetadata"', from) || text.includes('urlContextMetadata"', from);
}

/** Calls so far and those of a further chunk, which may repeat them: the larger count of each. */
export function mostCalls(earlier: Units | undefined, later: Units | undefined): Units | undefined {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  let most: Units | undefined = { ...earlier };
  for (const name of Object.keys(later) as UnitName[]) most = addUnit(most, name, Math.max(later[name]!, earlier[name] ?? 0));
  return most;
}

/** The usage with the calls of tools. */
export function withToolCalls(usage: Usage | undefined, calls: Units | undefined): Usage | undefined {
  return calls === undefined ? usage : { ...usage, units: { ...usage?.units, ...calls } };
}

/** Renders the `usageMetadata` of an answer; unknown counts are omitted. Tokens written to a cache are part of the prompt and have no field here. */
export function renderUsage(usage: Usage): WireUsage {
  const { input, output, reasoning, cacheRead, units, tier } = usage;
  const candidates = output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0));
  return compact({
    promptTokenCount: input,
    candidatesTokenCount: candidates,
    thoughtsTokenCount: reasoning,
    cachedContentTokenCount: cacheRead,
    totalTokenCount: input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0),
    ...(units === undefined
      ? {}
      : {
          promptTokensDetails: renderModalities(units, "input", input),
          cacheTokensDetails: renderModalities(units, "cache_read", cacheRead),
          candidatesTokensDetails: renderModalities(units, "output", candidates),
        }),
    ...(tier === "flex" ? { trafficType: "ON_DEMAND_FLEX" as const } : {}),
    ...(tier === "priority" ? { trafficType: "ON_DEMAND_PRIORITY" as const } : {}),
  });
}

/** `undefined` if all of the tokens are text. */
function renderModalities(units: Units, whole: "input" | "cache_read" | "output", total: number | undefined): WireModalities | undefined {
  const parts = Object.entries(modalities).flatMap(([modality, name]) => {
    const tokenCount = units[`${whole}_${name}`];
    return tokenCount === undefined ? [] : [{ modality, tokenCount }];
  });
  if (parts.length === 0) return undefined;
  const text = (total ?? 0) - parts.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  return (text > 0 ? [{ modality: "TEXT", tokenCount: text }, ...parts] : parts) as WireModalities;
}

type WireModalities = NonNullable<WireUsage["promptTokensDetails"]>;
