import { dayOf, isJson, lineOf, numberOf, objectsOf, textOf, type Json, type VendorLine } from "./vendor-line.ts";

/**
 * Google's costs, from the export of Cloud Billing to BigQuery (Cloud Billing documentation, Schema of the standard usage cost data), saved as JSON, as lines of JSON or
 * as CSV, or from the CSV of the console's cost table.
 *
 *   {"service":{"description":"Gemini API"},"sku":{"description":"Generate content output token count gemini 2.5 flash"},"usage_start_time":"2026-11-28 08:00:00 UTC",
 *    "cost":0.42,"currency":"USD","currency_conversion_rate":1,"cost_type":"regular"}
 *
 * The model is in the description of the SKU. Costs are those before credits and taxes; `cost / currency_conversion_rate` is in US dollars. BigQuery's times are UTC; days of
 * the console are Pacific time. The cost table has a line for each SKU and month, below some lines about the invoice (columns of exports that users published, November 2026:
 * `…,Service description,…,SKU description,…,Credit type,Cost type,Usage start date,Usage end date,…,Unrounded Cost ($),Cost ($)`).
 * @throws Error if costs are in another currency, without its rate.
 */
export function readGoogle(content: unknown): readonly VendorLine[] {
  return objectsOf(Array.isArray(content) ? content : []).flatMap(readRow);
}

function readRow(row: Json): readonly VendorLine[] {
  const service = descriptionOf(row, "service");
  const sku = descriptionOf(row, "sku") ?? "";
  const day = dayOf(row["usage_start_time"] ?? row["usage_start_date"] ?? row["day"]);
  const lastDay = dayOf(row["usage_end_date"]);
  const cost = numberOf(row["unrounded_cost"]) ?? numberOf(row["cost"]);
  const isModel = service === undefined || /gemini|generative|vertex|agent platform/i.test(service);
  const isFee = /^(?:regular|usage)?$/i.test(textOf(row["cost_type"]) ?? "") && textOf(row["credit_type"]) === undefined;
  const costUsd = cost === undefined ? (numberOf(row["cost_usd"]) ?? numberOf(row["list_cost"])) : cost / rateOf(row);
  if (day === undefined || costUsd === undefined || !isModel || !isFee) return [];
  return [lineOf({ day, ...(lastDay !== undefined && lastDay > day ? { lastDay } : {}), model: modelOf(sku), costUsd })];
}

/** What one US dollar is in the row's currency. */
function rateOf(row: Json): number {
  const rate = numberOf(row["currency_conversion_rate"]);
  const currency = textOf(row["currency"]) ?? "USD";
  if (currency === "USD") return 1;
  if (rate !== undefined && rate > 0) return rate;
  throw new Error(`The costs are in ${currency}, and the ledger's are in US dollars: export the column currency_conversion_rate too.`);
}

function descriptionOf(row: Json, name: string): string | undefined {
  const value = row[name];
  return textOf(isJson(value) ? value["description"] : (row[`${name}_description`] ?? value));
}

/** `… gemini 2.5 flash lite …` is `gemini-2.5-flash-lite`; in `Gemini 3 Flash Image Input` the image is what was sent. */
function modelOf(sku: string): string | null {
  const embedding = /\bgemini-embedding-[\w-]*\d/i.exec(sku)?.[0].toLowerCase();
  if (embedding !== undefined) return embedding;
  const match = /\b(gemini|gemma|imagen|veo)[ -]?(\d+(?:\.\d+)?)[ -](?:(pro|flash|ultra)(?:[ -](lite|image(?! input)|tts|live))?)?/i.exec(
    `${sku} `,
  );
  if (match === null) return null;
  const [, family, version, size, variant] = match;
  return [family, version, size, variant]
    .filter((part) => part !== undefined)
    .join("-")
    .toLowerCase();
}
