import { readTokenCount } from "./token-count.ts";

/** Units that count tokens, and may have a rate of their own. */
export const tokenUnits = [
  "input_audio",
  "input_image",
  "input_video",
  "cache_read_audio",
  "cache_read_image",
  "cache_read_video",
  "output_audio",
  "output_image",
  "output_video",
  "cache_write_30m",
  "cache_write_12h",
  "cache_write_24h",
] as const;

/** Units that count calls, images or seconds: their rates are by one, and no factor for speed or region applies to them. */
export const feeUnits = [
  "web_search",
  "grounded_prompt",
  "page_fetch",
  "file_search",
  "code_session",
  "maps_search",
  "image",
  "input_seconds",
  "output_seconds",
] as const;

/** Units that count tokens and the hours that a vendor keeps them: rates are by a million token-hours. */
export const storageUnits = ["cache_storage"] as const;

/**
 * What vendors count beside plain tokens, by the names that rows, cost lines and `prices` use.
 *
 * Tokens are parts of a whole: `input_audio` of `input`, with the cached ones, of which `cache_read_audio` counts those; `output_image` of `output`;
 * `cache_write_30m` of the short lifetime (`cacheWrite5m`), `cache_write_12h` and `cache_write_24h` of the long one (`cacheWrite1h`). Predictions are
 * parts of `output` that cost what it costs.
 *
 * Calls are of tools that the vendor runs: `web_search` counts queries, `grounded_prompt` is 1 if there was at least one, as some prices are by prompt.
 * `code_session` counts containers. `image`, `input_seconds` and `output_seconds` are what was made or heard where no tokens are counted.
 *
 * `cache_storage` counts the tokens of a context cache, times the hours that its vendor keeps them.
 */
export const unitNames = [...tokenUnits, "accepted_prediction", "rejected_prediction", ...feeUnits, ...storageUnits] as const;
export type UnitName = (typeof unitNames)[number];
export type Units = Readonly<Partial<Record<UnitName, number>>>;

/** Adds a count to what has been read so far; 0 and what is no count are left out, so that most answers need no object. */
export function addUnit(units: Partial<Record<UnitName, number>> | undefined, name: UnitName, value: unknown): Units | undefined {
  if (value === undefined || value === null || value === 0) return units;
  const count = readTokenCount(value);
  if (count === undefined) return units;
  const all = units ?? {};
  all[name] = count;
  return all;
}
