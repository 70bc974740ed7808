import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { GarbageFigure } from "./garbage.ts";
import type { WorkloadName } from "./workloads.ts";

/** What a request of a workload allocated in a version of the gateway. */
export interface RecordedGarbage {
  readonly bytes_per_request: number;
  /** The upper quartile of the rounds less the lower one, as a share of the median. */
  readonly spread: number;
  readonly minor_collections_per_1000: number;
}

export interface RecordedVersion {
  readonly date: string;
  readonly node: string;
  /** The commit that was measured. */
  readonly commit: string;
  readonly garbage: { readonly [W in WorkloadName]?: RecordedGarbage };
}

/** By version, in the order in which they were recorded. */
export type History = Readonly<Record<string, RecordedVersion>>;

/** The ratio of two medians of a few rounds moves by this from run to run. */
const noise = 0.05;

const page = join(import.meta.dirname, "history.json");

export function readHistory(): History {
  return JSON.parse(readFileSync(page, "utf8")) as History;
}

/** The version of this tree. */
export function currentVersion(): string {
  return (JSON.parse(readFileSync(join(import.meta.dirname, "..", "package.json"), "utf8")) as { readonly version: string }).version;
}

/** Puts the figures of this tree into the history, under its version. */
export function recordGarbage(figures: readonly GarbageFigure[]): void {
  const date = new Date().toISOString().slice(0, 10);
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  const history = withVersion(readHistory(), currentVersion(), { date, node: process.version, commit }, figures);
  writeFileSync(page, `${JSON.stringify(history, null, 2)}\n`);
}

/** Workloads that were not measured keep the figures that the version has. */
export function withVersion(
  history: History,
  version: string,
  when: Omit<RecordedVersion, "garbage">,
  figures: readonly GarbageFigure[],
): History {
  const garbage = Object.fromEntries(
    figures.map(({ workload, bytesPerRequest, spread, minorCollections }): [string, RecordedGarbage] => [
      workload,
      { bytes_per_request: bytesPerRequest, spread: Math.round(spread * 1000) / 1000, minor_collections_per_1000: minorCollections },
    ]),
  );
  return { ...history, [version]: { ...when, garbage: { ...history[version]?.garbage, ...garbage } } };
}

/** The commit of the last version that was recorded; `undefined` if there is none. */
export function lastCommit(history: History): string | undefined {
  return Object.values(history).at(-1)?.commit;
}

/**
 * What this tree allocates more of than the commit that was measured in the same run, in words, one line for each workload: its bytes a request are above the other's by more than the noise, which is
 * 5 %, or the spread of the rounds if that is larger.
 */
export function findDearer(figures: readonly GarbageFigure[]): readonly string[] {
  return figures.flatMap(({ workload, target, bytesPerRequest, spread }) => {
    const before = figures.find((other) => other.workload === workload && other.target === "against");
    if (target !== "gateway" || before === undefined) return [];
    const most = before.bytesPerRequest * (1 + Math.max(noise, before.spread, spread));
    if (bytesPerRequest <= most) return [];
    return [`${workload}: ${bytesPerRequest} bytes a request, ${before.bytesPerRequest} before, at most ${Math.round(most)} expected`];
  });
}
