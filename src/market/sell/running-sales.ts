import type { Share } from "./shares.ts";

/** A request of another gateway that is being served. */
export interface RunningSale {
  readonly share: Pick<Share, "model" | "provider" | "terms">;
  /** It is served no further, and costs its buyer nothing. */
  readonly cancel: () => void;
}

/** The sales that are being served, in the order in which they began: the last one has the least to lose. */
export class RunningSales {
  #sales: readonly RunningSale[] = [];

  get isEmpty(): boolean {
    return this.#sales.length === 0;
  }

  /** @returns what is called when it has ended. */
  add(sale: RunningSale): () => void {
    this.#sales = [...this.#sales, sale];
    return () => {
      this.#sales = this.#sales.filter((other) => other !== sale);
    };
  }

  /**
   * Cancels sales until the server of a provider has no more requests than it bears (`--concurrency`).
   * @param own requests of this gateway's own that it serves now. @returns how many were cancelled.
   */
  makeRoom(provider: string, own: number): number {
    let cancelled = 0;
    for (const sale of this.#sales.toReversed()) {
      const { share } = sale;
      const others = this.#sales.filter((other) => other.share.model === share.model).length;
      if (share.provider !== provider || own + others <= share.terms.concurrency) continue;
      this.#sales = this.#sales.filter((other) => other !== sale);
      sale.cancel();
      cancelled += 1;
    }
    return cancelled;
  }
}
