import type { Store } from "../store/index.ts";
import { insertEntries } from "./entries/sink.ts";
import { correctionOfCost, correctionStep, type UsageRow } from "./entries/usage-row.ts";
import { formatUsd } from "./money.ts";
import { upstreamSource } from "./prices/charge.ts";
import { createRollupStep } from "./rollups/rollup.ts";

/** What was billed for a request, learned after its entries were written. */
export interface LateBill {
  readonly requestId: string;
  /** Of the provider that has billed. */
  readonly isBilled: (provider: string) => boolean;
  /** For all attempts at such providers together. */
  readonly costNanoUsd: bigint;
}

/**
 * Makes the entries of a request cost what was billed for it, by a correction if they cost something else now. Doing it again changes nothing.
 * @returns whether the entries are there; they may still wait to be written.
 */
export async function correctBill(store: Store, { requestId, isBilled, costNanoUsd }: LateBill): Promise<boolean> {
  return await store.db.transaction().execute(async (transaction) => {
    const rows = await transaction.selectFrom("usage_entries").selectAll().where("request_id", "=", requestId).execute();
    const attempts = rows.filter(({ direction, provider }) => direction === "consume" && isBilled(provider));
    const last = attempts.toSorted((a, b) => b.attempt - a.attempt)[0];
    if (last === undefined) return false;
    const numbers = new Set(attempts.map(({ attempt }) => attempt));
    const corrections = rows.filter(({ direction, attempt }) => direction === "correct" && numbers.has(attempt % correctionStep));
    const known = [...attempts, ...corrections].reduce((sum, row) => sum + (row.cost_nano_usd ?? 0n), 0n);
    const wasUnknown = corrections.length === 0 && last.cost_nano_usd === null;
    if (known === costNanoUsd && !wasUnknown) return true;
    const count = corrections.filter(({ attempt }) => attempt % correctionStep === last.attempt).length;
    const correction: UsageRow = {
      ...correctionOfCost(last, {
        number: count + 1,
        differenceNanoUsd: costNanoUsd - known,
        wasUnknown,
        costText: formatUsd(costNanoUsd),
      }),
      price_snapshot: `${upstreamSource}}`,
    };
    await insertEntries(store, transaction, [correction]);
    await createRollupStep(store)(transaction, [correction]);
    return true;
  });
}
