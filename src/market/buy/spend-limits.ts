import type { Store } from "../../store/index.ts";
import { MarketRefusal } from "../refusal.ts";
import type { BuySettings } from "./buy-section.ts";

const dayMs = 86_400_000;
/** A limit may be raised at any time: it is looked at again after this time. */
const againMs = 60_000;
/** Other processes spend too. */
const readMs = 60_000;

interface SpendDeps {
  readonly store: Pick<Store, "db">;
  readonly settings: () => Pick<BuySettings, "perDay" | "perPeer">;
  readonly now: () => number;
}

/**
 * What is spent at other gateways in a day of UTC: receipts that were accepted, and the most that requests under way may cost. Amounts are nano-credits, by
 * clearing: a peer, or an exchange.
 */
export class SpendLimits {
  readonly #deps: SpendDeps;
  #day = 0;
  readonly #spent = new Map<string, bigint>();
  readonly #reserved = new Map<string, bigint>();
  #readMs = -Infinity;

  constructor(deps: SpendDeps) {
    this.#deps = deps;
  }

  /** Reads what this day has cost, if a limit needs it. */
  async load(): Promise<void> {
    const { perDay, perPeer } = this.#deps.settings();
    const now = this.#deps.now();
    this.#roll();
    if ((perDay === undefined && perPeer === undefined) || now - this.#readMs < readMs) return;
    this.#readMs = now;
    const rows = await this.#deps.store.db
      .selectFrom("market_trades")
      .select((eb) => ["clearing", eb.fn.sum<bigint | string | null>("cost_nano_usd").as("cost_nano_usd")])
      .where("state", "=", "acked")
      .where("at_ms", ">=", this.#day * dayMs)
      .groupBy("clearing")
      .execute();
    for (const { clearing, cost_nano_usd: cost } of rows) {
      const stored = BigInt(cost ?? 0n);
      if (stored > (this.#spent.get(clearing) ?? 0n)) this.#spent.set(clearing, stored);
    }
  }

  /** Why nothing more is bought there today; `undefined`: it may be. */
  problem(clearing: string, max = 0n): string | undefined {
    const { perDay, perPeer } = this.#deps.settings();
    if (perDay === undefined && perPeer === undefined) return undefined;
    this.#roll();
    if (perPeer !== undefined && this.#of(clearing) + max > perPeer)
      return "what may be spent there in a day (market.buy.per_peer) is used up";
    const isOver = perDay !== undefined && this.spent() + sumOf(this.#reserved) + max > perDay;
    return isOver ? "what may be spent in a day (market.buy.per_day) is used up" : undefined;
  }

  /** Reserves what a request may cost. @returns what releases it. @throws MarketRefusal `too_many_requests` */
  reserve(clearing: string, max: bigint): () => void {
    const problem = this.problem(clearing, max);
    if (problem !== undefined) throw new MarketRefusal("too_many_requests", `Nothing is bought: ${problem}.`, { retry_after_ms: againMs });
    this.#reserved.set(clearing, (this.#reserved.get(clearing) ?? 0n) + max);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      const left = (this.#reserved.get(clearing) ?? 0n) - max;
      this.#reserved.set(clearing, left > 0n ? left : 0n);
    };
  }

  /** A receipt was accepted. */
  paid(clearing: string, cost: bigint): void {
    this.#roll();
    this.#spent.set(clearing, (this.#spent.get(clearing) ?? 0n) + cost);
  }

  /** In this day, as far as this process knows. */
  spent(): bigint {
    return sumOf(this.#spent);
  }

  #of(clearing: string): bigint {
    return (this.#spent.get(clearing) ?? 0n) + (this.#reserved.get(clearing) ?? 0n);
  }

  #roll(): void {
    const day = Math.floor(this.#deps.now() / dayMs);
    if (day === this.#day) return;
    this.#day = day;
    this.#spent.clear();
    this.#readMs = -Infinity;
  }
}

function sumOf(amounts: ReadonlyMap<string, bigint>): bigint {
  let sum = 0n;
  for (const amount of amounts.values()) sum += amount;
  return sum;
}
