import { addUnit, readTokenCount, type Units, type Usage } from "../../ir/index.ts";
import type { WireObject } from "../shared/fields.ts";
import { noFields, objectOf, readVendorCost } from "../shared/vendor-cost.ts";
import type { CacheUsage } from "./cache-usage.ts";

/** The `usage` of either OpenAI dialect with its two objects of details. */
export interface UsageParts {
  readonly usage: WireObject;
  readonly input: WireObject;
  readonly output: WireObject;
}

/**
 * Reads what a `usage` counts beside plain tokens: tokens by modality and of predictions (OpenAI), seconds of audio (Mistral), calls of server tools (xAI's
 * `server_side_tool_usage_details`, OpenRouter's and Anthropic's `server_tool_use`, Perplexity's `num_search_queries`). `undefined` in most answers.
 */
export function readUnits({ usage, input, output }: UsageParts, cache: CacheUsage): Units | undefined {
  const cached = objectOf(input["cached_tokens_details"]);
  const calls = objectOf(usage["server_side_tool_usage_details"] ?? usage["server_side_tool_usage"]);
  const tools = objectOf(usage["server_tool_use"]);
  let units = addUnit(undefined, "input_audio", input["audio_tokens"]);
  units = addUnit(units, "input_image", input["image_tokens"]);
  units = addUnit(units, "input_video", input["video_tokens"]);
  units = addUnit(units, "cache_read_audio", cached["audio_tokens"]);
  units = addUnit(units, "cache_read_image", cached["image_tokens"]);
  units = addUnit(units, "output_audio", output["audio_tokens"]);
  units = addUnit(units, "output_image", output["image_tokens"]);
  units = addUnit(units, "output_video", output["video_tokens"]);
  units = addUnit(units, "cache_write_30m", cache.write30m);
  units = addUnit(units, "cache_write_12h", cache.write12h);
  units = addUnit(units, "accepted_prediction", output["accepted_prediction_tokens"]);
  units = addUnit(units, "rejected_prediction", output["rejected_prediction_tokens"]);
  units = addUnit(units, "input_seconds", usage["prompt_audio_seconds"]);
  units = addUnit(units, "web_search", tools["web_search_requests"] ?? usage["num_search_queries"]);
  units = addUnit(units, "page_fetch", tools["web_fetch_requests"]);
  if (calls === noFields) return units;
  units = addUnit(units, "web_search", sumOf(calls["web_search_calls"], calls["x_search_calls"]));
  units = addUnit(units, "file_search", sumOf(calls["file_search_calls"], calls["document_search_calls"]));
  return addUnit(units, "code_session", calls["code_interpreter_calls"]);
}

/** The plain counts with all else that was read, if there is anything. */
export function withDetails(plain: Usage, parts: UsageParts, cache: CacheUsage): Usage {
  const units = readUnits(parts, cache);
  const vendorCostUsd = readVendorCost(parts.usage);
  if (units === undefined && vendorCostUsd === undefined) return plain;
  return { ...plain, ...(units === undefined ? {} : { units }), ...(vendorCostUsd === undefined ? {} : { vendorCostUsd }) };
}

function sumOf(...counts: readonly unknown[]): number | undefined {
  let sum: number | undefined;
  for (const count of counts) {
    const read = readTokenCount(count);
    if (read !== undefined) sum = (sum ?? 0) + read;
  }
  return sum;
}
