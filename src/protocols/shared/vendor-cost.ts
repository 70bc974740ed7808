import { isObject, type WireObject } from "./fields.ts";

/**
 * Reads what the server says that it bills: a number of dollars in `cost` (OpenRouter; with the part that the operator's own key pays beside it), an object
 * with `total_cost` (Perplexity), or 10¹⁰ parts of a dollar (xAI). Whether it is believed is the provider's trait.
 */
export function readVendorCost(usage: WireObject): number | undefined {
  const { cost, cost_in_usd_ticks: ticks } = usage;
  if (isMoney(ticks)) return ticks / 1e10;
  if (isObject(cost)) return isMoney(cost["total_cost"]) ? cost["total_cost"] : undefined;
  if (!isMoney(cost)) return undefined;
  const inference = objectOf(usage["cost_details"])["upstream_inference_cost"];
  return usage["is_byok"] === true && isMoney(inference) ? cost + inference : cost;
}

export const noFields: WireObject = {};

/** An object on the wire; one without fields if there is none. */
export function objectOf(value: unknown): WireObject {
  return isObject(value) ? value : noFields;
}

function isMoney(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < 1e9;
}
