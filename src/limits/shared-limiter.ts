import { messageOf, type Clock, type Logger, type Schedule } from "../core/index.ts";
import type { Bucket } from "./bucket.ts";
import { isRefusal, type LimitHold, type Limiter, type LimitOutcome } from "./limiter.ts";
import { changeMs, LocalLimiter } from "./local-limiter.ts";
import { beatMs, nodeLifeMs, type LimitRemote, type OwnSlots, type TakenAnswer, type TakenPart } from "./remote.ts";

export interface SharedLimiterDeps {
  readonly remote: LimitRemote;
  /** All buckets of this process. */
  readonly buckets: () => Iterable<Bucket>;
  readonly clock: Pick<Clock, "monotonic">;
  readonly schedule: Schedule;
  readonly logger: Logger;
}

/** A request waits for the remote at most this long, and no request after it until the remote has answered again. */
const longestWaitMs = 50;
/** How often a remote that is away is asked. */
const probeMs = 100;
/** A probe that takes longer has failed. */
const probeTimeoutMs = 1000;

/** A bound on a wait. */
class NoAnswer extends Error {}

/**
 * Limits that processes share. Each request asks the remote, whose answer also brings the process's own buckets up to date. While the remote is away, each process
 * goes on by its own buckets, with an equal share of each limit; when it returns, the larger of both counts holds.
 */
export class SharedLimiter implements Limiter {
  readonly #deps: SharedLimiterDeps;
  readonly #local: LocalLimiter;
  /** Processes, each with the time until which it is believed to be alive. Their number outlives the remote's memory. */
  readonly #nodes = new Map<string, number>();
  /** How many processes an answer has named. */
  #counted = { processes: 0, untilMs: 0 };
  #isUp = false;
  #problem: string | undefined;
  #isClosed = false;
  #cancelBeat: (() => void) | undefined;

  constructor(deps: SharedLimiterDeps) {
    this.#deps = deps;
    this.#local = new LocalLimiter(deps.clock);
  }

  /** Connects to the remote. Resolves when it has answered or failed to; never rejects. */
  async start(): Promise<void> {
    await this.#beat();
  }

  /** Why limits are not shared at present; `undefined`: they are. */
  get problem(): string | undefined {
    return this.#isUp ? undefined : (this.#problem ?? "it has not answered yet");
  }

  take(buckets: readonly Bucket[], tokens: number): LimitOutcome | Promise<LimitOutcome> {
    return this.#isUp ? this.#ask(buckets, tokens) : this.#local.take(buckets, tokens, this.#share);
  }

