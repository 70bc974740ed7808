import type { Selectable } from "kysely";
import { readServiceTier, type Usage } from "../../ir/index.ts";
import type { SqlValue, UsageEntriesTable } from "../../store/index.ts";
import type { CloseRecord, CostNanoUsd, LateFacts, OpenRecord } from "../types.ts";
import { storable } from "./storable.ts";
import { isSupplyUser } from "./supply.ts";
import { addIterations, compactCounts, decodeDetails, encodeDetails } from "./usage-details.ts";

/** A row of `usage_entries`, as written. */
export type UsageRow = Readonly<Selectable<UsageEntriesTable>>;

/** The columns that most rows have values in. */
const common = {
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
  stream: true,
  stop_reason: true,
  overhead_us: true,
  client_name: true,
} as const satisfies { readonly [Column in keyof UsageRow]?: true };

/** The columns that are `null` in most rows. They are written only where one of them is not. */
const rare = {
  upstream_model: true,
  protocol: true,
  lane: true,
  refused: true,
  tool_calls: true,
  tool_calls_parsed: true,
  tool_calls_fit: true,
  attempt_reason: true,
  region: true,
  service_class: true,
  units: true,
  cost_lines: true,
  error_text: true,
  cache_savings_nano_usd: true,
  from_cache: true,
  bound_tags: true,
  firewall: true,
} as const satisfies { readonly [Column in keyof UsageRow]?: true };

/** Every column of the table, once: a missing or an extra column does not compile. */
const columns: { readonly [Column in keyof UsageRow]: true } = { ...common, ...rare };

/** What a row has in the columns beyond the first version's, if nothing of it is known. */
export const noFurtherColumns = {
  stream: null,
  stop_reason: null,
  overhead_us: null,
  client_name: null,
  upstream_model: null,
  protocol: null,
  lane: null,
  refused: null,
  tool_calls: null,
  tool_calls_parsed: null,
  tool_calls_fit: null,
  attempt_reason: null,
  region: null,
  service_class: null,
  units: null,
  cost_lines: null,
  error_text: null,
  cache_savings_nano_usd: null,
  from_cache: null,
  bound_tags: null,
  firewall: null,
} as const satisfies Partial<UsageRow>;

/** The columns in the order of `rowValues`. */
export const usageColumns = Object.keys(columns) as readonly (keyof UsageRow)[];
/** The first of them: all that most rows have. */
export const commonColumns = Object.keys(common) as readonly (keyof UsageRow)[];

/** Whether a row has a value in a column that most rows have none in. */
export function isRare(row: UsageRow): boolean {
  // Written out, as below: it is asked for each row.
  return (
    row.upstream_model !== null ||
    row.protocol !== null ||
    row.lane !== null ||
    row.refused !== null ||
    row.tool_calls !== null ||
    row.tool_calls_parsed !== null ||
    row.tool_calls_fit !== null ||
    row.attempt_reason !== null ||
    row.region !== null ||
    row.service_class !== null ||
    row.units !== null ||
    row.cost_lines !== null ||
    row.error_text !== null ||
    row.cache_savings_nano_usd !== null ||
    row.from_cache !== null ||
    row.bound_tags !== null ||
    row.firewall !== null
  );
}

/** The values of a row's `commonColumns`, for `Store.insertRows`. */
export function commonValues(row: UsageRow): SqlValue[] {
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
    row.stream,
    row.stop_reason,
    row.overhead_us,
    row.client_name,
  ];
}

/** The values of all columns. */
export function rowValues(row: UsageRow): readonly SqlValue[] {
  return [
    ...commonValues(row),
    row.upstream_model,
    row.protocol,
    row.lane,
    row.refused,
    row.tool_calls,
    row.tool_calls_parsed,
    row.tool_calls_fit,
    row.attempt_reason,
    row.region,
    row.service_class,
    row.units,
    row.cost_lines,
    row.error_text,
    row.cache_savings_nano_usd,
    row.from_cache,
    row.bound_tags,
    row.firewall,
  ];
}

/** Attempts of corrections: the number of the correction times this, and the attempt that it corrects. */
export const correctionStep = 1000;

/** How the cost of an entry changes. */
export interface CostCorrection {
  /** Which correction of the entry it is, from 1. */
  readonly number: number;
  readonly differenceNanoUsd: bigint;
  /** The entry had no known cost. */
  readonly wasUnknown: boolean;
  /** The cost from now on, US dollars. */
  readonly costText: string;
}

