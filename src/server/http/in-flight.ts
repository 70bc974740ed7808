import { GatewayError, type Schedule } from "../../core/index.ts";

/** The request's place among those that are served. */
export type Place = "none" | "waiting" | "counted" | "counted-by-key";

/** Whose request it is, and its place. Only `InFlight` writes the place. */
export interface InFlightRequest {
  /** Id of the caller's key; "" if there is none. */
  keyId: string;
  place: Place;
}

/** Why a request is refused for a while; the labels of a metric. */
export type ShedReason = "in_flight" | "event_loop" | "memory";

/** How much of the new work is refused, as the process is in trouble. */
export interface Load {
  /** 0 to 1: the share of new requests to refuse. */
  readonly share: number;
  readonly reason: ShedReason;
}

export interface InFlightDeps {
  /** `undefined`: no limit. */
  readonly maxInFlight: () => number | undefined;
  readonly load: Load;
  /** From 0 to 1, as `Math.random`. */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
}

/** Requests that wait, at most; also never more than are served. One key gets half of the places. */
const mostWaiting = 256;
/** A request does not begin to wait if its turn is expected to come later. */
const maxExpectedMs = 1000;
/** Its turn may come later than expected; after this time it is refused. */
const maxWaitMs = 2000;
const longestRetryAfterSeconds = 30;
/** This number of requests is served in any load: what is measured may be garbage that only new work clears. */
const alwaysServed = 4;
/** The number of keys without a request that are remembered, as a Map that gets and loses an entry with each request is dear (see `SlotList`). */
const maxIdleKeys = 10_000;
/** Weight of the newest interval in the average. */
const newestWeight = 1 / 8;

interface Waiting {
  readonly request: InFlightRequest;
  readonly resolve: () => void;
  readonly reject: (error: GatewayError) => void;
  readonly cancel: () => void;
}

/**
 * Counts model requests from their head to the end of the answer, and refuses new ones before the process fails: if `max_in_flight` are served and no place is
 * expected within a second, or by the load of the process. While requests of several keys wait, none gets more than half of the places.
 */
export class InFlight {
  readonly #deps: InFlightDeps;
  readonly #byKey = new Map<string, number>();
  readonly #queue: Waiting[] = [];
  readonly #shed: Record<ShedReason, number> = { in_flight: 0, event_loop: 0, memory: 0 };
  #count = 0;
  /** Average time between the ends of two requests while all places are taken; 0: not known yet. */
  #intervalMs = 0;
  /** When the last place became free, if all were taken then. */
  #freedMs: number | undefined;

  constructor(deps: InFlightDeps) {
    this.#deps = deps;
  }

  /** Requests that are served. */
  get count(): number {
    return this.#count;
  }

  /** Requests that wait for a place. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** How many were refused, by the reason. */
  get shed(): Readonly<Record<ShedReason, number>> {
    return this.#shed;
  }

  /** Takes a place. A promise if the request must wait for it. @throws GatewayError `overloaded`. */
  enter(request: InFlightRequest): Promise<void> | undefined {
    const { load, maxInFlight } = this.#deps;
    if (load.share > 0 && this.#count >= alwaysServed && this.#deps.random() < load.share) throw this.#refuse(load.reason, 1);
    const max = maxInFlight();
    if (max === undefined) {
      this.#count += 1;
      request.place = "counted";
      return undefined;
    }
    if (this.#count < max) {
      this.#take(request);
      return undefined;
    }
    const expectedMs = this.#expectedMs(request, max);
    if (!this.#hasRoomToWait(request, max) || expectedMs > maxExpectedMs) throw this.#refuse("in_flight", expectedMs / 1000);
    return this.#wait(request);
  }

  /** The answer is over, or the client has left. */
  leave(request: InFlightRequest): void {
    const { place } = request;
    if (place === "none") return;
    request.place = "none";
    if (place === "waiting") {
      const index = this.#queue.findIndex((waiting) => waiting.request === request);
      const [waiting] = this.#queue.splice(index, 1);
      waiting!.cancel();
      waiting!.reject(overloaded("The client has left.", 1));
      return;
    }
    const max = this.#deps.maxInFlight() ?? Infinity;
    const wasFull = this.#count >= max;
    this.#count -= 1;
    if (place === "counted-by-key") this.#leaveKey(request.keyId);
    if (wasFull) this.#measure();
    else this.#freedMs = undefined;
    this.#serveWaiting(max);
  }

  #take(request: InFlightRequest): void {
    this.#count += 1;
    this.#byKey.set(request.keyId, this.#ofKey(request.keyId) + 1);
    request.place = "counted-by-key";
  }

  #leaveKey(keyId: string): void {
    const rest = this.#ofKey(keyId) - 1;
    if (rest > 0 || this.#byKey.size <= maxIdleKeys) this.#byKey.set(keyId, rest);
    else this.#byKey.delete(keyId);
  }

  #ofKey(keyId: string): number {
    return this.#byKey.get(keyId) ?? 0;
  }

