import assert from "node:assert/strict";
import { test } from "node:test";
import { vectors } from "../testing.ts";
import { canonicalText } from "../documents/canonical.ts";
import { createAccount, nextHead, systemAccounts } from "./account.ts";
import { checkClearing } from "./check.ts";
import { accountIn, applyOperation, type ClearingOperation, type ClearingState } from "./engine.ts";
import { compareWithModel } from "./compare-with-model.ts";
import { plantedFaults } from "./planted-faults.ts";

function emptyState(): ClearingState {
  return { accounts: new Map(), leases: new Map() };
}

test("the clearing's run of the vectors has the same results and balances", () => {
  const state = emptyState();
  const feePpm = BigInt(vectors.clearing_run.fee_ppm);
  for (const [index, { now, op, result, accounts }] of vectors.clearing_run.steps.entries()) {
    const amounts = ["amount", "hold", "cum", "ceiling", "acked"];
    const { judged, ...rest } = op;
    const fields = Object.entries(rest).map(([key, value]) => [key, amounts.includes(key) ? BigInt(value) : value]);
    const receipts = judged?.map(({ cost, cum, right }) => ({ cost: BigInt(cost), cum: BigInt(cum), isRight: right }));
    const operation = { id: `step-${index}`, ...Object.fromEntries(fields), judged: receipts, feePpm } as ClearingOperation;
    assert.equal(applyOperation(state, operation, now).result, result, `step ${index}`);
    const found = [...state.accounts.values()].map(
      ({ owner, balance, held }) => [owner, { balance: String(balance), held: String(held) }] as const,
    );
    const expected = { ...Object.fromEntries(found.map(([owner]) => [owner, { balance: "0", held: "0" }])), ...accounts };
    assert.deepEqual(Object.fromEntries(found), expected, `step ${index}`);
    assert.deepEqual(checkClearing(state), [], `step ${index}`);
  }
});

test("a head is the hash of the head before and the entry", () => {
  const { previous_head, entry, head, canonical } = vectors.account_entry;
  assert.equal(canonicalText(entry), canonical);
  assert.equal(nextHead(previous_head, { ...entry, amount: BigInt(entry.amount), balance: BigInt(entry.balance) }), head);
});

test("20,000 random operations do what the plain model does, and every rule holds after each", () => {
  compareWithModel({ seed: 7, operations: 20_000, checkEvery: 100 });
});

test("engines with a fault differ from the plain model", () => {
  for (const [name, engine] of Object.entries(plantedFaults)) {
    assert.throws(
      () => {
        compareWithModel({ seed: 7, operations: 2000, checkEvery: 20 }, engine);
      },
      assert.AssertionError,
      name,
    );
  }
});

test("each transfer has its own key, and moves each head", () => {
  const state = emptyState();
  applyOperation(state, { kind: "deposit", id: "d1", owner: "anna", amount: 1000n }, 1);
  applyOperation(state, { kind: "open", id: "l1", buyer: "anna", seller: "bob", hold: 500n, settleBy: 100, feePpm: 100_000n }, 2);
  const before = accountIn(state, "anna").head;
  const { transfers } = applyOperation(state, { kind: "settle", id: "l1", cum: 300n, ceiling: 400n, acked: 200n, window: 10 }, 3);
  assert.deepEqual(transfers, [
    {
      key: "l1",
      leg: 0,
      kind: "pay",
      at: 3,
      amount: 180n,
      debit: { owner: "anna", seq: 2, balance: 820n },
      credit: { owner: "bob", seq: 1, balance: 180n },
    },
    {
      key: "l1",
      leg: 1,
      kind: "fee",
      at: 3,
      amount: 20n,
      debit: { owner: "anna", seq: 3, balance: 800n },
      credit: { owner: systemAccounts.fees, seq: 1, balance: 20n },
    },
    {
      key: "l1",
      leg: 2,
      kind: "contest",
      at: 3,
      amount: 100n,
      debit: { owner: "anna", seq: 4, balance: 700n },
      credit: { owner: systemAccounts.contested, seq: 1, balance: 100n },
    },
  ]);
  assert.notEqual(accountIn(state, "anna").head, before);
  assert.equal(accountIn(state, "anna").seq, 4);
});

test("a limit lets a buyer go below 0, no further", () => {
  const state: ClearingState = { accounts: new Map([["anna", createAccount("anna", 100n)]]), leases: new Map() };
  const open = (id: string, hold: bigint): ClearingOperation => ({
    kind: "open",
    id,
    buyer: "anna",
    seller: "bob",
    hold,
    settleBy: 10,
    feePpm: 0n,
  });
  assert.equal(applyOperation(state, open("l1", 60n), 1).result, "ok");
  assert.equal(applyOperation(state, open("l2", 41n), 1).result, "insufficient_funds");
  assert.equal(applyOperation(state, open("l3", 40n), 1).result, "ok");
  assert.equal(applyOperation(state, { ...open("l4", 1n), seller: "anna" } as ClearingOperation, 1).result, "same_party");
});

test("the check finds a sum that was changed", () => {
  const planted: readonly ((state: ClearingState) => void)[] = [
    (state) => (accountIn(state, "anna").balance += 1n),
    (state) => (accountIn(state, "anna").held -= 1n),
    (state) => (state.leases.get("l2")!.contested -= 1n),
    (state) => (state.leases.get("l2")!.paid += 1n),
    (state) => (state.leases.get("l1")!.state = "void"),
    (state) => state.leases.delete("l2"),
  ];
  for (const [index, plant] of planted.entries()) {
    const state = emptyState();
    applyOperation(state, { kind: "deposit", id: "d1", owner: "anna", amount: 1000n }, 1);
    for (const id of ["l1", "l2"])
      applyOperation(state, { kind: "open", id, buyer: "anna", seller: "bob", hold: 200n, settleBy: 100, feePpm: 0n }, 2);
    applyOperation(state, { kind: "settle", id: "l2", cum: 150n, ceiling: 200n, acked: 50n, window: 10 }, 3);
    assert.deepEqual(checkClearing(state), []);
    plant(state);
    assert.notDeepEqual(checkClearing(state), [], `planted fault ${index}`);
  }
});
