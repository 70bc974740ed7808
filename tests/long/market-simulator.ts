import assert from "node:assert/strict";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { plantedFaults } from "../faults/market-simulator/planted.ts";
import { simulateMarket } from "../faults/market-simulator/simulate.ts";
import { writeFigures } from "./figures.ts";

interface PlayedSeeds {
  readonly sums: Readonly<Record<string, number>>;
  /** With their seeds. */
  readonly failures: readonly string[];
}

const only = process.env["MARKET_SEED"];
const [from, to] = (process.env["MARKET_SEEDS"] ?? "2000").split("-").map(Number);
const [first, last] = to === undefined ? [1, from!] : [from!, to];

/** `MARKET_SEED=n` plays one seed alone, `MARKET_SEEDS=n` the first n, `MARKET_SEEDS=301-600` a portion. A failure names its seed. */
test("2,000 seeds of lost, cut and repeated calls, partitions, crashes and wrong clocks: thirteen nodes keep their books", async () => {
  if (only !== undefined) {
    process.stdout.write(`${JSON.stringify(await simulateMarket({ seed: Number(only) }))}\n`);
    return;
  }
  const workers = availableParallelism();
  const file = new URL("../faults/market-simulator/worker.ts", import.meta.url);
  const played = Array.from({ length: workers }, async (_, index) => {
    const worker = new Worker(file, { workerData: { first: first + index, every: workers, last } });
    const [found] = (await once(worker, "message")) as [PlayedSeeds];
    await worker.terminate();
    return found;
  });
  const sums: Record<string, number> = {};
  const all = await Promise.all(played);
  for (const found of all) for (const [name, value] of Object.entries(found.sums)) sums[name] = (sums[name] ?? 0) + value;
  process.stdout.write(`${JSON.stringify({ first, last, ...sums })}\n`);
  assert.deepEqual(
    all.flatMap(({ failures }) => failures),
    [],
  );
  // A portion is a part of the run.
  if (first === 1) writeFigures("market-simulator", { seeds: last, ...sums });
});

test("a seed is played the same way each time", async () => {
  const play = (): Promise<unknown> => simulateMarket({ seed: 9, nodes: 3, requests: 6 });
  assert.deepEqual(await play(), await play());
});

test("a fault of each kind that is planted in the program is found", async () => {
  const names = Object.keys(plantedFaults);
  const found: string[] = [];
  for (const name of names) {
    for (let seed = 1; seed <= 10 && !found.includes(name); seed++) {
      const isFound = await simulateMarket({ seed, nodes: 6, requests: 40, plant: plantedFaults[name]! }).then(
        () => false,
        (error: unknown) => error instanceof assert.AssertionError,
      );
      if (isFound) found.push(name);
    }
  }
  assert.deepEqual(found, names);
  writeFigures("market-simulator", { faults: { planted: names.length, found: found.length } });
});
