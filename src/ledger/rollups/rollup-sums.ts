import type { RawBuilder } from "kysely";
import { sql } from "kysely";
import type { UsageRow } from "../entries/usage-row.ts";

/** The columns of sums, in the order of `RollupSums.values`. */
export const sumColumns = [
  "requests",
  "attempts",
  "errors",
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "reasoning_tokens",
  "whole_usd",
  "rest_nano_usd",
  "unpriced",
] as const;

export type SumColumn = (typeof sumColumns)[number];

const nanoPerUsd = 1_000_000_000n;
/** What the correction of an entry without a cost has in its `units`. */
export const wasUnknown = '"was_unknown":true';

/** What an entry adds to each sum, for a query over `usage_entries`. `RollupSums.add` does the same in code. */
export const entrySums: Readonly<Record<SumColumn, RawBuilder<unknown>>> = {
  requests: sql`case when attempt <= 1 then 1 else 0 end`,
  attempts: sql`case when direction = 'correct' then 0 else 1 end`,
  errors: sql`case when status in ('error', 'interrupted', 'refused') then 1 else 0 end`,
  input_tokens: sql`coalesce(input_tokens, 0)`,
  output_tokens: sql`coalesce(output_tokens, 0)`,
  cache_read_tokens: sql`coalesce(cache_read_tokens, 0)`,
  cache_write_tokens: sql`coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)`,
  reasoning_tokens: sql`coalesce(reasoning_tokens, 0)`,
  // Literals, because a parameter may be bound as a real number, and the division would then not be of integers.
  whole_usd: sql`coalesce(cost_nano_usd / ${sql.lit(Number(nanoPerUsd))}, 0)`,
  rest_nano_usd: sql`coalesce(cost_nano_usd % ${sql.lit(Number(nanoPerUsd))}, 0)`,
  // A correction of an entry without a cost gives it one.
  unpriced: sql`case when cost_nano_usd is null then 1 when direction = 'correct' and units like ${sql.lit(`%${wasUnknown}%`)} then -1 else 0 end`,
};

/** The model under which an entry is counted: the one that served the request; if none did, the one that was requested. */
export const entryModel = sql<string>`case when model_served = '' then model_asked else model_served end`;

export function modelOf(row: UsageRow): string {
  return row.model_served === "" ? row.model_asked : row.model_served;
}

/**
 * Sums of some entries. Money is exact for any sum; a count of tokens, at most 10¹² per entry, is exact up to 9,000 entries. In the database money is
 * stored as whole dollars and the rest, as a sum of 64-bit amounts may need more than 64 bits.
 */
export class RollupSums {
  #requests = 0;
  #attempts = 0;
  #errors = 0;
  #input = 0;
  #output = 0;
  #cacheRead = 0;
  #cacheWrite = 0;
  #reasoning = 0;
  #costNanoUsd = 0n;
  #unpriced = 0;

  add(row: UsageRow): void {
    if (row.attempt <= 1) this.#requests += 1;
    if (row.direction === "correct") {
      this.#costNanoUsd += row.cost_nano_usd ?? 0n;
      if (row.units?.includes(wasUnknown) === true) this.#unpriced -= 1;
      return;
    }
    this.#attempts += 1;
    if (row.status === "error" || row.status === "interrupted" || row.status === "refused") this.#errors += 1;
    this.#input += row.input_tokens ?? 0;
    this.#output += row.output_tokens ?? 0;
    this.#cacheRead += row.cache_read_tokens ?? 0;
    this.#cacheWrite += (row.cache_write_5m_tokens ?? 0) + (row.cache_write_1h_tokens ?? 0);
    this.#reasoning += row.reasoning_tokens ?? 0;
    if (row.cost_nano_usd === null) this.#unpriced += 1;
    else this.#costNanoUsd += row.cost_nano_usd;
  }

  get values(): readonly (number | bigint)[] {
    return [
      this.#requests,
      this.#attempts,
      this.#errors,
      this.#input,
      this.#output,
      this.#cacheRead,
      this.#cacheWrite,
      this.#reasoning,
      this.#costNanoUsd / nanoPerUsd,
      this.#costNanoUsd % nanoPerUsd,
      this.#unpriced,
    ];
  }
}

/** A sum of costs from its two columns. */
export function joinCost(wholeUsd: bigint, restNanoUsd: bigint): bigint {
  return wholeUsd * nanoPerUsd + restNanoUsd;
}
