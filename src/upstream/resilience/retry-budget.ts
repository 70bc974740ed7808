/** Retries that may be under way whatever the number of requests, and the most that are saved up. */
const minRetries = 3;
const maxSaved = 10;

/**
 * Keeps retries from multiplying a provider's trouble. Two bounds: of the requests in flight only a share may be retries (at least 3), and each request pays in
 * that share of a retry, of which at most 10 are saved. So there are never more attempts than (1 + share) × requests + 10.
 */
export class RetryBudget {
  #saved = maxSaved;
  #inFlight = 0;
  #retrying = 0;

  requestBegins(share: number): void {
    this.#inFlight += 1;
    if (this.#saved < maxSaved) this.#saved = Math.min(maxSaved, this.#saved + share);
  }

  requestEnds(): void {
    this.#inFlight -= 1;
  }

  /** `true`: the retry may be made; `retryEnds` must follow. */
  tryRetry(share: number): boolean {
    // Sums of 0.2 are not exact.
    if (this.#saved < 1 - 1e-9 || this.#retrying >= Math.max(minRetries, share * this.#inFlight)) return false;
    this.#saved -= 1;
    this.#retrying += 1;
    return true;
  }

  retryEnds(): void {
    this.#retrying -= 1;
  }
}
