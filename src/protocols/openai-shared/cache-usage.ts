import { readTokenCount } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";

/** Tokens of the prompt that a cache was read or written for; `undefined`: not reported. */
export interface CacheUsage {
  readonly read: number | undefined;
  readonly write5m: number | undefined;
  readonly write1h: number | undefined;
  /** The parts of the two that OpenAI's own lifetimes have: 30 minutes and 12 hours. */
  readonly write30m?: number | undefined;
  readonly write12h?: number | undefined;
}

/**
 * Reads the cache's part of a `usage` of either OpenAI dialect; `details` is its `prompt_tokens_details` or `input_tokens_details`. OpenAI's name for what
 * was written is `cache_write_tokens` (npm package `openai` 7.57). Gateways in front of Claude have others: LiteLLM `cache_creation_tokens` and, beside the
 * details, `cache_creation_input_tokens`, one-api's family `cached_creation_tokens`; each with its own names for the two lifetimes. November 2026.
 */
export function readCacheUsage(usage: WireObject, details: WireObject): CacheUsage {
  if (isPlainUsage(usage) && isPlainDetails(details))
    return { read: readTokenCount(details["cached_tokens"]), write5m: undefined, write1h: undefined };
  const read = countOf(usage, details, readNames);
  const write = countOf(usage, details, writeNames);
  const lifetimes = [details["cache_write_tokens_details"], details["cache_creation_token_details"], usage["cache_creation"], usage].find(
    (holder): holder is WireObject => isObject(holder) && longNames.some((name) => holder[name] !== undefined),
  );
  const long = lifetimes === undefined ? undefined : firstCount(lifetimes, longNames);
  if (lifetimes === undefined || long === undefined) return { read, write5m: write, write1h: undefined };
  const short = firstCount(lifetimes, shortNames) ?? (write === undefined ? undefined : Math.max(0, write - long));
  const [write30m, write12h] = [readTokenCount(lifetimes["ttl_30m_tokens"]), readTokenCount(lifetimes["ttl_12h_tokens"])];
  return { read, write5m: short, write1h: long, write30m, write12h };
}

/**
 * The whole prompt. Servers that have Anthropic's names beside the details may have its meaning too, where the prompt is counted without the cache: then
 * the parts are more than the whole.
 */
export function wholeInput(input: number | undefined, { read = 0, write5m = 0, write1h = 0 }: CacheUsage): number | undefined {
  const cached = read + write5m + write1h;
  return input === undefined || cached <= input ? input : input + cached;
}

/** Whether a usage has only OpenAI's own fields, as most have: then nothing else has to be looked for. */
function isPlainUsage(usage: WireObject): boolean {
  for (const name in usage) {
    switch (name) {
      case "prompt_tokens":
      case "completion_tokens":
      case "total_tokens":
      case "prompt_tokens_details":
      case "completion_tokens_details":
      case "input_tokens":
      case "output_tokens":
      case "input_tokens_details":
      case "output_tokens_details":
        break;
      default:
        return false;
    }
  }
  return true;
}

function isPlainDetails(details: WireObject): boolean {
  for (const name in details) if (name !== "cached_tokens" && name !== "audio_tokens") return false;
  return true;
}

const readNames = ["cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"];
const writeNames = ["cache_write_tokens", "cache_creation_tokens", "cached_creation_tokens", "cache_creation_input_tokens"];
/** Of OpenAI's two lifetimes 30 minutes is the short one and 12 hours the long one. */
const shortNames = ["ttl_30m_tokens", "ephemeral_5m_input_tokens", "claude_cache_creation_5_m_tokens"];
const longNames = ["ttl_12h_tokens", "ephemeral_1h_input_tokens", "claude_cache_creation_1_h_tokens"];

/** The largest count under any of the names: a server that has several puts 0 into some. */
function countOf(usage: WireObject, details: WireObject, names: readonly string[]): number | undefined {
  let most: number | undefined;
  for (const holder of [details, usage]) {
    for (const name of names) {
      const count = readTokenCount(holder[name]);
      if (count !== undefined && count >= (most ?? 0)) most = count;
    }
  }
  return most;
}

function firstCount(holder: WireObject, names: readonly string[]): number | undefined {
  for (const name of names) {
    const count = readTokenCount(holder[name]);
    if (count !== undefined) return count;
  }
  return undefined;
}
