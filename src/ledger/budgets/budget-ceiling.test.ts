import assert from "node:assert/strict";
import { test } from "node:test";
import type { Usage } from "../../ir/index.ts";
import { clampUsage } from "../entries/clamp-usage.ts";
import { addIterations } from "../entries/usage-details.ts";
import { budgetCharge } from "./budget-ceiling.ts";

const ceiling = { input: 1_000_000_000n, output: 10_000_000_000n };

test("an answer without a price costs a budget the same before and after its row is written: with the model calls behind it", () => {
  const usage: Usage = clampUsage({
    input: 1000,
    output: 100,
    iterations: [
      { kind: "compaction", input: 5000, output: 200 },
      { kind: "advisor", input: 300, output: 20 },
    ],
  });
  const { input, output } = addIterations(usage, usage.iterations!);
  const charges = [usage, { input: input!, output: output! }].map((counts) =>
    budgetCharge({ status: "ok", usage: counts, costNanoUsd: undefined }, ceiling),
  );
  assert.deepEqual(charges, [9_500_000n, 9_500_000n]);
});

test("what only has model calls behind it is charged for them", () => {
  const usage: Usage = { iterations: [{ kind: "compaction", input: 1000, output: 0 }] };
  assert.equal(budgetCharge({ status: "interrupted", usage, costNanoUsd: undefined }, ceiling), 1_000_000n);
});