/** The row that corrects the cost of an entry, which never changes itself: at its time, with the same names, and nothing but the difference. */
export function correctionOfCost(row: UsageRow, { number, differenceNanoUsd, wasUnknown, costText }: CostCorrection): UsageRow {
  return {
    ...row,
    ...noFurtherColumns,
    attempt: correctionStep * number + row.attempt,
    input_tokens: null,
    output_tokens: null,
    cache_read_tokens: null,
    cache_write_5m_tokens: null,
    cache_write_1h_tokens: null,
    reasoning_tokens: null,
    status: "ok",
    error_code: null,
    direction: "correct",
    cost_nano_usd: differenceNanoUsd,
    price_snapshot: null,
    cost_lines: null,
    units: JSON.stringify({ corrects_attempt: row.attempt, was_unknown: wasUnknown, cost_usd: costText }),
  };
}

/** What an entry costs and by which rates. */
export interface Charge {
  readonly costNanoUsd: CostNanoUsd;
  readonly snapshot: string | null;
  /** The lines of the cost, JSON, for a usage with more than plain tokens. */
  readonly linesText?: string;
}

/** The row of a finished attempt. `usage` has been through `clampUsage`. Every database accepts the row, whatever the record contains. */
export function rowOf(record: CloseRecord, usage: Usage, charge: Charge): UsageRow {
  const counts = usage.iterations === undefined ? usage : addIterations(usage, usage.iterations);
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
    input_tokens: counts.input ?? null,
    output_tokens: counts.output ?? null,
    cache_read_tokens: counts.cacheRead ?? null,
    cache_write_5m_tokens: counts.cacheWrite5m ?? null,
    cache_write_1h_tokens: counts.cacheWrite1h ?? null,
    reasoning_tokens: counts.reasoning ?? null,
    direction: isSupplyUser(record.userId) ? "supply" : "consume",
    status: record.status,
    usage_source: record.usageSource,
    cost_nano_usd: charge.costNanoUsd ?? null,
    price_snapshot: charge.snapshot,
    http_status: wholeNumber(record.httpStatus),
    error_code: record.errorCode === undefined ? null : storable(record.errorCode),
    tags: record.tags ?? null,
    client_request_id: record.clientRequestId === undefined ? null : storable(record.clientRequestId),
    stream: record.stream === undefined ? null : Number(record.stream),
    stop_reason: textOrNull(record.stopReason),
    overhead_us: record.overheadUs === undefined ? null : wholeNumber(record.overheadUs),
    client_name: textOrNull(record.clientName),
    upstream_model: record.upstreamModel === "" || record.upstreamModel === record.modelAsked ? null : storable(record.upstreamModel),
    protocol: record.protocol === undefined || record.protocol === record.dialect ? null : record.protocol,
    lane: record.lane === undefined || record.lane === "verbatim" ? null : record.lane,
    refused: record.isRefused === true ? 1 : null,
    tool_calls: null,
    tool_calls_parsed: null,
    tool_calls_fit: null,
    attempt_reason: textOrNull(record.attemptReason),
    region: textOrNull(usage.region),
    service_class: usage.tier ?? null,
    units: encodeDetails(usage, record.askedClass),
    cost_lines: charge.linesText ?? null,
    error_text: textOrNull(record.errorText, maxErrorLength),
    cache_savings_nano_usd: record.fromCache?.savedNanoUsd ?? null,
    from_cache: record.fromCache === undefined ? null : 1,
    bound_tags: record.boundTags ?? null,
    firewall: textOrNull(record.firewall, maxErrorLength),
  };
}

/** The row with what is known of its answer once the client has it. */
export function withLateFacts(row: UsageRow, { tools, firewall }: LateFacts): UsageRow {
  const counts = tools === undefined ? {} : { tool_calls: tools.calls, tool_calls_parsed: tools.parsed, tool_calls_fit: tools.fit ?? null };
  return { ...row, ...counts, ...(firewall === undefined ? {} : { firewall: storable(firewall, maxErrorLength) }) };
}

/** The usage that a row was charged for. */
export function usageOfRow(row: UsageRow): Usage {
  const details = decodeDetails(row.units);
  const counts = compactCounts({
    input: row.input_tokens,
    output: row.output_tokens,
    cacheRead: row.cache_read_tokens,
    cacheWrite5m: row.cache_write_5m_tokens,
    cacheWrite1h: row.cache_write_1h_tokens,
    reasoning: row.reasoning_tokens,
  });
  // Rows of earlier versions have the class in their snapshot.
  const tier = readServiceTier(row.service_class ?? /^\{"tier":"(\w+)"\}$/.exec(row.price_snapshot ?? "")?.[1]);
  return {
    ...(details.iterations === undefined ? counts : addIterations(counts, details.iterations, -1)),
    ...details,
    ...(tier === undefined ? {} : { tier }),
    ...(row.region === null ? {} : { region: row.region }),
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

/** Of an error's text, or of what the firewall has found. */
const maxErrorLength = 300;

function textOrNull(text: string | undefined, maxLength?: number): string | null {
  return text === undefined ? null : storable(text, maxLength);
}

function wholeNumber(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(Math.round(value), 0), Number.MAX_SAFE_INTEGER) : 0;
}
