import { sql, type RawBuilder } from "kysely";
import type { Store } from "../store/index.ts";
import { readEntries, type EntriesPage, type EntriesQuery } from "./entries.ts";
import { formatUsd } from "./money.ts";

export type UsageGroup = "user" | "key" | "model" | "provider" | "dialect" | "day";

export interface UsageQuery {
  readonly userId?: string;
  readonly keyId?: string;
  /** Attempts that began at this time or later, milliseconds since 1970. */
  readonly fromMs?: number;
  /** Attempts that began before this time. */
  readonly toMs?: number;
  readonly groupBy: readonly UsageGroup[];
}

export interface UsageSums {
  /** Requests, each counted at its first attempt, refused ones too. */
  readonly requests: number;
  /** Attempts: more than requests where others were made after a failure; a refused request has one. */
  readonly attempts: number;
  /** Attempts that failed, were interrupted or refused. That the client left is no error. */
  readonly errors: number;
  /** The whole prompt, with what came from or went to a cache. */
  readonly input_tokens: number;
  /** With reasoning. */
  readonly output_tokens: number;
  readonly cache_read_tokens: number;
  /** Of both lifetimes. */
  readonly cache_write_tokens: number;
  readonly reasoning_tokens: number;
  /** Decimal of US dollars, exact, of all attempts whose cost is known; `null` where there are attempts and the cost of none is. */
  readonly cost_usd: string | null;
  /** Attempts whose cost is not known, and not in `cost_usd`. */
  readonly unpriced_requests: number;
}

export interface UsageReportRow extends UsageSums {
  /** A value for each group asked for: ids of user and key, the model that served (the one asked for where none did), `2026-01-31` for a day in UTC. */
  readonly group: Readonly<Record<string, string>>;
}

/** JSON as the API gives it. */
export interface UsageReport {
  readonly group_by: readonly UsageGroup[];
  /** In the order of the groups' values; without groups one row. */
  readonly rows: readonly UsageReportRow[];
  readonly totals: UsageSums;
}

/** What has been used and what it cost, from the ledger. */
export interface Reports {
  usage(query: UsageQuery): Promise<UsageReport>;
  /** Entries one by one, newest first. @throws GatewayError `invalid_request` where `after` is not from an earlier page. */
  entries(query: EntriesQuery): Promise<EntriesPage>;
}

export function createReports({ store }: { readonly store: Pick<Store, "db"> }): Reports {
  return {
    async usage(query) {
      const found = await readSums(store, query);
      const rows = found.map((row) => ({ group: row.group, ...render(row.sums) }));
      return { group_by: query.groupBy, rows, totals: render(found.map((row) => row.sums).reduce(add, noSums)) };
    },
    entries: (query) => readEntries(store, query),
  };
}

interface Sums {
  readonly requests: number;
  readonly attempts: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: bigint;
  readonly unpriced: number;
}

const noSums: Sums = {
  requests: 0,
  attempts: 0,
  errors: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  costNanoUsd: 0n,
  unpriced: 0,
};

const nanoPerUsd = 1_000_000_000n;
const dayMs = 86_400_000;

const groupColumns: Readonly<Record<UsageGroup, RawBuilder<string | number>>> = {
  user: sql`user_id`,
  key: sql`key_id`,
  model: sql`case when model_served = '' then model_asked else model_served end`,
  provider: sql`provider`,
  dialect: sql`dialect`,
  // Days since 1970. A literal, as a parameter may be bound as a real number and then divides as one.
  day: sql`time_ms / ${sql.lit(dayMs)}`,
};

/**
 * The one query over the entries. Sums come as text: a sum of 64-bit numbers may need more digits than a number or a 64-bit integer has. Money is
 * summed in dollars and in nano-USD apart for the same reason, as SQLite fails when a sum overflows.
 */
async function readSums(store: Pick<Store, "db">, query: UsageQuery): Promise<readonly { group: Record<string, string>; sums: Sums }[]> {
  const groupBy = [...new Set(query.groupBy)];
  let select = store.db
    .selectFrom("usage_entries")
    .select([
      sumOf(sql`case when attempt <= 1 then 1 else 0 end`).as("requests"),
      sumOf(sql`1`).as("attempts"),
      sumOf(sql`case when status in ('error', 'interrupted', 'refused') then 1 else 0 end`).as("errors"),
      sumOf(sql`input_tokens`).as("input"),
      sumOf(sql`output_tokens`).as("output"),
      sumOf(sql`cache_read_tokens`).as("cache_read"),
      sumOf(sql`coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)`).as("cache_write"),
      sumOf(sql`reasoning_tokens`).as("reasoning"),
      sumOf(sql`cost_nano_usd / ${sql.lit(Number(nanoPerUsd))}`).as("dollars"),
      sumOf(sql`cost_nano_usd % ${sql.lit(Number(nanoPerUsd))}`).as("rest"),
      sumOf(sql`case when cost_nano_usd is null then 1 else 0 end`).as("unpriced"),
    ]);
  if (query.userId !== undefined) select = select.where("user_id", "=", query.userId);
  if (query.keyId !== undefined) select = select.where("key_id", "=", query.keyId);
  if (query.fromMs !== undefined) select = select.where("time_ms", ">=", query.fromMs);
  if (query.toMs !== undefined) select = select.where("time_ms", "<", query.toMs);
  let grouped = select;
  for (const group of groupBy) {
    const column = groupColumns[group];
    grouped = grouped
      .select(sql<string>`cast(${column} as text)`.as(`group_${group}`))
      .groupBy(column)
      .orderBy(column);
  }
  const rows: readonly Record<string, string>[] = await grouped.execute();
  return rows.map((row) => ({
    group: Object.fromEntries(groupBy.map((group) => [group, groupValue(group, row[`group_${group}`]!)])),
    sums: {
      requests: Number(row["requests"]),
      attempts: Number(row["attempts"]),
      errors: Number(row["errors"]),
      inputTokens: Number(row["input"]),
      outputTokens: Number(row["output"]),
      cacheReadTokens: Number(row["cache_read"]),
      cacheWriteTokens: Number(row["cache_write"]),
      reasoningTokens: Number(row["reasoning"]),
      costNanoUsd: BigInt(row["dollars"]!) * nanoPerUsd + BigInt(row["rest"]!),
      unpriced: Number(row["unpriced"]),
    },
  }));
}

function sumOf(expression: RawBuilder<unknown>): RawBuilder<string> {
  return sql<string>`cast(coalesce(sum(${expression}), 0) as text)`;
}

function groupValue(group: UsageGroup, value: string): string {
  return group === "day" ? new Date(Number(value) * dayMs).toISOString().slice(0, 10) : value;
}

function add(a: Sums, b: Sums): Sums {
  return {
    requests: a.requests + b.requests,
    attempts: a.attempts + b.attempts,
    errors: a.errors + b.errors,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    costNanoUsd: a.costNanoUsd + b.costNanoUsd,
    unpriced: a.unpriced + b.unpriced,
  };
}

function render(sums: Sums): UsageSums {
  return {
    requests: sums.requests,
    attempts: sums.attempts,
    errors: sums.errors,
    input_tokens: sums.inputTokens,
    output_tokens: sums.outputTokens,
    cache_read_tokens: sums.cacheReadTokens,
    cache_write_tokens: sums.cacheWriteTokens,
    reasoning_tokens: sums.reasoningTokens,
    cost_usd: sums.attempts > 0 && sums.unpriced === sums.attempts ? null : formatUsd(sums.costNanoUsd),
    unpriced_requests: sums.unpriced,
  };
}