  /** Where nobody has a key there is nobody to share with. */
  #hasHalf({ keyId }: InFlightRequest, max: number): boolean {
    return keyId !== "" && this.#ofKey(keyId) * 2 >= max;
  }

  #hasRoomToWait({ keyId }: InFlightRequest, max: number): boolean {
    const most = Math.min(max, mostWaiting);
    if (this.#queue.length >= most) return false;
    if (keyId === "") return true;
    let own = 0;
    for (const { request } of this.#queue) if (request.keyId === keyId) own += 1;
    return own < Math.max(1, most / 2);
  }

  /** When its turn comes, as far as the last ends of requests tell. */
  #expectedMs(request: InFlightRequest, max: number): number {
    const sinceMs = this.#freedMs === undefined ? 0 : this.#deps.now() - this.#freedMs;
    let before = this.#queue.length;
    if (!this.#hasHalf(request, max)) {
      before = 0;
      for (const waiting of this.#queue) if (!this.#hasHalf(waiting.request, max)) before += 1;
    }
    return (before + 1) * Math.max(this.#intervalMs, sinceMs);
  }

  #measure(): void {
    const nowMs = this.#deps.now();
    if (this.#freedMs !== undefined) {
      const intervalMs = nowMs - this.#freedMs;
      this.#intervalMs = this.#intervalMs === 0 ? intervalMs : this.#intervalMs + (intervalMs - this.#intervalMs) * newestWeight;
    }
    this.#freedMs = nowMs;
  }

  #wait(request: InFlightRequest): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = this.#deps.schedule(maxWaitMs, () => {
      const index = this.#queue.findIndex((waiting) => waiting.request === request);
      this.#queue.splice(index, 1);
      request.place = "none";
      reject(this.#refuse("in_flight", this.#expectedMs(request, this.#deps.maxInFlight() ?? Infinity) / 1000));
    });
    request.place = "waiting";
    this.#queue.push({ request, resolve, reject, cancel });
    return promise;
  }

  #serveWaiting(max: number): void {
    while (this.#queue.length > 0 && this.#count < max) {
      const index = this.#queue.findIndex(({ request }) => !this.#hasHalf(request, max));
      const [waiting] = this.#queue.splice(Math.max(0, index), 1);
      waiting!.cancel();
      this.#take(waiting!.request);
      waiting!.resolve();
    }
  }

  #refuse(reason: ShedReason, afterSeconds: number): GatewayError {
    this.#shed[reason] += 1;
    return overloaded(messages[reason], Math.min(longestRetryAfterSeconds, Math.max(1, Math.ceil(afterSeconds))));
  }
}

const messages: Readonly<Record<ShedReason, string>> = {
  in_flight: "The gateway serves as many requests as it may (limits.max_in_flight). Try again soon.",
  event_loop: "The gateway has more work than it can do at the moment. Try again soon.",
  memory: "The gateway has little memory left at the moment. Try again soon.",
};

function overloaded(message: string, retryAfterSeconds: number): GatewayError {
  return new GatewayError("overloaded", message, { retryAfterSeconds });
}
