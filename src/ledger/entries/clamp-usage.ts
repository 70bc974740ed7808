import { readTokenCount, unitNames, type Iteration, type TokenCounts, type UnitName, type Units, type Usage } from "../../ir/index.ts";
import { compactCounts, mostIterations } from "./usage-details.ts";
import { storable } from "./storable.ts";

/**
 * Makes a usage valid: a count is a whole number from 0 to 10¹², otherwise unknown; a part is never more than the rest of the whole (`cacheRead`,
 * then `cacheWrite5m`, then `cacheWrite1h` of `input`; `reasoning` of `output`). Parts of an unknown whole are kept. A valid usage without details is
 * returned unchanged.
 */
export function clampUsage(usage: Usage): Usage {
  if (usage.units === undefined && usage.iterations === undefined) return isSound(usage) ? usage : clamp(usage);
  const { units, iterations, ...rest } = isSound(usage) ? usage : clamp(usage);
  const sound = units === undefined ? undefined : clampUnits(rest, units);
  return {
    ...rest,
    ...(sound === undefined ? {} : { units: sound }),
    ...(iterations === undefined || iterations.length === 0 ? {} : { iterations: iterations.slice(0, mostIterations).map(clampIteration) }),
  };
}

function clampIteration(iteration: Iteration): Iteration {
  const { kind, model, ...usage } = iteration;
  return { kind, ...(model === undefined ? {} : { model: storable(model) }), ...clampUsage(usage) };
}

function isSound(usage: Usage): boolean {
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h, reasoning } = usage;
  if (!isCount(input) || !isCount(output) || !isCount(cacheRead) || !isCount(cacheWrite5m) || !isCount(cacheWrite1h) || !isCount(reasoning))
    return false;
  if (input !== undefined && (cacheRead ?? 0) + (cacheWrite5m ?? 0) + (cacheWrite1h ?? 0) > input) return false;
  return output === undefined || (reasoning ?? 0) <= output;
}

function isCount(value: number | undefined): boolean {
  return value === undefined || readTokenCount(value) !== undefined;
}

function clamp({ input: wholeInput, output: wholeOutput, cacheRead, cacheWrite5m, cacheWrite1h, reasoning, ...rest }: Usage): Usage {
  const input = readTokenCount(wholeInput);
  const output = readTokenCount(wholeOutput);
  let left = input ?? Infinity;
  const part = (value: number | undefined): number | null => {
    const count = readTokenCount(value);
    if (count === undefined) return null;
    const taken = Math.min(count, left);
    left -= taken;
    return taken;
  };
  const thought = readTokenCount(reasoning);
  const counts = compactCounts({
    input: input ?? null,
    output: output ?? null,
    cacheRead: part(cacheRead),
    cacheWrite5m: part(cacheWrite5m),
    cacheWrite1h: part(cacheWrite1h),
    reasoning: thought === undefined ? null : Math.min(thought, output ?? thought),
  });
  return { ...counts, ...rest };
}

/** More calls of tools than any answer has. */
const mostCalls = 100_000;
const calls: ReadonlySet<string> = new Set([
  "web_search",
  "grounded_prompt",
  "page_fetch",
  "file_search",
  "code_session",
  "maps_search",
  "image",
]);

/**
 * Makes the units of a usage valid, as `clampUsage` does with plain counts: a part is never more than the rest of what it is part of.
 * @param usage its plain counts are valid.
 */
function clampUnits(usage: TokenCounts, units: Units): Units | undefined {
  const { cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0, reasoning = 0 } = usage;
  const clamped: Partial<Record<UnitName, number>> = {};
  const take = (name: UnitName, left: number): number => {
    const count = Math.min(readTokenCount(units[name]) ?? 0, Math.max(0, left));
    if (count > 0) clamped[name] = count;
    return count;
  };
  let fresh = (usage.input ?? Infinity) - cacheRead - cacheWrite5m - cacheWrite1h;
  let read = cacheRead;
  let said = (usage.output ?? Infinity) - reasoning;
  for (const medium of ["audio", "image", "video"] as const) {
    const cached = take(`cache_read_${medium}`, read);
    read -= cached;
    fresh -= Math.max(0, take(`input_${medium}`, fresh + cached) - cached);
    said -= take(`output_${medium}`, said);
  }
  take("cache_write_30m", cacheWrite5m);
  take("cache_write_24h", cacheWrite1h - take("cache_write_12h", cacheWrite1h));
  take("rejected_prediction", (usage.output ?? Infinity) - take("accepted_prediction", usage.output ?? Infinity));
  for (const name of unitNames) if (calls.has(name)) take(name, mostCalls);
  take("input_seconds", mostCalls);
  take("output_seconds", mostCalls);
  take("cache_storage", Infinity);
  return Object.keys(clamped).length === 0 ? undefined : clamped;
}
