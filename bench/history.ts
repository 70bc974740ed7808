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
  readonly garbage: { readonly [W in WorkloadName]?: RecordedGarbage };
}

/** By version, in the order in which they were recorded. */
export type History = Readonly<Record<string, RecordedVersion>>;

/** The median of a few rounds moves by this share from run to run. */
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
  writeFileSync(
    page,
    `${JSON.stringify(withVersion(readHistory(), currentVersion(), { date, node: process.version }, figures), null, 2)}\n`,
  );
}

/** Workloads that were not measured keep the figures that the version has. */
export function withVersion(
  history: History,
  version: string,
  when: Pick<RecordedVersion, "date" | "node">,
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

/**
 * What has become dearer since the last version that was recorded, in words, one line for each workload: its bytes a request are above that version's by more than the noise, which is 5 %, or
 * the spread of that version's rounds if that is larger.
 */
export function findDearer(history: History, figures: readonly GarbageFigure[]): readonly string[] {
  const [version, last] = Object.entries(history).at(-1) ?? [];
  if (last === undefined) return [];
  return figures.flatMap(({ workload, bytesPerRequest }) => {
    const before = last.garbage[workload];
    if (before === undefined) return [];
    const most = before.bytes_per_request * (1 + Math.max(noise, before.spread));
    if (bytesPerRequest <= most) return [];
    return [
      `${workload}: ${bytesPerRequest} bytes a request, ${before.bytes_per_request} in ${version}, at most ${Math.round(most)} expected`,
    ];
  });
}
