import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { applyOperation, type ClearingState } from "../../src/market/clearing/engine.ts";
import { createDice, createOperations } from "../../src/market/clearing/random-operations.ts";
import { canonicalText, type CanonicalValue } from "../../src/market/documents/canonical.ts";
import { costOfReceipt } from "../../src/market/documents/cost.ts";
import { fuzzParsers } from "../../src/market/fuzz-testing.ts";
import { vectors, type ClearingStepOperation } from "../../src/market/testing.ts";
import { writeFigures } from "./figures.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../examples/market/check_vectors.py", import.meta.url));
let folder: string;
let python: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokligence-vectors-"));
  python = join(folder, "venv", "bin", "python");
  await run("python3", ["-m", "venv", join(folder, "venv")]);
  if (existsSync(python)) await run(python, ["-m", "pip", "install", "--quiet", "cryptography==46.0.3"]);
});
after(() => rm(folder, { recursive: true, force: true }));

async function checksOf(changes: Partial<typeof vectors>): Promise<number> {
  const path = join(folder, "vectors.json");
  await writeFile(path, JSON.stringify({ ...vectors, ...changes }));
  const { stdout } = await run(python, [script, path], { timeout: 600_000 });
  return (JSON.parse(stdout) as { readonly checks: number }).checks;
}

test("a second implementation, in Python, reproduces the vectors", async () => {
  writeFigures("market-vectors", { vectors: { checks: await checksOf({}) } });
});

test("it agrees about 20,000 random values and costs and about 20,000 operations of the clearing, and not about a changed one", async () => {
  const dice = createDice(9);
  const canonical = Array.from({ length: 20_000 }, () => valueOf(dice, 3)).map((value) => ({ value, text: canonicalText(value) }));
  const costs = Array.from({ length: 20_000 }, () => {
    const price = { input: String(dice(1e9)), output: String(dice(1e12)), cache_read: String(dice(10)) };
    const input = dice(1e6);
    const usage = { input, cache_read: dice(input + 1), output: dice(1e6), reasoning: 0 };
    return { price, usage, nano: String(costOfReceipt(price, usage)) };
  });
  const clearing_run = clearingRun(20_000);
  const checks = await checksOf({ canonical, costs, clearing_run });
  writeFigures("market-vectors", { random: { checks } });
  const [first, ...rest] = costs;
  await assert.rejects(async () => checksOf({ costs: [...rest, { ...first!, nano: `${first!.nano}1` }] }));
});

test("a million changed documents and frames are read as what they say, or refused", () => {
  writeFigures("market-vectors", { fuzz: { runs: 1_000_000, ...fuzzParsers({ seed: 17, runs: 1_000_000 }) } });
});

const letters = ["a", "B", "é", "€", "\u2028", "\u007f", "\n", "\b", "\u0001", '"', "\\", "/", "\u{1F600}", "\u{10FFFF}", "\uFFFD", "z"];

function valueOf(dice: (below: number) => number, depth: number): CanonicalValue {
  const text = (): string => Array.from({ length: dice(6) }, () => letters[dice(letters.length)]!).join("");
  switch (dice(depth > 0 ? 5 : 3)) {
    case 0:
      return text();
    case 1:
      return dice(2) === 0;
    case 2:
      return (dice(2) === 0 ? 1 : -1) * dice(Number.MAX_SAFE_INTEGER) || 0;
    case 3:
      return Array.from({ length: dice(4) }, () => valueOf(dice, depth - 1));
    default:
      return Object.fromEntries(Array.from({ length: dice(4) }, () => [text(), valueOf(dice, depth - 1)]));
  }
}

/** Random operations as a run of the vectors; amounts are decimal strings. */
function clearingRun(operations: number): (typeof vectors)["clearing_run"] {
  const next = createOperations(31);
  const state: ClearingState = { accounts: new Map(), leases: new Map() };
  const steps = Array.from({ length: operations }, () => {
    const { operation, now } = next();
    const { result } = applyOperation(state, operation, now);
    const op = JSON.parse(
      JSON.stringify(operation, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)).replaceAll(
        '"isRight":',
        '"right":',
      ),
    ) as ClearingStepOperation;
    const accounts = [...state.accounts.values()].map(
      ({ owner, balance, held }) => [owner, { balance: String(balance), held: String(held) }] as const,
    );
    return { now, op, result, accounts: Object.fromEntries(accounts) };
  });
  return { fee_ppm: "0", steps };
}
