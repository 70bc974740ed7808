import type { Refusal } from "../../core/index.ts";
import { FailureCount } from "./failure-count.ts";
import { TargetMeasures, type Mean } from "./measures.ts";
import type { BreakerSettings } from "./settings.ts";

/** Why a target is left alone for a time. */
export type BlockKind = "throttled" | "quota" | "credential" | "overloaded" | "breaker";

/** `ready`: nothing speaks against it. `probe`: one request may find out. `last-resort`: only if there is no other. `out`: the provider said when. */
export type Availability = "ready" | "probe" | "last-resort" | "out";

/** A throttled key whose provider names no time, by the number of times in a row. */
const throttleMs = 1000;
const longestThrottleMs = 60_000;
const quotaMs = 15 * 60_000;
const credentialMs = 5 * 60_000;
/** If there is no other target, one without quota is probed this often: its operator may have paid. */
const quotaProbeMs = 15_000;
const longestOverloadMs = 60_000;

/** A key that its provider refuses, for all its models. */
export class KeyState {
  rejectedUntilMs = 0;
  isProbed = false;
  /** Until when it was refused when other processes last heard of it. */
  sharedUntilMs = 0;
}

/** What a process has learned of a target since it last said so. Times are milliseconds from now. */
export interface TargetNews {
  /** `null`: it is not left alone any more. */
  readonly block?: { readonly kind: BlockKind; readonly forMs: number; readonly isNamed: boolean } | null | undefined;
  /** How long its key is refused; `null`: not any more. */
  readonly keyForMs?: number | null | undefined;
  readonly firstContentMs?: Mean | undefined;
  readonly totalMs?: Mean | undefined;
  readonly outputTokens?: Mean | undefined;
}

/** What the answers of one target have shown: a provider, a model and a key. Times are monotonic milliseconds. */
export class TargetState {
  /** Index of its key among those of its provider. */
  readonly keyIndex: number;
  readonly keyState: KeyState;
  readonly measures = new TargetMeasures();
  readonly #failures = new FailureCount();
  #block: BlockKind | undefined;
  #sinceMs = 0;
  #untilMs = 0;
  #isNamed = false;
  #isProbed = false;
  #probedAtMs = 0;
  #throttles = 0;
  /** Whether it is left alone, or not any more, is not known to other processes. */
  #isNews = false;
  /** The breaker's block has ended with the beginning of an answer; none has been whole since. */
  #isOnTrial = false;

  constructor(keyIndex: number, keyState: KeyState) {
    this.keyIndex = keyIndex;
    this.keyState = keyState;
  }

  /** Nothing speaks against it: there is no need to look at the clock. */
  get isClear(): boolean {
    return this.#block === undefined && this.keyState.rejectedUntilMs === 0;
  }

  /** Nothing has failed of late: a success changes nothing. */
  get isQuiet(): boolean {
    return this.isClear && !this.#isOnTrial && this.#failures.isEmpty;
  }

  get block(): BlockKind | undefined {
    return this.keyState.rejectedUntilMs === 0 ? this.#block : "credential";
  }

