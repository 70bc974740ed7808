import assert from "node:assert/strict";
import { checkClearing } from "./check.ts";
import { applyOperation, type ClearingState } from "./engine.ts";
import { IncrementalCheck } from "./incremental-check.ts";
import { NaiveClearing } from "./naive-model.ts";
import { createOperations, operationOwners } from "./random-operations.ts";
import { systemAccounts } from "./account.ts";

/**
 * Applies random operations to the engine and to a new plain model every 500 operations. Compares each result, checks the rules by what each operation has changed, and each
 * `checkEvery` operations compares all balances and checks everything from scratch.
 * @param apply another engine than the program's: one with a fault.
 * @throws AssertionError at the first difference.
 */
export function compareWithModel(
  { seed, operations, checkEvery }: { readonly seed: number; readonly operations: number; readonly checkEvery: number },
  apply: typeof applyOperation = applyOperation,
): void {
  const owners = [...operationOwners, ...Object.values(systemAccounts)];
  const perModel = 500;
  for (let done = 0, round = 0; done < operations; done += perModel, round++) {
    const state: ClearingState = { accounts: new Map(), leases: new Map() };
    const model = new NaiveClearing();
    const next = createOperations(seed + round);
    const increments = new IncrementalCheck();
    for (let index = 0; index < perModel; index++) {
      const { operation, now } = next();
      const outcome = apply(state, operation, now);
      const { result } = outcome;
      increments.after(state, operation, outcome);
      assert.equal(result, model.run(operation, now), `seed ${seed + round}, operation ${index}: ${operation.kind}`);
      if (index % checkEvery !== 0 && index !== perModel - 1) continue;
      for (const owner of owners) {
        const account = state.accounts.get(owner);
        const found = { balance: account?.balance ?? 0n, held: account?.held ?? 0n };
        assert.deepEqual(found, { balance: model.balance(owner), held: model.held(owner) }, `${owner}, operation ${index}`);
      }
      assert.deepEqual(checkClearing(state), []);
    }
  }
}
