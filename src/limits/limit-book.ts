import type { Clock } from "../core/index.ts";
import { mostPeriods, nodeLifeMs, type Adjustment, type Level, type OwnSlots, type TakenAnswer, type TakenPart } from "./remote.ts";

interface Entry {
  fullAtMs: number;
  /** Slots by process. */
  readonly slots: Map<string, number>;
}

const tolerance = 1e-6;

/** The limits that workers share, in the memory of their primary. */
export class LimitBook {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #entries = new Map<string, Entry>();
  /** Processes, and until when each is believed to be alive. */
  readonly #nodes = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  take(node: string, parts: readonly TakenPart[]): TakenAnswer {
    const nowMs = this.#clock.monotonic();
    const entries = parts.map(({ name }) => this.#entry(name));
    const isAdmitted = parts.every((part, index) => isFree(part, entries[index]!, node, nowMs));
    const states = parts.map(({ periodMs, cost }, index) => {
      const entry = entries[index]!;
      if (periodMs === 0) {
        if (isAdmitted) entry.slots.set(node, cost);
        return othersOf(entry, node);
      }
      if (isAdmitted) entry.fullAtMs = Math.max(entry.fullAtMs, nowMs) + cost;
      return Math.max(0, entry.fullAtMs - nowMs);
    });
    return { isAdmitted, states };
  }

  settle(node: string, adjustments: readonly Adjustment[], slots: readonly OwnSlots[]): void {
    const nowMs = this.#clock.monotonic();
    for (const { name, periodMs, deltaMs } of adjustments) {
      const entry = this.#entry(name);
      const from = deltaMs > 0 ? Math.max(entry.fullAtMs, nowMs) : entry.fullAtMs;
      entry.fullAtMs = Math.min(from + deltaMs, nowMs + mostPeriods * periodMs);
    }
    for (const { name, count } of slots) this.#entry(name).slots.set(node, count);
  }

  raise(levels: readonly Level[]): void {
    const nowMs = this.#clock.monotonic();
    for (const { name, usedMs } of levels) {
      const entry = this.#entry(name);
      entry.fullAtMs = Math.max(entry.fullAtMs, nowMs + usedMs);
    }
  }

  beat(node: string, slots: readonly OwnSlots[]): readonly string[] {
    const nowMs = this.#clock.monotonic();
    this.#nodes.set(node, nowMs + nodeLifeMs);
    for (const { name, count } of slots) this.#entry(name).slots.set(node, count);
    for (const [name, untilMs] of this.#nodes) if (untilMs <= nowMs) this.remove(name);
    this.#sweep(nowMs);
    return [...this.#nodes.keys()];
  }

  /** A process has ended: its slots are free. */
  remove(node: string): void {
    this.#nodes.delete(node);
    for (const { slots } of this.#entries.values()) slots.delete(node);
  }

  #entry(name: string): Entry {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const made = { fullAtMs: 0, slots: new Map<string, number>() };
    this.#entries.set(name, made);
    return made;
  }

  /** What is full and has no slots taken is as new. */
  #sweep(nowMs: number): void {
    for (const [name, { fullAtMs, slots }] of this.#entries) {
      if (fullAtMs <= nowMs && [...slots.values()].every((count) => count === 0)) this.#entries.delete(name);
    }
  }
}

function isFree({ periodMs, cost, most }: TakenPart, entry: Entry, node: string, nowMs: number): boolean {
  if (periodMs === 0) return cost + othersOf(entry, node) <= most;
  return Math.max(0, entry.fullAtMs - nowMs) + Math.min(cost, periodMs) <= periodMs + tolerance;
}

function othersOf({ slots }: Entry, node: string): number {
  let sum = 0;
  for (const [name, count] of slots) if (name !== node) sum += count;
  return sum;
}