  /** Until when it is left alone. */
  get untilMs(): number {
    return Math.max(this.#untilMs, this.keyState.rejectedUntilMs);
  }

  availability(nowMs: number): Availability {
    const { rejectedUntilMs, isProbed } = this.keyState;
    if (rejectedUntilMs !== 0 && (nowMs < rejectedUntilMs || isProbed)) return this.#ofTarget(nowMs) === "out" ? "out" : "last-resort";
    const own = this.#ofTarget(nowMs);
    return own === "ready" && rejectedUntilMs !== 0 ? "probe" : own;
  }

  #ofTarget(nowMs: number): Availability {
    if (this.#block === undefined) return "ready";
    const isOver = nowMs >= this.#untilMs;
    if (this.#block === "throttled" || this.#block === "overloaded") {
      if (isOver) return "ready";
      return this.#isNamed && this.#block === "throttled" ? "out" : "last-resort";
    }
    if (isOver && !this.#isProbed) return "probe";
    if (this.#block !== "quota") return "last-resort";
    return !this.#isProbed && nowMs - this.#probedAtMs >= quotaProbeMs ? "last-resort" : "out";
  }

  /** A request is about to be sent. `isProbe`: others wait for what it finds out. */
  begin(nowMs: number): void {
    this.measures.inFlight += 1;
    if (this.isClear) return;
    if (this.#block !== undefined) {
      this.#isProbed = true;
      this.#probedAtMs = nowMs;
    }
    if (this.keyState.rejectedUntilMs !== 0) this.keyState.isProbed = true;
  }

  /** The target has answered a request that began at `beganMs`. */
  succeeded(beganMs: number, nowMs: number, settings: BreakerSettings): void {
    this.#failures.succeeded(nowMs, settings);
    this.opened(beganMs);
    if (!this.#isOnTrial || beganMs < this.#sinceMs) return;
    this.#isOnTrial = false;
    this.#failures.clear();
  }

  /**
   * An answer has begun. It ends what kept requests away; whether it is a success or a failure is counted at its end. The breaker opens again at the first failure
   * before a success, as the answer may break.
   */
  opened(beganMs: number): void {
    if (this.isClear) return;
    this.keyState.rejectedUntilMs = 0;
    this.keyState.isProbed = false;
    // An answer to an earlier request says nothing about a limit that was reached since.
    if (beganMs < this.#sinceMs) return;
    if (this.#block !== undefined) this.#isNews = true;
    this.#end();
  }

  #end(): void {
    if (this.#block === "breaker") this.#isOnTrial = true;
    this.#throttles = 0;
    this.#block = undefined;
    this.#untilMs = 0;
    this.#isProbed = false;
  }

  /** What this process has learned since the last call; `undefined`: nothing. */
  takeNews(nowMs: number): TargetNews | undefined {
    const { firstContentMs, totalMs, outputTokens } = this.measures;
    const news: TargetNews = {
      block: this.#takeBlock(nowMs),
      keyForMs: this.#takeKey(nowMs),
      firstContentMs: firstContentMs.takeNews(),
      totalMs: totalMs.takeNews(),
      outputTokens: outputTokens.takeNews(),
    };
    return Object.values(news).every((value) => value === undefined) ? undefined : news;
  }

  #takeBlock(nowMs: number): TargetNews["block"] {
    if (!this.#isNews) return undefined;
    this.#isNews = false;
    const forMs = this.#untilMs - nowMs;
    return this.#block === undefined || forMs <= 0 ? null : { kind: this.#block, forMs, isNamed: this.#isNamed };
  }

  #takeKey(nowMs: number): TargetNews["keyForMs"] {
    const { rejectedUntilMs, sharedUntilMs } = this.keyState;
    if (rejectedUntilMs === sharedUntilMs) return undefined;
    this.keyState.sharedUntilMs = rejectedUntilMs;
    return rejectedUntilMs === 0 ? null : Math.max(0, rejectedUntilMs - nowMs);
  }

  /** Another process has learned this. What this one knows itself and has not said yet is newer. */
  hear({ block, keyForMs, firstContentMs, totalMs, outputTokens }: TargetNews, nowMs: number): void {
    if (block === null && !this.#isNews) this.#end();
    if (block !== undefined && block !== null) {
      const wasNews = this.#isNews;
      this.#leaveAlone(block.kind, nowMs, block.forMs, block.isNamed);
      this.#isNews = wasNews;
    }
    if (keyForMs !== undefined && this.keyState.rejectedUntilMs === this.keyState.sharedUntilMs) {
      this.keyState.rejectedUntilMs = keyForMs === null ? 0 : nowMs + keyForMs;
      this.keyState.sharedUntilMs = this.keyState.rejectedUntilMs;
      this.keyState.isProbed = false;
    }
    if (firstContentMs !== undefined) this.measures.firstContentMs.hear(firstContentMs, nowMs);
    if (totalMs !== undefined) this.measures.totalMs.hear(totalMs, nowMs);
    if (outputTokens !== undefined) this.measures.outputTokens.hear(outputTokens, nowMs);
  }

  /** The target has failed. Returns the kind of block that begins with it. */
  refused(refusal: Refusal, beganMs: number, nowMs: number, settings: BreakerSettings): BlockKind | undefined {
    const { kind, waitMs } = refusal;
    const isNamed = waitMs !== undefined && refusal.isByMessage !== true;
    switch (kind) {
      case "throttled":
        this.#throttles += 1;
        this.measures.capacity = Math.max(1, this.measures.inFlight);
        return this.#leaveAlone(
          "throttled",
          nowMs,
          waitMs ?? Math.min(longestThrottleMs, throttleMs * 2 ** (this.#throttles - 1)),
          isNamed,
        );
      case "quota":
        return this.#leaveAlone("quota", nowMs, waitMs ?? quotaMs);
      case "credential":
        if (refusal.isForModelOnly === true) return this.#leaveAlone("credential", nowMs, credentialMs);
        this.keyState.rejectedUntilMs = nowMs + credentialMs;
        this.keyState.isProbed = false;
        return "credential";
      case "overloaded":
      case "broken":
      case "unreachable":
      case "timeout":
        return this.#failed(refusal, nowMs, settings);
      case "context":
      case "filtered":
      case "client":
        // It works; what it refused is the request.
        this.succeeded(beganMs, nowMs, settings);
        return undefined;
    }
  }

  /** The request that `begin` announced is over. */
  end(): void {
    this.measures.inFlight -= 1;
  }

  /** Nothing was learned: the client has left. */
  released(): void {
    this.#isProbed = false;
    this.keyState.isProbed = false;
  }

  #failed({ kind, waitMs }: Refusal, nowMs: number, settings: BreakerSettings): BlockKind | undefined {
    const isTooOften = this.#failures.failed(nowMs, settings);
    if (isTooOften || this.#isOnTrial || this.#block === "breaker") return this.#leaveAlone("breaker", nowMs, settings.openMs);
    if (kind === "overloaded" && waitMs !== undefined) return this.#leaveAlone("overloaded", nowMs, Math.min(waitMs, longestOverloadMs));
    this.released();
    return undefined;
  }

  #leaveAlone(block: BlockKind, nowMs: number, forMs: number, isNamed = false): BlockKind {
    this.keyState.isProbed = false;
    this.#isProbed = false;
    // A shorter time does not shorten what is known.
    if (this.#block !== undefined && this.#untilMs >= nowMs + forMs) return this.#block;
    this.#block = block;
    this.#isNews = true;
    this.#sinceMs = nowMs;
    this.#untilMs = nowMs + forMs;
    this.#isNamed = isNamed;
    this.#probedAtMs = nowMs;
    return block;
  }
}
