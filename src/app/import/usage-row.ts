import { protocolIds } from "../../ir/index.ts";
import { noFurtherColumns, type UsageRow } from "../../ledger/index.ts";

export interface ImportedEntry {
  readonly requestId: string;
  readonly timeMs: number;
  readonly provider: string;
  readonly model: string;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** `null`: not known. */
  readonly costNanoUsd: bigint | null;
  readonly direction?: "consume" | "supply";
}

/** A usage entry of another program. Its user and key are set when it is written. */
export function usageRowOf(entry: ImportedEntry): UsageRow {
  return {
    ...noFurtherColumns,
    request_id: entry.requestId,
    attempt: 1,
    time_ms: entry.timeMs,
    duration_ms: 0,
    ttft_ms: null,
    user_id: "",
    key_id: "",
    dialect: protocolIds[0],
    provider: entry.provider,
    model_asked: entry.model,
    model_served: entry.model,
    input_tokens: entry.inputTokens,
    output_tokens: entry.outputTokens,
    cache_read_tokens: null,
    cache_write_5m_tokens: null,
    cache_write_1h_tokens: null,
    reasoning_tokens: null,
    direction: entry.direction ?? "consume",
    status: "ok",
    usage_source: "imported",
    cost_nano_usd: entry.costNanoUsd,
    price_snapshot: null,
    http_status: 200,
    error_code: null,
    tags: null,
    client_request_id: null,
  };
}

/** Milliseconds since 1970 of a time as databases and CSV files write it: `2026-01-31 17:04:05[.123][ +0100 CET]`, UTC if no offset is given. */
export function readDatabaseTime(value: unknown): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?\s?(Z|[+-]\d\d:?\d\d)?/.exec(typeof value === "string" ? value : "");
  if (match === null) return undefined;
  const [, day, time, fraction = "", offset = "Z"] = match;
  const zone = offset === "Z" || offset.includes(":") ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
  const timeMs = Date.parse(`${day}T${time}${fraction.slice(0, 4)}${zone}`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
