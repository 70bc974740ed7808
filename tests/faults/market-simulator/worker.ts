import { parentPort, workerData } from "node:worker_threads";
import { simulateMarket, type SimulationFigures } from "./simulate.ts";

/** Plays each `every`-th seed, and reports the sums. */
const { first, every, seeds } = workerData as { readonly first: number; readonly every: number; readonly seeds: number };
const sums: Record<string, number> = {};
for (let seed = first; seed <= seeds; seed += every) {
  const figures: SimulationFigures = await simulateMarket({ seed });
  for (const [name, value] of Object.entries(figures)) sums[name] = (sums[name] ?? 0) + (value as number);
}
parentPort!.postMessage(sums);
