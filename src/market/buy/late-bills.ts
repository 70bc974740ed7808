import type { Clock } from "../../core/index.ts";
import { correctBill } from "../../ledger/index.ts";
import type { Store } from "../../store/index.ts";
import { isMarketProvider } from "../../upstream/index.ts";

/** An entry of the ledger is written at most this long after its request. */
const writtenMs = 600_000;
/** What an earlier start may have left. */
const leftMs = 24 * 3_600_000;
const mostLeft = 1000;

/**
 * Receipts that were accepted after their request was over: its client had left, or the line was cut. The ledger has an estimate of such a request; its cost becomes that of the
 * receipt.
 */
export class LateBills {
  readonly #store: Store;
  readonly #clock: Pick<Clock, "now">;
  readonly #waiting = new Map<string, number>();
  #hasLooked = false;

  constructor(store: Store, clock: Pick<Clock, "now">) {
    this.#store = store;
    this.#clock = clock;
  }

  note(requestId: string): void {
    this.#waiting.set(requestId, this.#clock.now());
  }

  /** Corrects the entries that are written by now. */
  async run(): Promise<void> {
    if (!this.#hasLooked) await this.#findLeft();
    this.#hasLooked = true;
    for (const [requestId, sinceMs] of this.#waiting) {
      const costNanoUsd = await this.#billed(requestId);
      const isDone = await correctBill(this.#store, { requestId, isBilled: isMarketProvider, costNanoUsd });
      if (isDone || this.#clock.now() - sinceMs > writtenMs) this.#waiting.delete(requestId);
    }
  }

  async #findLeft(): Promise<void> {
    const rows = await this.#store.db
      .selectFrom("market_trades")
      .innerJoin("usage_entries", "usage_entries.request_id", "market_trades.request_id")
      .select("market_trades.request_id")
      .distinct()
      .where("market_trades.at_ms", ">", this.#clock.now() - leftMs)
      .where("market_trades.state", "=", "acked")
      .where("usage_entries.status", "<>", "ok")
      .where("usage_entries.provider", "like", "@%")
      .limit(mostLeft)
      .execute();
    for (const { request_id: requestId } of rows) this.note(requestId);
  }

  async #billed(requestId: string): Promise<bigint> {
    const rows = await this.#store.db
      .selectFrom("market_trades")
      .select("cost_nano_usd")
      .where("request_id", "=", requestId)
      .where("state", "=", "acked")
      .execute();
    return rows.reduce((sum, { cost_nano_usd: cost }) => sum + cost, 0n);
  }
}
