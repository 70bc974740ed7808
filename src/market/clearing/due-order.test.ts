import assert from "node:assert/strict";
import { test } from "node:test";
import { applyOperation, type ClearingOperation, type ClearingState } from "./engine.ts";

test("heads do not depend on the order in which leases were read: what is due ends by its deadline", () => {
  const headsOf = (order: readonly string[]): unknown => {
    const state: ClearingState = { accounts: new Map(), leases: new Map() };
    const run = (operation: ClearingOperation, now: number): unknown => applyOperation(state, operation, now);
    run({ kind: "deposit", id: "d", owner: "anna", amount: 1000n }, 0);
    for (const [index, id] of ["l1", "l2", "l3"].entries()) {
      run({ kind: "open", id, buyer: "anna", seller: "bob", hold: 100n, settleBy: 100, feePpm: 0n }, 1);
      run({ kind: "settle", id, cum: BigInt(10 + index), ceiling: 100n, acked: 0n, window: 50 - index }, 2);
    }
    const read = { accounts: state.accounts, leases: new Map(order.map((id) => [id, state.leases.get(id)!])) };
    applyOperation(read, { kind: "tick" }, 100);
    return [...read.accounts.values()].map(({ owner, head }) => [owner, head]);
  };
  assert.deepEqual(headsOf(["l3", "l1", "l2"]), headsOf(["l1", "l2", "l3"]));
});
