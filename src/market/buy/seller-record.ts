/** What this gateway has seen of the sellers of exchanges since its start: it decides who is asked, never what is paid. */
export class SellerRecord {
  readonly #sellers = new Map<string, { good: number; bad: number; failedMs: number[] }>();
  readonly #outputs = new Map<string, { sum: number; count: number }>();

  add(seller: string, isGood: boolean, nowMs: number): void {
    const known = this.#sellers.get(seller) ?? { good: 0, bad: 0, failedMs: [] };
    if (isGood) known.good += 1;
    else {
      known.bad += 1;
      known.failedMs = [...known.failedMs, nowMs].slice(-2);
    }
    this.#sellers.set(seller, known);
  }

  /** The share of requests that it answered, at first 1. */
  rate(seller: string): number {
    const { good = 0, bad = 0 } = this.#sellers.get(seller) ?? {};
    return (good + 4) / (good + bad + 4);
  }

  /** From 0 to 1; policies ask no seller below 0.6. */
  score(seller: string, _model: string, _nowMs: number): number {
    return this.rate(seller);
  }

  /** Two requests have failed in the last minute. */
  isFailing(seller: string, nowMs: number): boolean {
    const failedMs = this.#sellers.get(seller)?.failedMs ?? [];
    return failedMs.length === 2 && failedMs[0]! > nowMs - 60_000;
  }

  answered(model: string, outputTokens: number): void {
    const known = this.#outputs.get(model) ?? { sum: 0, count: 0 };
    known.sum += outputTokens;
    known.count += 1;
    this.#outputs.set(model, known);
  }

  /** The mean length of answers of the model; what is usual while there is none. */
  meanOutput(model: string): number {
    const known = this.#outputs.get(model);
    return known === undefined ? 300 : known.sum / known.count;
  }
}
