import type { ClearingOperation } from "./engine.ts";

/**
 * The rules of a clearing written a second time, for tests, as plainly as possible: it stores what happened and adds everything up anew for each
 * question.
 */
export class NaiveClearing {
  readonly #moves: { readonly from: string; readonly to: string; readonly amount: bigint }[] = [];
  readonly #leases = new Map<string, NaiveLease>();

  balance(owner: string): bigint {
    let sum = 0n;
    for (const { from, to, amount } of this.#moves) {
      if (from === owner) sum -= amount;
      if (to === owner) sum += amount;
    }
    return sum;
  }

  held(owner: string): bigint {
    let sum = 0n;
    for (const lease of this.#leases.values()) if (lease.state === "open" && lease.buyer === owner) sum += lease.hold;
    return sum;
  }

  run(operation: ClearingOperation, now: number): string {
    if (operation.kind === "resume") {
      for (const lease of this.#leases.values()) lease.deadline += operation.gap;
      return "ok";
    }
    if (operation.kind === "deposit" || operation.kind === "correction") {
      this.#moves.push({ from: "#outside", to: operation.owner, amount: operation.amount });
      return "ok";
    }
    if (operation.kind === "tick") {
      for (const lease of this.#leases.values()) this.#expire(lease, now);
      return "ok";
    }
    const lease = this.#leases.get(operation.id);
    if (operation.kind === "open") {
      if (lease !== undefined) return "same";
      if (operation.buyer === operation.seller) return "same_party";
      if (this.balance(operation.buyer) - this.held(operation.buyer) < operation.hold) return "insufficient_funds";
      const { buyer, seller, hold, feePpm, settleBy } = operation;
      this.#leases.set(operation.id, { buyer, seller, hold, feePpm, deadline: settleBy, state: "open", charged: 0n, paid: 0n });
      return "ok";
    }
    if (lease === undefined) return "unknown_lease";
    this.#expire(lease, now);
    if (operation.kind === "settle") return this.#settle(lease, operation, now);
    if (lease.state === "open") return "not_settled";
    if (lease.state !== "window") return lease.state;
    if (operation.kind === "ack") return this.#payUpTo(lease, operation.acked < lease.charged ? operation.acked : lease.charged);
    return this.#split(lease, operation.kind === "contest" ? (operation.judged ?? []) : []);
  }

  #split(lease: NaiveLease, judged: readonly { readonly cost: bigint; readonly cum: bigint; readonly isRight: boolean }[]): string {
    const rest = lease.charged - lease.paid;
    const unpaid = judged.filter(({ cum }) => cum > lease.paid);
    let sellers = 0n;
    let undecided = rest;
    for (const { cost, isRight } of unpaid) {
      const covered = undecided < cost ? undecided : cost;
      undecided -= covered;
      if (isRight) sellers += covered;
    }
    sellers += undecided / 2n;
    this.#moves.push({ from: "#contested", to: lease.buyer, amount: rest - sellers });
    this.#pay(lease, "#contested", sellers);
    lease.state = "split";
    return "split";
  }

  #settle(lease: NaiveLease, { cum, ceiling, acked, window }: ClearingOperation & { kind: "settle" }, now: number): string {
    if (lease.state === "void") return "void";
    if (lease.state !== "open") return "same";
    lease.charged = [cum, ceiling, lease.hold].toSorted((a, b) => Number(a - b))[0]!;
    const agreed = acked < lease.charged ? acked : lease.charged;
    this.#pay(lease, lease.buyer, agreed);
    this.#moves.push({ from: lease.buyer, to: "#contested", amount: lease.charged - agreed });
    lease.state = agreed === lease.charged ? "settled" : "window";
    lease.deadline = now + window;
    return lease.state;
  }

  #expire(lease: NaiveLease, now: number): void {
    if (lease.deadline > now) return;
    if (lease.state === "open") lease.state = "void";
    if (lease.state === "window") this.#payUpTo(lease, lease.charged);
  }

  #payUpTo(lease: NaiveLease, amount: bigint): string {
    if (amount > lease.paid) this.#pay(lease, "#contested", amount - lease.paid);
    if (lease.paid === lease.charged) lease.state = "settled";
    return lease.state;
  }

  #pay(lease: NaiveLease, from: string, amount: bigint): void {
    const fee = (amount * lease.feePpm) / 1_000_000n;
    this.#moves.push({ from, to: lease.seller, amount: amount - fee }, { from, to: "#fees", amount: fee });
    lease.paid += amount;
  }
}

interface NaiveLease {
  readonly buyer: string;
  readonly seller: string;
  readonly hold: bigint;
  readonly feePpm: bigint;
  deadline: number;
  state: "open" | "window" | "settled" | "split" | "void";
  charged: bigint;
  paid: bigint;
}
