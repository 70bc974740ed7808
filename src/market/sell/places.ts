import { MarketRefusal } from "../refusal.ts";
import type { BuyerLimits } from "./buyer-limits.ts";
import type { Capacity } from "./capacity.ts";
import type { Share } from "./shares.ts";

/** The requests that are being served, for each share and each buyer. */
export class Places {
  readonly #limits: BuyerLimits;
  readonly #capacity: Pick<Capacity, "isPaused" | "places">;
  readonly #onChange: () => void;
  readonly #running = new Map<string, number>();

  constructor(limits: BuyerLimits, capacity: Pick<Capacity, "isPaused" | "places">, onChange: () => void) {
    this.#limits = limits;
    this.#capacity = capacity;
    this.#onChange = onChange;
  }

  ofShare(model: string): number {
    return this.#running.get(`share ${model}`) ?? 0;
  }

  /** Takes a place of the share and one of the buyer. @returns what gives them back. @throws MarketRefusal */
  take(share: Share, buyer: string): () => void {
    const ofBuyer = `buyer ${buyer}`;
    if (this.#capacity.isPaused)
      throw new MarketRefusal("paused", "The seller takes no requests at the moment.", { retry_after_ms: 30_000 });
    this.#limits.checkTokens(buyer);
    if (this.#capacity.places(share).free <= 0 || (this.#running.get(ofBuyer) ?? 0) >= this.#limits.settings.concurrency) {
      throw new MarketRefusal("at_capacity", "All places for this model are taken.", { retry_after_ms: 1000 });
    }
    this.#count(share.model, ofBuyer, 1);
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      this.#count(share.model, ofBuyer, -1);
    };
  }

  #count(model: string, ofBuyer: string, change: number): void {
    for (const key of [`share ${model}`, ofBuyer]) {
      const next = (this.#running.get(key) ?? 0) + change;
      if (next <= 0) this.#running.delete(key);
      else this.#running.set(key, next);
    }
    this.#onChange();
  }
}
