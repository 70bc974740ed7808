import type { ClearingOperation, JudgedReceipt } from "./engine.ts";

/** A repeatable source of numbers from 0 to `below - 1` (mulberry32). */
export function createDice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const owners = ["anna", "bob", "carla", "dave"];

/** Random operations of four nodes over the last leases: also repeats, unknown leases, amounts that are too high, and deadlines that pass. */
export function createOperations(seed: number): () => { readonly operation: ClearingOperation; readonly now: number } {
  const dice = createDice(seed);
  let now = 0;
  let opened = 0;
  let deposits = 0;
  const owner = (): string => owners[dice(owners.length)]!;
  const someLease = (): string => `lease-${Math.max(0, opened - dice(20))}`;
  const receipt = (): JudgedReceipt => ({ cost: BigInt(dice(3000)), cum: BigInt(dice(6000)), isRight: dice(2) === 0 });
  const next = (): ClearingOperation => {
    const kind = dice(100);
    if (kind < 35) {
      const id = dice(10) === 0 ? someLease() : `lease-${++opened}`;
      const feePpm = BigInt(dice(3) * 10_007);
      return { kind: "open", id, buyer: owner(), seller: owner(), hold: BigInt(1 + dice(5000)), settleBy: now + 20 + dice(200), feePpm };
    }
    if (kind < 60) {
      const [cum, ceiling, acked] = [BigInt(dice(6000)), BigInt(dice(6000)), BigInt(dice(6000))];
      return { kind: "settle", id: someLease(), cum, ceiling, acked, window: 10 + dice(100) };
    }
    if (kind < 75) return { kind: "ack", id: someLease(), acked: BigInt(dice(6000)) };
    if (kind < 83) return { kind: "contest", id: someLease(), judged: Array.from({ length: dice(3) }, receipt) };
    if (kind < 92) return { kind: "deposit", id: `deposit-${++deposits}`, owner: owner(), amount: BigInt(dice(20_000)) };
    if (kind < 95) return { kind: "correction", id: `deposit-${++deposits}`, owner: owner(), amount: BigInt(-dice(5000)) };
    return kind < 99 ? { kind: "tick" } : { kind: "resume", gap: dice(50) };
  };
  return () => {
    now += dice(4);
    return { operation: next(), now };
  };
}

export { owners as operationOwners };
