import { parentPort, workerData } from "node:worker_threads";
import { simulateMarket } from "./simulate.ts";

/** Plays each `every`-th seed, and reports the sums, and the seeds that have failed. */
const { first, every, last } = workerData as { readonly first: number; readonly every: number; readonly last: number };
const sums: Record<string, number> = {};
const failures: string[] = [];
const mostFailures = 3;
for (let seed = first; seed <= last && failures.length < mostFailures; seed += every) {
  const figures = await simulateMarket({ seed }).catch((error: unknown) => {
    failures.push(`seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return {};
  });
  for (const [name, value] of Object.entries(figures)) if (typeof value === "number") sums[name] = (sums[name] ?? 0) + value;
}
parentPort!.postMessage({ sums, failures });
