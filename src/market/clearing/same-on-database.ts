import assert from "node:assert/strict";
import type { Store } from "../../store/index.ts";
import { checkClearing } from "./check.ts";
import { createClearing, type Clearing } from "./clearing.ts";
import { checkEntries } from "./entries.ts";
import { applyOperation, type ClearingOperation, type ClearingState } from "./engine.ts";
import { createOperations } from "./random-operations.ts";

/**
 * Applies random operations in a database and in memory, and compares results, accounts with their heads, and leases.
 * @throws AssertionError at a difference.
 */
export async function sameOnDatabase(store: Store, { seed, operations }: { seed: number; operations: number }): Promise<void> {
  const next = createOperations(seed);
  const memory: ClearingState = { accounts: new Map(), leases: new Map() };
  let now = 0;
  const clearing = createClearing(store, () => now);
  for (let index = 0; index < operations; index++) {
    const { operation, now: at } = next();
    if (operation.kind === "correction") continue;
    now = at;
    // An operation reads no other leases, so what is due ends first.
    await run(store, clearing, { kind: "tick" });
    applyOperation(memory, { kind: "tick" }, at);
    const { result } = applyOperation(memory, operation, at);
    assert.equal(await run(store, clearing, operation), result, `operation ${index}: ${operation.kind}`);
    if (index % 1000 === 999) await compare(store, clearing, memory);
  }
  await compare(store, clearing, memory);
}

/** From scratch: the rows of the database, its entries and their hashes. */
async function compare(store: Store, clearing: Clearing, memory: ClearingState): Promise<void> {
  const written = await clearing.readAll();
  assert.deepEqual(sorted(written), sorted(memory));
  assert.deepEqual(checkClearing(written), []);
  for (const account of written.accounts.values()) assert.deepEqual((await checkEntries(store, account)).broken, []);
}

async function run(store: Store, clearing: Clearing, operation: ClearingOperation): Promise<string> {
  switch (operation.kind) {
    case "open":
      return (await clearing.open({ ...operation, model: "m", document: "{}", limit: 0n })).result;
    case "settle":
      return await clearing.settle(operation);
    case "ack":
      return await clearing.acknowledge(operation.id, operation.acked);
    case "contest":
      await judge(store, operation);
      return await clearing.contest(operation.id);
    case "deposit":
    case "correction":
      await clearing.deposit(operation.id, operation.owner, operation.amount);
      return "ok";
    case "tick":
      await clearing.sweep(1000);
      return "ok";
    case "resume":
      await clearing.resume(operation.gap);
      return "ok";
  }
}

/** The verdicts of a lease as the operation has them, and no others. */
async function judge(store: Store, { id, judged = [] }: ClearingOperation & { readonly kind: "contest" }): Promise<void> {
  await store.db.deleteFrom("market_verdicts").where("lease", "=", id).execute();
  const columns = ["lease", "seq", "result", "cost_nano_usd", "cum_nano_usd", "at_ms", "document", "opening", "receipt", "order_text"];
  const rows = judged.map(({ cost, cum, isRight }, seq) => [id, seq, isRight ? "right" : "wrong", cost, cum, 0, "", "", "", ""]);
  if (rows.length > 0) await store.insertRows("market_verdicts", columns, rows);
}

function sorted({ accounts, leases }: ClearingState): unknown {
  const used = [...accounts.values()].filter(({ seq, held }) => seq > 0 || held > 0n);
  return {
    accounts: used.toSorted((a, b) => (a.owner < b.owner ? -1 : 1)),
    leases: [...leases.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
