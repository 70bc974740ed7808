import { GatewayError } from "../../core/index.ts";

/** Whose body it is, and how much of it is counted. */
export interface BodyOwner {
  /** Id of the caller's key; "" if there is none. */
  keyId: string;
  bodyBytes: number;
}

/** The most bytes of bodies in this process at a time. */
export interface BodyBudgetLimits {
  readonly totalBytes: number;
  /** Of one key. */
  readonly keyBytes: number;
}

/** The client is asked to try again after this time. */
const retryAfterSeconds = 1;

/** The number of keys without a body that are remembered, as a Map that gets and loses an entry with each request is dear (see `SlotList`). */
const maxIdleKeys = 10_000;

/** Counts the bytes of request bodies from their arrival to the end of the answer. */
export class BodyBudget {
  readonly #limits: () => BodyBudgetLimits;
  readonly #byKey = new Map<string, number>();
  #total = 0;

  constructor(limits: () => BodyBudgetLimits) {
    this.#limits = limits;
  }

  /** Counts bytes that have arrived, or returns why they are refused. */
  take(owner: BodyOwner, bytes: number): GatewayError | undefined {
    const refusal = this.refusal(owner, bytes);
    if (refusal !== undefined) return refusal;
    this.#total += bytes;
    this.#byKey.set(owner.keyId, (this.#byKey.get(owner.keyId) ?? 0) + bytes);
    owner.bodyBytes += bytes;
    return undefined;
  }

  /** The error for a body of this size, if it must be refused now. */
  refusal({ keyId }: BodyOwner, bytes: number): GatewayError | undefined {
    const { totalBytes, keyBytes } = this.#limits();
    if (this.#total + bytes > totalBytes) {
      const message = `The requests that are served at the moment have bodies of ${totalBytes} bytes, which is the limit (gateway.limits.bodies_in_flight).`;
      return new GatewayError("overloaded", message, { retryAfterSeconds });
    }
    // Where nobody has a key there is nobody to share with.
    if (keyId !== "" && (this.#byKey.get(keyId) ?? 0) + bytes > keyBytes) {
      const message = `The requests of this key that are served at the moment have bodies of ${keyBytes} bytes, which is the limit for one key (half of gateway.limits.bodies_in_flight).`;
      return new GatewayError("rate_limited", message, { retryAfterSeconds });
    }
    return undefined;
  }

  /** Bytes that are held at the moment. */
  get bufferedBytes(): number {
    return this.#total;
  }

  /** The answer is over. */
  release(owner: BodyOwner): void {
    const { keyId, bodyBytes } = owner;
    if (bodyBytes === 0) return;
    owner.bodyBytes = 0;
    this.#total -= bodyBytes;
    const rest = (this.#byKey.get(keyId) ?? 0) - bodyBytes;
    if (rest > 0 || this.#byKey.size <= maxIdleKeys) this.#byKey.set(keyId, rest);
    else this.#byKey.delete(keyId);
  }
}
