import type { Store } from "../store/index.ts";
import { insertEntries } from "./entries/sink.ts";
import { clampUsage } from "./entries/clamp-usage.ts";
import { correctionOfCost, correctionStep, usageOfRow, type UsageRow } from "./entries/usage-row.ts";
import { formatUsd } from "./money.ts";
import { encodeLines } from "./prices/bill.ts";
import { chargeUsage, upstreamSource } from "./prices/charge.ts";
import type { PriceCatalogue } from "./prices/price-catalogue.ts";
import { createRollupStep } from "./rollups/rollup.ts";
import { wasUnknown } from "./rollups/rollup-sums.ts";

export interface RepriceOptions {
  readonly store: Store;
  readonly prices: PriceCatalogue;
}

export interface RepriceRange {
  /** Entries that began at this time or later. */
  readonly fromMs: number;
  /** Entries that began before this time. */
  readonly toMs: number;
  /** Only counts what would change. */
  readonly isDryRun: boolean;
}

/** The JSON form of the API. */
export interface RepriceResult {
  /** Entries that were looked at. */
  readonly entries: number;
  /** Entries whose cost is another one now. */
  readonly corrected: number;
  /** Those of them that had no known cost. */
  readonly newly_priced: number;
  /** By how much all costs together change. */
  readonly difference_usd: string;
}

const pageRows = 500;

/**
 * Reckons the costs of entries anew with the prices of their times, as they are known now. Entries never change: a correction is a row of its own, at the time of the
 * entry and with the same names, whose cost is the difference and whose `direction` is `correct`. A cost that was known and is not any more stays. What has been
 * spent of budgets stays as well.
 */
export async function repriceEntries({ store, prices }: RepriceOptions, { fromMs, toMs, isDryRun }: RepriceRange): Promise<RepriceResult> {
  const step = createRollupStep(store);
  let [entries, corrected, newlyPriced, difference] = [0, 0, 0, 0n];
  for await (const page of pagesOf(store, fromMs, toMs)) {
    entries += page.length;
    const corrections = page.flatMap((found) => correctionOf(prices, found) ?? []);
    corrected += corrections.length;
    newlyPriced += corrections.filter(isNewlyPriced).length;
    for (const { cost_nano_usd: cost } of corrections) difference += cost ?? 0n;
    if (isDryRun || corrections.length === 0) continue;
    await store.db.transaction().execute(async (transaction) => {
      const added = await insertEntries(store, transaction, corrections);
      // Another process has made some of them: their sums are there.
      if (added !== corrections.length)
        throw new Error("Entries are corrected by another process at this time. Try again when it has ended.");
      await step(transaction, corrections);
    });
  }
  return { entries, corrected, newly_priced: newlyPriced, difference_usd: formatUsd(difference) };
}

/** An entry, and how it has been corrected so far. */
interface FoundEntry {
  readonly row: UsageRow;
  readonly corrections: readonly UsageRow[];
}

async function* pagesOf(store: Store, fromMs: number, toMs: number): AsyncGenerator<readonly FoundEntry[]> {
  let after: UsageRow | undefined;
  for (;;) {
    let select = store.db
      .selectFrom("usage_entries")
      .selectAll()
      .where("time_ms", ">=", after?.time_ms ?? fromMs)
      .where("time_ms", "<", toMs)
      .where("direction", "=", "consume")
      .orderBy("time_ms")
      .orderBy("request_id")
      .orderBy("attempt")
      .limit(pageRows);
    if (after !== undefined) {
      const { time_ms: timeMs, request_id: requestId, attempt } = after;
      select = select.where((each) =>
        each.or([
          each("time_ms", ">", timeMs),
          each.and([each("time_ms", "=", timeMs), each("request_id", ">", requestId)]),
          each.and([each("time_ms", "=", timeMs), each("request_id", "=", requestId), each("attempt", ">", attempt)]),
        ]),
      );
    }
    const rows = await select.execute();
    if (rows.length === 0) return;
    yield await withCorrections(store, rows);
    after = rows.at(-1);
    if (rows.length < pageRows) return;
  }
}

async function withCorrections(store: Store, rows: readonly UsageRow[]): Promise<readonly FoundEntry[]> {
  const found = await store.db
    .selectFrom("usage_entries")
    .selectAll()
    .where("request_id", "in", [...new Set(rows.map((row) => row.request_id))])
    .where("direction", "=", "correct")
    .execute();
  return rows.map((row) => ({
    row,
    corrections: found.filter((each) => each.request_id === row.request_id && each.attempt % correctionStep === row.attempt),
  }));
}

/** The correction of an entry whose cost is another one now. */
function correctionOf(prices: PriceCatalogue, { row, corrections }: FoundEntry): UsageRow | undefined {
  // Refused, failed before any content, or an operation without tokens: it has no price.
  if (row.cost_nano_usd === 0n && row.price_snapshot === null) return undefined;
  // The vendor itself has said what it bills, also where its provider is not configured any more.
  if ([row, ...corrections].some((one) => one.price_snapshot?.startsWith(upstreamSource) === true)) return undefined;
  const known = row.cost_nano_usd !== null || corrections.length > 0;
  const cost = corrections.reduce((sum, each) => sum + (each.cost_nano_usd ?? 0n), row.cost_nano_usd ?? 0n);
  const call = {
    provider: row.provider,
    model: row.model_served,
    askedModel: row.upstream_model ?? row.model_asked,
    timeMs: row.time_ms,
  };
  const charged = chargeUsage(prices, call, clampUsage(usageOfRow(row)));
  if (charged.costNanoUsd === undefined || (known && charged.costNanoUsd === cost)) return undefined;
  const correction = { number: corrections.length + 1, differenceNanoUsd: charged.costNanoUsd - cost, wasUnknown: !known };
  return {
    ...correctionOfCost(row, { ...correction, costText: formatUsd(charged.costNanoUsd) }),
    price_snapshot: charged.snapshot,
    cost_lines: charged.lines === undefined ? null : encodeLines(charged.lines),
  };
}

function isNewlyPriced({ units }: UsageRow): boolean {
  return units?.includes(wasUnknown) === true;
}
