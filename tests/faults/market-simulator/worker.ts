import { parentPort, workerData } from "node:worker_threads";
import { simulateMarket, type SimulationFigures } from "./simulate.ts";

/** Plays each `every`-th seed, and reports the sums. */
const { first, every, last } = workerData as { readonly first: number; readonly every: number; readonly last: number };
const sums: Record<string, number> = {};
for (let seed = first; seed <= last; seed += every) {
  const figures: SimulationFigures = await simulateMarket({ seed });
  for (const [name, value] of Object.entries(figures)) if (typeof value === "number") sums[name] = (sums[name] ?? 0) + value;
}
parentPort!.postMessage(sums);
