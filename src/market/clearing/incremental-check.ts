import assert from "node:assert/strict";
import { createAccount, nextHead, systemAccounts, type Account } from "./account.ts";
import type { ClearingLease, ClearingOperation, ClearingOutcome, ClearingState, LeaseState } from "./engine.ts";

const nextStates: Readonly<Record<LeaseState, readonly LeaseState[]>> = {
  open: ["open", "window", "settled", "split", "void"],
  window: ["window", "settled", "split"],
  settled: ["settled"],
  split: ["split"],
  void: ["void"],
};

/** Follows a clearing, and checks its rules after each operation by what that operation has changed. */
export class IncrementalCheck {
  readonly #accounts = new Map<string, Account>();
  readonly #legs = new Map<string, number>();
  readonly #live = new Map<string, Pick<ClearingLease, "state" | "hold" | "buyer" | "contested">>();
  readonly #held = new Map<string, bigint>();
  #contested = 0n;

  /** @throws AssertionError */
  after(state: ClearingState, operation: ClearingOperation, { result, transfers }: ClearingOutcome): void {
    const touched = new Set<string>();
    for (const { key, leg, kind, at, amount, debit, credit } of transfers) {
      assert.ok(amount >= 0n, "a transfer has an amount");
      assert.equal(leg, this.#legs.get(key) ?? 0, "each transfer has the next number of its key");
      this.#legs.set(key, leg + 1);
      for (const [side, sign] of [
        [debit, -1n],
        [credit, 1n],
      ] as const) {
        const known = this.#account(side.owner);
        known.balance += sign * amount;
        known.seq += 1;
        known.head = nextHead(known.head, { seq: known.seq, at, kind, lease: key, amount: sign * amount, balance: known.balance });
        assert.deepEqual([side.seq, side.balance], [known.seq, known.balance], "an entry follows the one before");
        touched.add(side.owner);
      }
    }
    this.#leases(state, operation, touched);
    for (const owner of touched) {
      const account = state.accounts.get(owner) ?? createAccount(owner);
      const { seq, balance, head } = this.#account(owner);
      assert.deepEqual([account.seq, account.balance, account.head], [seq, balance, head], "an account is the sum of its transfers");
      assert.equal(account.held, this.#held.get(owner) ?? 0n, "held is the sum of the open holds");
      if (operation.kind === "open" && result === "ok" && owner === operation.buyer)
        assert.ok(account.balance - account.held >= -account.limit, "a lease is covered when it is opened");
    }
    assert.equal(this.#account(systemAccounts.contested).balance, this.#contested, "#contested is the sum of the windows");
  }

  #account(owner: string): Account {
    let known = this.#accounts.get(owner);
    if (known === undefined) {
      known = createAccount(owner);
      this.#accounts.set(owner, known);
    }
    return known;
  }

  #leases({ leases }: ClearingState, operation: ClearingOperation, touched: Set<string>): void {
    if (operation.kind === "open") {
      const lease = leases.get(operation.id);
      touched.add(operation.buyer);
      if (lease !== undefined && lease.legs === 0 && lease.state === "open" && !this.#live.has(lease.id)) {
        this.#live.set(lease.id, { state: "open", hold: 0n, buyer: lease.buyer, contested: 0n });
      }
    }
    for (const [id, before] of this.#live) {
      const lease = leases.get(id)!;
      assert.ok(nextStates[before.state].includes(lease.state), `a lease leaves a state once: ${before.state}, ${lease.state}`);
      assert.equal(lease.paid + lease.contested + lease.refunded, lease.charged, "paid, contested and refunded are what was charged");
      assert.ok(lease.charged <= lease.hold, "a lease charges at most its hold");
      const hold = lease.state === "open" ? lease.hold : 0n;
      if (hold !== before.hold) {
        this.#held.set(lease.buyer, (this.#held.get(lease.buyer) ?? 0n) + hold - before.hold);
        touched.add(lease.buyer);
      }
      this.#contested += lease.contested - before.contested;
      if (lease.state === "open" || lease.state === "window")
        this.#live.set(id, { state: lease.state, hold, buyer: lease.buyer, contested: lease.contested });
      else this.#live.delete(id);
    }
  }
}