  settle(hold: LimitHold, usedTokens: number | undefined): void {
    if (hold.isSettled) return;
    this.#local.settle(hold, usedTokens);
    // What was taken by shares is known here alone, until it is written back.
    if (!this.#isUp) return;
    const { buckets } = hold;
    const adjustments = buckets.flatMap((bucket) => {
      const deltaMs = bucket.counts === "slots" || hold.share !== 1 ? 0 : changeMs(bucket, hold, usedTokens);
      return deltaMs === 0 ? [] : [{ name: bucket.name, periodMs: bucket.periodMs, deltaMs }];
    });
    const slots = buckets.filter(({ counts }) => counts === "slots").map(slotsOf);
    if (adjustments.length > 0 || slots.length > 0) this.#deps.remote.settle(adjustments, slots);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelBeat?.();
    this.#deps.remote.close();
  }

  /** Into this number of equal parts a limit is divided, one for each process. */
  get #share(): number {
    const nowMs = this.#deps.clock.monotonic();
    let alive = 0;
    for (const untilMs of this.#nodes.values()) if (nowMs < untilMs) alive += 1;
    return Math.max(1, alive, nowMs < this.#counted.untilMs ? this.#counted.processes : 0);
  }

  async #ask(buckets: readonly Bucket[], tokens: number): Promise<LimitOutcome> {
    // Counted before it is known, so that requests that ask at the same time do not share one slot.
    for (const bucket of buckets) if (bucket.counts === "slots") bucket.inFlight += 1;
    let answer: TakenAnswer;
    try {
      answer = await this.#within(longestWaitMs, this.#deps.remote.take(buckets.map((bucket) => partOf(bucket, tokens))));
    } catch (error) {
      for (const bucket of buckets) if (bucket.counts === "slots") bucket.inFlight -= 1;
      this.#lost(error);
      return this.#local.take(buckets, tokens, this.#share);
    }
    return this.#outcome(buckets, tokens, answer);
  }

  #outcome(buckets: readonly Bucket[], tokens: number, { isAdmitted, states, processes = 0 }: TakenAnswer): LimitOutcome {
    const nowMs = this.#deps.clock.monotonic();
    if (processes >= this.#counted.processes || nowMs >= this.#counted.untilMs)
      this.#counted = { processes, untilMs: nowMs + 2 * nodeLifeMs };
    let refusal: LimitOutcome | undefined;
    for (const [index, bucket] of buckets.entries()) {
      const state = states[index] ?? 0;
      if (bucket.counts === "slots") {
        bucket.others = state;
        if (!isAdmitted) bucket.inFlight -= 1;
      } else {
        bucket.fullAtMs = nowMs + state;
      }
      if (isAdmitted) continue;
      const waitMs = bucket.waitMs(nowMs, tokens, 1);
      if (refusal === undefined || (isRefusal(refusal) && waitMs > refusal.waitMs)) refusal = { bucket, waitMs };
    }
    return refusal ?? { buckets, tokens, share: 1, isSettled: false };
  }

  /** Keeps the process alive for the others, and finds out whether the remote answers. */
  async #beat(): Promise<void> {
    const { remote, buckets, clock } = this.#deps;
    try {
      const all = [...buckets()];
      const names = await this.#within(probeTimeoutMs, remote.beat(all.filter(({ inFlight }) => inFlight > 0).map(slotsOf)));
      const nowMs = clock.monotonic();
      for (const name of names) this.#nodes.set(name, nowMs + 2 * nodeLifeMs);
      for (const [name, untilMs] of this.#nodes) if (untilMs <= nowMs) this.#nodes.delete(name);
      if (!this.#isUp) await this.#within(probeTimeoutMs, this.#returned(all));
    } catch (error) {
      this.#lost(error);
    }
    this.#planBeat();
  }

  #planBeat(): void {
    if (this.#isClosed) return;
    this.#cancelBeat?.();
    this.#cancelBeat = this.#deps.schedule(this.#isUp ? beatMs : probeMs, () => void this.#beat());
  }

  async #returned(all: readonly Bucket[]): Promise<void> {
    const { remote, clock, logger } = this.#deps;
    const nowMs = clock.monotonic();
    const levels = all.flatMap((bucket) => {
      const usedMs = bucket.counts === "slots" ? 0 : bucket.usedMs(nowMs);
      return usedMs > 0 ? [{ name: bucket.name, usedMs }] : [];
    });
    if (levels.length > 0) await remote.raise(levels);
    if (this.#isClosed) return;
    this.#isUp = true;
    if (this.#problem !== undefined) logger.info({ store: remote.title }, "limits are shared again");
    this.#problem = undefined;
  }

  #lost(error: unknown): void {
    if (this.#isClosed) return;
    const wasUp = this.#isUp;
    const isNew = wasUp || this.#problem === undefined;
    this.#isUp = false;
    this.#problem = messageOf(error);
    if (!isNew) return;
    const { remote, logger } = this.#deps;
    logger.warn(
      { store: remote.title, error: this.#problem, processes: this.#share },
      "limits cannot be shared: each process goes on with its own part of them",
    );
    if (wasUp) this.#planBeat();
  }

  /** A process that did not run itself for a while reads what has come meanwhile, before it judges. */
  async #within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
    const silence = Promise.withResolvers<never>();
    const cancel = this.#deps.schedule(timeoutMs, () => {
      setImmediate(() => setImmediate(() => silence.reject(new NoAnswer(`no answer in ${timeoutMs} ms`))));
    });
    try {
      return await Promise.race([answer, silence.promise]);
    } finally {
      cancel();
    }
  }
}

function partOf(bucket: Bucket, tokens: number): TakenPart {
  const { name, periodMs, counts, inFlight, amount } = bucket;
  if (counts === "slots") return { name, periodMs: 0, cost: inFlight, most: amount };
  return { name, periodMs, cost: bucket.costMs(tokens, 1), most: 0 };
}

function slotsOf({ name, inFlight }: Bucket): OwnSlots {
  return { name, count: inFlight };
}
