import type { Refusal } from "../../core/index.ts";
import { FailureCount } from "./failure-count.ts";
import { TargetMeasures } from "./measures.ts";
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
    if (this.#block === "breaker") this.#isOnTrial = true;
    this.#throttles = 0;
    this.#block = undefined;
    this.#untilMs = 0;
    this.#isProbed = false;
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
    this.#sinceMs = nowMs;
    this.#untilMs = nowMs + forMs;
    this.#isNamed = isNamed;
    this.#probedAtMs = nowMs;
    return block;
  }
}
