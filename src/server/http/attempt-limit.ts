import { createBoundedCache, GatewayError, type BoundedCache, type Clock } from "../../core/index.ts";

/** Attempts that one address may make in a minute. Bounded in memory; each process counts for itself. */
export class AttemptLimit {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #perMinute: number;
  /** By address: when its attempts will all be free again (GCRA). */
  readonly #fullAtMs: BoundedCache<{ atMs: number }> = createBoundedCache(10_000);

  constructor(clock: Pick<Clock, "monotonic">, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** @throws GatewayError `limit_reached`. */
  take(address: string): void {
    const nowMs = this.#clock.monotonic();
    const fullAtMs = Math.max(this.#fullAtMs.get(address)?.atMs ?? 0, nowMs) + minuteMs / this.#perMinute;
    if (fullAtMs - nowMs > minuteMs + 1) {
      const retryAfterSeconds = Math.ceil((fullAtMs - nowMs - minuteMs) / 1000);
      const message = `More than ${this.#perMinute} sign-ins a minute came from this address. Try again in ${retryAfterSeconds} s.`;
      throw new GatewayError("limit_reached", message, { retryAfterSeconds });
    }
    this.#fullAtMs.set(address, { atMs: fullAtMs });
  }
}

const minuteMs = 60_000;
