import type { Operation } from "../protocols/index.ts";

/** When there is no time left, of this number of requests one is looked at. */
const sampleEvery = 10;
/** Time that may be spent on looking, in each second: half a percent of one processor. */
const msPerSecond = 5;
/**
 * What is not used is kept for a burst, of 20 requests at most: each keeps its answer until it has ended. Hundreds at the start of a process would teach V8 that objects of requests live
 * long; all later ones would be made among the old objects, and cost a third more.
 */
const mostMs = 4;
/** What it takes to keep the request and the answer, and to see whether there are calls. */
const msPerRequest = 0.2;

/**
 * Chooses the requests whose answers are looked at for calls of tools, after their clients have them: all of them while there is time for it, and one of ten in any case.
 */
export class ToolSampler {
  #count = 0;
  #leftMs = mostMs;
  #filledMs: number | undefined;

  /** @param nowMs monotonic, when the request came. */
  chooses(operation: Operation, nowMs: number): boolean {
    if (operation !== "generate") return false;
    this.#count += 1;
    this.#fill(nowMs);
    if (this.#leftMs <= 0 && this.#count % sampleEvery !== 0) return false;
    this.#leftMs -= msPerRequest;
    return true;
  }

  /** An answer was looked at. */
  spent(ms: number): void {
    this.#leftMs -= ms;
  }

  #fill(nowMs: number): void {
    this.#filledMs ??= nowMs;
    // Requests come a little out of order.
    const passedMs = Math.max(0, nowMs - this.#filledMs);
    this.#filledMs += passedMs;
    // What the one of ten costs above that is forgotten: it would stop all others for long.
    this.#leftMs = Math.min(mostMs, Math.max(this.#leftMs, -mostMs) + (passedMs * msPerSecond) / 1000);
  }
}
