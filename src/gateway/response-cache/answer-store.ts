import type { Bytes } from "../../core/index.ts";

/** An answer as a client got it. */
export interface CachedAnswer {
  readonly form: "json" | "events" | "array";
  readonly contentType: string;
  /** Latin1. */
  readonly body: Bytes;
  /** The client asked for usage in its stream. */
  readonly includesUsage: boolean;
  readonly provider: string;
  readonly upstreamModel: string;
  /** The model that the upstream reported. */
  readonly modelServed: string;
  /** What it cost; `undefined`: not known. */
  readonly costNanoUsd: bigint | undefined;
  /** Milliseconds since 1970. */
  readonly storedMs: number;
}

export interface AnswerStoreLimits {
  readonly lifetimeMs: number;
  readonly maxBytes: number;
}

/** Where answers are kept. */
export interface AnswerCache {
  /** Requests that were answered from it. */
  hits: number;
  /** Bytes in the memory of this process. */
  readonly sizeBytes: number;
  /** A promise only if the answer is elsewhere. It never rejects, and is bounded: an answer that cannot be had in time is not there. */
  get(key: string, nowMs: number): CachedAnswer | undefined | Promise<CachedAnswer | undefined>;
  put(key: string, answer: CachedAnswer, limits: AnswerStoreLimits): void;
}

interface Kept {
  readonly answer: CachedAnswer;
  readonly sizeBytes: number;
  readonly untilMs: number;
}

/** A string of latin1 takes a byte for each character; the rest is about this. */
const overheadBytes = 500;
/** A longer answer would push too many others out. */
export const largestShare = 0.25;

/** Answers in memory, by key: those used last stay when there is no room. */
export class AnswerStore implements AnswerCache {
  // Entries are few and live for minutes: each belongs to a request that went to a provider.
  readonly #kept = new Map<string, Kept>();
  #sizeBytes = 0;
  /** Requests that were answered from it. */
  hits = 0;

  get(key: string, nowMs: number): CachedAnswer | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) return undefined;
    this.#kept.delete(key);
    if (found.untilMs <= nowMs) {
      this.#sizeBytes -= found.sizeBytes;
      return undefined;
    }
    this.#kept.set(key, found);
    return found.answer;
  }

  put(key: string, answer: CachedAnswer, { lifetimeMs, maxBytes }: AnswerStoreLimits): void {
    const sizeBytes = answer.body.length + key.length + overheadBytes;
    if (sizeBytes > maxBytes * largestShare) return;
    this.#drop(key);
    this.#kept.set(key, { answer, sizeBytes, untilMs: answer.storedMs + lifetimeMs });
    this.#sizeBytes += sizeBytes;
    while (this.#sizeBytes > maxBytes) this.#drop(this.#kept.keys().next().value!);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  #drop(key: string): void {
    const found = this.#kept.get(key);
    if (found === undefined) return;
    this.#kept.delete(key);
    this.#sizeBytes -= found.sizeBytes;
  }
}
