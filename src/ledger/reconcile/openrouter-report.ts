import { dayOf, isJson, lineOf, numberOf, objectsOf, textOf, type Json, type VendorLine } from "./vendor-line.ts";

/**
 * OpenRouter's activity, as the API gives it by day (API reference, `GET /api/v1/activity`), as the CSV of its activity page by day
 * (`Date,Slug,Usage,BYOK Usage,Requests,Prompt Tokens,Completion Tokens,Reasoning Tokens`), or as the CSV of its log, which has a line for each generation
 * (`generation_id,created_at,cost_total,…,tokens_prompt,tokens_completion,…,model_permaslug,…`). The columns are those of exports that users published, November 2026.
 *
 *   {"data":[{"date":"2025-08-24","model":"openai/gpt-4.1","usage":0.015,"requests":5,"prompt_tokens":50,"completion_tokens":125,"reasoning_tokens":25}]}
 *
 * `usage` is what was paid to OpenRouter, in US dollars, without what own keys of a vendor (BYOK) cost there; days are UTC.
 */
export function readOpenRouter(content: unknown): readonly VendorLine[] {
  const rows = isJson(content) ? content["data"] : content;
  return objectsOf(rows).flatMap(readRow);
}

function readRow(row: Json): readonly VendorLine[] {
  const day = dayOf(row["date"] ?? row["created_at"]);
  const costUsd = numberOf(row["usage"]) ?? numberOf(row["cost_total"]);
  if (day === undefined || costUsd === undefined) return [];
  const isGeneration = row["created_at"] !== undefined;
  return [
    lineOf({
      day,
      model: textOf(row["model"]) ?? textOf(row["slug"]) ?? textOf(row["model_permaslug"]) ?? null,
      costUsd,
      requests: isGeneration ? 1 : numberOf(row["requests"]),
      inputTokens: numberOf(row["prompt_tokens"] ?? row["tokens_prompt"]),
      outputTokens: numberOf(row["completion_tokens"] ?? row["tokens_completion"]),
    }),
  ];
}
