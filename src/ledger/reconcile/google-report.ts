import { dayOf, isJson, lineOf, numberOf, objectsOf, textOf, type Json, type VendorLine } from "./vendor-line.ts";

/**
 * Google's costs, from the export of Cloud Billing to BigQuery (Cloud Billing documentation, Structure of the standard data export), saved as JSON, as lines of JSON or
 * as CSV, or from the CSV of the console's cost table.
 *
 *   {"service":{"description":"Gemini API"},"sku":{"description":"Generate content output token count gemini 2.5 flash"},
 *    "usage_start_time":"2026-11-28 08:00:00 UTC","cost":0.42,"currency":"USD"}
 *
 * The model is in the description of the SKU. Costs are those before credits. BigQuery's times are UTC; days of the console are Pacific time.
 */
export function readGoogle(content: unknown): readonly VendorLine[] {
  return objectsOf(Array.isArray(content) ? content : []).flatMap(readRow);
}

function readRow(row: Json): readonly VendorLine[] {
  const service = descriptionOf(row, "service");
  const sku = descriptionOf(row, "sku") ?? "";
  const day = dayOf(row["usage_start_time"] ?? row["usage_start_date"] ?? row["day"]);
  const costUsd = numberOf(row["cost"]) ?? numberOf(row["cost_usd"]) ?? numberOf(row["list_cost"]);
  const isModel = service === undefined || /gemini|generative|vertex/i.test(service);
  if (day === undefined || costUsd === undefined || !isModel) return [];
  return [lineOf({ day, model: modelOf(sku), costUsd })];
}

function descriptionOf(row: Json, name: string): string | undefined {
  const value = row[name];
  return textOf(isJson(value) ? value["description"] : (row[`${name}_description`] ?? value));
}

/** `… gemini 2.5 flash lite …` is `gemini-2.5-flash-lite`. */
function modelOf(sku: string): string | null {
  const match = /\b(gemini|gemma|imagen|veo)[ -]?(\d+(?:\.\d+)?)[ -](?:(pro|flash|ultra)(?:[ -](lite|image|tts|live))?)?/i.exec(sku);
  if (match === null) return null;
  const [, family, version, size, variant] = match;
  return [family, version, size, variant]
    .filter((part) => part !== undefined)
    .join("-")
    .toLowerCase();
}
