import { readServiceTier, readTokenCount, type Usage } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { readCacheUsage, wholeInput } from "../openai-shared/cache-usage.ts";
import { withDetails } from "../openai-shared/usage-details.ts";
import type { WireUsage } from "./wire.ts";

/**
 * Finds the usage of a chunk or an answer: `usage`, or the place where a vendor puts it instead (`x_groq.usage` at Groq, `choices[0].usage` at
 * Moonshot). `undefined`: there is no readable usage.
 */
export function findUsage(wire: WireObject): Usage | undefined {
  const groq = wire["x_groq"];
  const choices = wire["choices"];
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const usage =
    parseUsage(wire["usage"]) ??
    (isObject(groq) ? parseUsage(groq["usage"]) : undefined) ??
    (isObject(first) ? parseUsage(first["usage"]) : undefined);
  const tier = readServiceTier(wire["service_tier"]);
  return usage === undefined || tier === undefined ? usage : { ...usage, tier };
}

/**
 * Parses `CompletionUsage` (npm package `openai` 7.57). `prompt_tokens` includes the cached ones, for which servers have more names than OpenAI's
 * (`cache-usage.ts`). Some vendors include reasoning in `total_tokens` but not in `completion_tokens` (xAI, Google's compatible endpoint): then the
 * output is computed from the total.
 */
export function parseUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined;
  const inputDetails = isObject(wire["prompt_tokens_details"]) ? wire["prompt_tokens_details"] : {};
  const outputDetails = isObject(wire["completion_tokens_details"]) ? wire["completion_tokens_details"] : {};
  const prompt = readTokenCount(wire["prompt_tokens"]);
  const cache = readCacheUsage(wire, inputDetails);
  const input = wholeInput(prompt, cache);
  const output = outputOf(readTokenCount(wire["completion_tokens"]), input, readTokenCount(wire["total_tokens"]));
  const reasoning = readTokenCount(outputDetails["reasoning_tokens"]);
  if (input === undefined && output === undefined) return undefined;
  const plain = compact({ input, output, cacheRead: cache.read, cacheWrite5m: cache.write5m, cacheWrite1h: cache.write1h, reasoning });
  return withDetails(plain, { usage: wire, input: inputDetails, output: outputDetails }, cache);
}

function outputOf(completion: number | undefined, input: number | undefined, total: number | undefined): number | undefined {
  if (completion === undefined || input === undefined || total === undefined) return completion;
  return Math.max(completion, total - input);
}

/** `undefined` if nothing is known. The wire requires all three sums, so a part that was not reported counts as 0 in them. */
export function renderUsage(usage: Usage): WireUsage | undefined {
  const { input, output, cacheRead, reasoning, units } = usage;
  if (input === undefined && output === undefined) return undefined;
  const cacheWrite = sumOf(usage.cacheWrite5m, usage.cacheWrite1h);
  const ofInput = compact({
    cached_tokens: cacheRead,
    cache_write_tokens: cacheWrite,
    audio_tokens: units?.input_audio,
    image_tokens: units?.input_image,
  });
  const ofOutput = compact({
    reasoning_tokens: reasoning,
    audio_tokens: units?.output_audio,
    accepted_prediction_tokens: units?.accepted_prediction,
    rejected_prediction_tokens: units?.rejected_prediction,
  });
  return {
    prompt_tokens: input ?? 0,
    completion_tokens: output ?? 0,
    total_tokens: (input ?? 0) + (output ?? 0),
    ...(Object.keys(ofInput).length === 0 ? {} : { prompt_tokens_details: ofInput }),
    ...(Object.keys(ofOutput).length === 0 ? {} : { completion_tokens_details: ofOutput }),
  };
}

function sumOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0);
}
