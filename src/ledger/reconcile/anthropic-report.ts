import { dayOf, isJson, lineOf, numberOf, objectsOf, sumOf, textOf, type Json, type VendorLine } from "./vendor-line.ts";

/**
 * Anthropic's usage and cost, as the Admin API gives them (Usage and Cost API: `GET /v1/organizations/usage_report/messages`, `GET /v1/organizations/cost_report`) or as a
 * CSV of the Console.
 *
 *   {"data":[{"starting_at":"2026-11-28T00:00:00Z","results":[{"model":"claude-opus-5","uncached_input_tokens":5,"cache_read_input_tokens":2,
 *     "cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":0},"output_tokens":7}]}]}
 *   {"data":[{"starting_at":"…","results":[{"currency":"USD","amount":"12.5","description":"Claude Opus 5 Usage - Input Tokens","model":"claude-opus-5"}]}]}
 *
 * `amount` is in cents (API reference, Get Cost Report: "lowest currency units (e.g. cents) as a decimal string. For example, "123.45" in "USD" represents $1.23").
 * Days are UTC. A cost without `group_by[]=description` is of all models, and so is a search or a run of code.
 *
 * The Console has two CSVs (columns of exports that users published, November 2026): usage, `usage_date_utc,model_version,…,usage_input_tokens_no_cache,…`, and costs,
 * `usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,…`, in dollars and whole cents, with names such as
 * `Claude Haiku 4.5`.
 */
export function readAnthropic(content: unknown): readonly VendorLine[] {
  if (Array.isArray(content)) return objectsOf(content).flatMap((row) => readRow(row, row["usage_date_utc"] ?? row["starting_at"], 1));
  if (!isJson(content)) return [];
  return objectsOf(content["data"]).flatMap((bucket) =>
    objectsOf(bucket["results"]).flatMap((row) => readRow(row, bucket["starting_at"], 100)),
  );
}

/** @param parts of a dollar that `amount` counts. */
function readRow(row: Json, time: unknown, parts: number): readonly VendorLine[] {
  const day = dayOf(time);
  if (day === undefined) return [];
  const name = textOf(row["model"]) ?? textOf(row["model_version"]);
  const model = name === undefined ? null : idOf(name);
  const dollars = numberOf(row["cost_usd"]);
  const amount = numberOf(row["amount"]);
  const costUsd = dollars ?? (amount === undefined ? undefined : amount / parts);
  if (costUsd !== undefined) return [lineOf({ day, model, costUsd })];
  const writes = isJson(row["cache_creation"]) ? row["cache_creation"] : {};
  const inputTokens = sumOf(
    numberOf(row["uncached_input_tokens"] ?? row["usage_input_tokens_no_cache"]),
    numberOf(row["cache_read_input_tokens"] ?? row["usage_input_tokens_cache_read"]),
    numberOf(writes["ephemeral_5m_input_tokens"] ?? row["cache_creation_5m_input_tokens"] ?? row["usage_input_tokens_cache_write_5m"]),
    numberOf(writes["ephemeral_1h_input_tokens"] ?? row["cache_creation_1h_input_tokens"] ?? row["usage_input_tokens_cache_write_1h"]),
  );
  const outputTokens = numberOf(row["output_tokens"] ?? row["usage_output_tokens"]);
  return inputTokens === undefined && outputTokens === undefined ? [] : [lineOf({ day, model, inputTokens, outputTokens })];
}

/** `Claude Haiku 4.5` is `claude-haiku-4-5`. */
function idOf(name: string): string {
  return name.toLowerCase().replaceAll(/[ .]+/g, "-");
}
