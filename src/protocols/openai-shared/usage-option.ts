import {
  memberSpan,
  readBoolean,
  scanDocument,
  scanObject,
  type Edit,
  type Span,
  asBytes,
  type Bytes,
  applyEdits,
} from "../../core/index.ts";
import { isObject } from "../shared/fields.ts";

/**
 * The request option `"usage":{"include":true}`, which asks for the cost in the answer's usage (OpenRouter, "Usage Accounting", November 2026). The
 * gateway serves it, so it is not sent upstream.
 */
export interface UsageOption {
  readonly includeCost: boolean;
  /** The whole member of the body, with a comma beside it. */
  readonly span: Span;
}

/** `value`: the span of the body's `usage`. `undefined` if it is absent or not such an option: then it is sent upstream. */
export function readUsageOption(body: string, value: Span | undefined): UsageOption | undefined {
  if (value === undefined || !body.startsWith("{", value.start)) return undefined;
  const includeCost = readBoolean(body, scanObject(body, value.start, ["include"]).spans[0]);
  return includeCost === undefined ? undefined : { includeCost, span: memberSpan(body, "usage", value) };
}

/** The same for a parsed body. */
export function isUsageOption(value: unknown): boolean {
  return isObject(value) && typeof value["include"] === "boolean";
}

/**
 * Adds `cost` to the `usage` of a JSON answer or of an event's data (at the top, or in its `response`): a number of US dollars, or null if it is not
 * known. All other bytes are kept. Without a `usage` object, nothing changes.
 */
export function addCost(json: Bytes, costUsd: string | null): Bytes {
  if (!json.includes('"usage"')) return json;
  const edit = costEdit(json, costUsd ?? "null");
  return edit === undefined ? json : applyEdits(json, [edit]);
}

function costEdit(json: string, cost: string): Edit | undefined {
  try {
    const [usage, response] = scanDocument(json, ["usage", "response"]).spans;
    const place = usage ?? (isOpen(json, response) ? scanObject(json, response.start, ["usage"]).spans[0] : undefined);
    if (!isOpen(json, place)) return undefined;
    const { spans, open, empty } = scanObject(json, place.start, ["cost"]);
    // Some upstreams report a cost of their own; the ledger's is the one that is charged.
    if (spans[0] !== undefined) return { ...spans[0], text: asBytes(cost) };
    return { start: open + 1, end: open + 1, text: asBytes(empty ? `"cost":${cost}` : `"cost":${cost},`) };
  } catch {
    return undefined; // `[DONE]`, or an answer that is passed on unchanged.
  }
}

function isOpen(json: string, span: Span | undefined): span is Span {
  return span !== undefined && json.startsWith("{", span.start);
}
