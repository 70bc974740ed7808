import type { Selectable } from "kysely";
import { readTokenCount, type Usage } from "../../ir/index.ts";
import type { SqlValue, UsageEntriesTable } from "../../store/index.ts";
import type { CloseRecord, CostNanoUsd, OpenRecord } from "../types.ts";

/** A row of `usage_entries`, as written. */
export type UsageRow = Readonly<Selectable<UsageEntriesTable>>;

/** Every column of the table, once: a missing or an extra column does not compile. */
const columns: { readonly [Column in keyof UsageRow]: true } = {
  request_id: true,
  attempt: true,
  time_ms: true,
  duration_ms: true,
  ttft_ms: true,
  user_id: true,
  key_id: true,
  dialect: true,
  provider: true,
  model_asked: true,
  model_served: true,
  input_tokens: true,
  output_tokens: true,
  cache_read_tokens: true,
  cache_write_5m_tokens: true,
  cache_write_1h_tokens: true,
  reasoning_tokens: true,
  direction: true,
  status: true,
  usage_source: true,
  cost_nano_usd: true,
  price_snapshot: true,
  http_status: true,
  error_code: true,
  tags: true,
  client_request_id: true,
};

/** The columns in the order of `rowValues`. */
export const usageColumns = Object.keys(columns) as readonly (keyof UsageRow)[];

/** A row's values, for `Store.insertRows`. */
export function rowValues(row: UsageRow): readonly SqlValue[] {
  // Written out in the order of the columns, which a test compares: a loop over their names takes several times as long.
  return [
    row.request_id,
    row.attempt,
    row.time_ms,
    row.duration_ms,
    row.ttft_ms,
    row.user_id,
    row.key_id,
    row.dialect,
    row.provider,
    row.model_asked,
    row.model_served,
    row.input_tokens,
    row.output_tokens,
    row.cache_read_tokens,
    row.cache_write_5m_tokens,
    row.cache_write_1h_tokens,
    row.reasoning_tokens,
    row.direction,
    row.status,
    row.usage_source,
    row.cost_nano_usd,
    row.price_snapshot,
    row.http_status,
    row.error_code,
    row.tags,
    row.client_request_id,
  ];
}

/** What an entry costs and by which rates. */
export interface Charge {
  readonly costNanoUsd: CostNanoUsd;
  readonly snapshot: string | null;
}

/** The row of a finished attempt. `usage` has been through `clampUsage`. Every database accepts the row, whatever the record contains. */
export function rowOf(record: CloseRecord, usage: Usage, charge: Charge): UsageRow {
  return {
    request_id: record.requestId,
    attempt: record.attempt,
    time_ms: wholeNumber(record.timeMs),
    duration_ms: wholeNumber(record.durationMs),
    ttft_ms: record.ttftMs === undefined ? null : wholeNumber(record.ttftMs),
    user_id: record.userId,
    key_id: record.keyId,
    dialect: record.dialect,
    provider: record.provider,
    model_asked: storable(record.modelAsked),
    model_served: storable(record.modelServed),
    input_tokens: usage.input ?? null,
    output_tokens: usage.output ?? null,
    cache_read_tokens: usage.cacheRead ?? null,
    cache_write_5m_tokens: usage.cacheWrite5m ?? null,
    cache_write_1h_tokens: usage.cacheWrite1h ?? null,
    reasoning_tokens: usage.reasoning ?? null,
    direction: "consume",
    status: record.status,
    usage_source: record.usageSource,
    cost_nano_usd: charge.costNanoUsd ?? null,
    price_snapshot: charge.snapshot,
    http_status: wholeNumber(record.httpStatus),
    error_code: record.errorCode === undefined ? null : storable(record.errorCode),
    tags: record.tags ?? null,
    client_request_id: record.clientRequestId === undefined ? null : storable(record.clientRequestId),
  };
}

/** The record of an attempt whose process has died: only the estimate of its input is known, and no status was sent. */
export function interruptedRecord(open: OpenRecord, nowMs: number, errorCode: string): CloseRecord {
  const input = open.inputTokensEstimate;
  return {
    ...open,
    status: "interrupted",
    durationMs: Math.max(0, nowMs - open.timeMs),
    modelServed: open.upstreamModel,
    usage: input === undefined ? {} : { input },
    usageSource: input === undefined ? "none" : "estimated",
    httpStatus: 0,
    errorCode,
  };
}

/**
 * Makes a usage valid: a count is a whole number from 0 to 10¹², otherwise unknown; a part is never more than the rest of the whole (`cacheRead`,
 * then `cacheWrite5m`, then `cacheWrite1h` of `input`; `reasoning` of `output`). Parts of an unknown whole are kept. A valid usage is returned
 * unchanged.
 */
export function clampUsage(usage: Usage): Usage {
  return isSound(usage) ? usage : clamp(usage);
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

function clamp(usage: Usage): Usage {
  const input = readTokenCount(usage.input);
  const output = readTokenCount(usage.output);
  let left = input ?? Infinity;
  const part = (value: number | undefined): number | undefined => {
    const count = readTokenCount(value);
    if (count === undefined) return undefined;
    const taken = Math.min(count, left);
    left -= taken;
    return taken;
  };
  const cacheRead = part(usage.cacheRead);
  const cacheWrite5m = part(usage.cacheWrite5m);
  const cacheWrite1h = part(usage.cacheWrite1h);
  const reasoning = readTokenCount(usage.reasoning);
  return {
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(cacheWrite5m === undefined ? {} : { cacheWrite5m }),
    ...(cacheWrite1h === undefined ? {} : { cacheWrite1h }),
    ...(reasoning === undefined ? {} : { reasoning: Math.min(reasoning, output ?? reasoning) }),
    ...(usage.tier === undefined ? {} : { tier: usage.tier }),
  };
}

const maxTextLength = 256;

/**
 * Text from outside in a form that every database accepts: PostgreSQL refuses NUL, UTF-8 has no lone surrogates, and names are cut to a maximum
 * length. One refused row would block all rows after it.
 */
export function storable(text: string): string {
  const short = text.length > maxTextLength ? text.slice(0, maxTextLength) : text;
  return (short.includes("\0") ? short.replaceAll("\0", "\ufffd") : short).toWellFormed();
}

function wholeNumber(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(Math.round(value), 0), Number.MAX_SAFE_INTEGER) : 0;
}
