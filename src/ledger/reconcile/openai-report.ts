import { dayOf, isJson, lineOf, numberOf, objectsOf, textOf, type Json, type VendorLine } from "./vendor-line.ts";

/**
 * OpenAI's costs and usage, as the API gives them (API reference, Usage: `GET /v1/organization/costs`, `GET /v1/organization/usage/completions`; types in the SDK's
 * `resources/admin/organization/usage`) or as a CSV with the same names.
 *
 *   {"data":[{"start_time":1730419200,"results":[{"amount":{"value":0.06,"currency":"usd"},"line_item":"gpt-5, input"}]}]}
 *   {"data":[{"start_time":1730419200,"results":[{"input_tokens":5,"output_tokens":7,"num_model_requests":1,"model":"gpt-5"}]}]}
 *
 * A cost without `group_by=line_item`, or a usage without `group_by=model`, is of all models. Days are UTC.
 */
export function readOpenAi(content: unknown): readonly VendorLine[] {
  if (Array.isArray(content)) return objectsOf(content).flatMap((row) => readRow(row, row["start_time_iso"] ?? row["start_time"]));
  if (!isJson(content)) return [];
  return objectsOf(content["data"]).flatMap((bucket) => objectsOf(bucket["results"]).flatMap((row) => readRow(row, bucket["start_time"])));
}

function readRow(row: Json, time: unknown): readonly VendorLine[] {
  const day = dayOf(time);
  if (day === undefined) return [];
  const amount = isJson(row["amount"]) ? row["amount"]["value"] : row["amount_value"];
  const costUsd = numberOf(amount);
  if (costUsd !== undefined) {
    // `gpt-5-2025-08-07, cached input`
    const model = textOf(row["line_item"])?.split(",")[0]?.trim().toLowerCase() ?? null;
    return [lineOf({ day, model, costUsd })];
  }
  const usage = {
    requests: numberOf(row["num_model_requests"]),
    inputTokens: numberOf(row["input_tokens"]),
    outputTokens: numberOf(row["output_tokens"]),
  };
  if (usage.inputTokens === undefined && usage.requests === undefined) return [];
  return [lineOf({ day, model: textOf(row["model"]) ?? null, ...usage })];
}
