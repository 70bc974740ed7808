import { getHeapStatistics } from "node:v8";
import { everyByTimer, type Every, type Logger } from "../../core/index.ts";
import type { Load, ShedReason } from "./in-flight.ts";

/** The memory of a process, and what it may have. */
export interface MemoryUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface LoadWatchDeps {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
  readonly every?: Every;
  readonly readMemory?: () => readonly MemoryUse[];
  /** How long the event loop has waited for work so far, in milliseconds. */
  readonly readIdleMs?: () => number;
}

const everyMs = 100;
/** Memory is looked at with each fifth look at the event loop. */
const looksPerMemory = 5;
/** The event loop counts as late if it was in each of the last three looks: one long piece of work, or a machine that slept, is no overload. */
const looks = 3;
/**
 * Lateness counts only if the event loop had waited for work in less than this share of the time: one that still has nothing to do between pieces of work keeps up, and is late
 * because the machine runs other processes. To refuse requests would not help it.
 */
const mostIdle = 0.1;
/** From the first lateness on, some new requests are refused; from the second on, all. */
const lateMs = { some: 150, all: 600 } as const;
/** The same for the share of memory that is in use. */
const memoryShare = { some: 0.85, all: 0.95 } as const;
/** The log names a trouble once in this time. */
const quietMs = 60_000;

/** Watches how late the event loop is, and how much memory is in use. */
export class LoadWatch implements Load {
  share = 0;
  reason: ShedReason = "event_loop";
  readonly #deps: LoadWatchDeps;
  readonly #stop: () => void;
  readonly #late: number[] = Array.from({ length: looks }, () => 0);
  /** The same, 0 where it had time to spare. */
  readonly #lateAndBusy: number[] = Array.from({ length: looks }, () => 0);
  readonly #readIdleMs: () => number;
  #idleMs: number;
  #lookedMs: number;
  #looks = 0;
  #memory = 0;
  #loggedMs = -Infinity;

  constructor(deps: LoadWatchDeps) {
    this.#deps = deps;
    this.#lookedMs = deps.now();
    this.#readIdleMs = deps.readIdleMs ?? readIdleMs;
    this.#idleMs = this.#readIdleMs();
    this.#stop = (deps.every ?? everyByTimer)(everyMs, () => {
      this.#look();
    });
  }

  /** By how much the event loop was late in each of the last looks. */
  get delayMs(): number {
    return Math.min(...this.#late);
  }

  stop(): void {
    this.#stop();
  }

  #look(): void {
    const nowMs = this.#deps.now();
    const spentMs = nowMs - this.#lookedMs;
    const idleMs = this.#readIdleMs();
    const lateForMs = Math.max(0, spentMs - everyMs);
    this.#late[this.#looks % looks] = lateForMs;
    this.#lateAndBusy[this.#looks % looks] = idleMs - this.#idleMs < spentMs * mostIdle ? lateForMs : 0;
    this.#lookedMs = nowMs;
    this.#idleMs = idleMs;
    if (this.#looks % looksPerMemory === 0) this.#memory = usedShare((this.#deps.readMemory ?? readMemory)());
    this.#looks += 1;
    const byLoop = between(Math.min(...this.#lateAndBusy), lateMs);
    const byMemory = between(this.#memory, memoryShare);
    this.share = Math.max(byLoop, byMemory);
    this.reason = byMemory > byLoop ? "memory" : "event_loop";
    if (this.share > 0 && nowMs - this.#loggedMs >= quietMs) this.#log(nowMs);
  }

  #log(nowMs: number): void {
    this.#loggedMs = nowMs;
    this.#deps.logger.warn(
      { reason: this.reason, delay_ms: Math.round(this.delayMs), memory_share: Math.round(this.#memory * 100) / 100 },
      "the process is overloaded: new model requests are refused with 503 until it has recovered",
    );
  }
}

function readIdleMs(): number {
  return performance.eventLoopUtilization().idle;
}

function between(value: number, { some, all }: { readonly some: number; readonly all: number }): number {
  return Math.min(1, Math.max(0, (value - some) / (all - some)));
}

function usedShare(uses: readonly MemoryUse[]): number {
  return Math.max(0, ...uses.map(({ usedBytes, limitBytes }) => usedBytes / limitBytes));
}

/** The heap of V8, and the process as a whole where the system limits it (a container). */
function readMemory(): readonly MemoryUse[] {
  const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics();
  const heap = { usedBytes, limitBytes };
  const mostBytes = process.constrainedMemory();
  // 0, or more than any machine has: the process may use all of the machine's.
  if (!(mostBytes > 0 && mostBytes < 2 ** 50)) return [heap];
  return [heap, { usedBytes: process.memoryUsage.rss(), limitBytes: mostBytes }];
}
