import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

import { quantile } from "./comparison.ts";
import type { Bench, Contestant } from "./measure.ts";
import { probe, runWrk } from "./measure.ts";
import type { Target } from "./targets.ts";
import type { Workload, WorkloadName } from "./workloads.ts";

/** Requests after which V8 has compiled what is hot. Streams are few, and long. */
const warmRequests = 20_000;
const mostWarmUps = 4;
/** In which the rows of the last requests are written. */
const settlingMs = 1000;
const idleMs = 2000;

/** What a gateway's process has allocated on V8's heap and collected since its start. */
export interface HeapReading {
  readonly allocatedBytes: number;
  readonly minorCollections: number;
}

/** What a gateway allocates for a request of a workload. */
export interface GarbageFigure {
  readonly workload: WorkloadName;
  readonly target: string;
  /** The median of the rounds. */
  readonly bytesPerRequest: number;
  /** The upper quartile of the rounds less the lower one, as a share of the median. */
  readonly spread: number;
  /** For each thousand requests. */
  readonly minorCollections: number;
  readonly requests: number;
}

/** One window of load. */
export interface GarbageWindow {
  readonly requests: number;
  readonly bytes: number;
  readonly minorCollections: number;
}

/** Asks the probe in a gateway's process (`heap-probe.ts`). */
export async function readHeap(socketPath: string): Promise<HeapReading> {
  const { allocated, minor } = JSON.parse(await text(connect(socketPath))) as { readonly allocated: number; readonly minor: number };
  return { allocatedBytes: allocated, minorCollections: minor };
}

/**
 * Measures what the targets allocate for each request of a workload. The figure hardly depends on the speed and the load of the machine, so windows with foreign load count.
 * @throws Error if a target cannot say what it allocates.
 */
export async function measureGarbage(bench: Bench, workload: Workload, targets: readonly Target[]): Promise<GarbageFigure[]> {
  const figures: GarbageFigure[] = [];
  for (const target of targets) {
    const { heap } = target;
    if (heap === undefined) throw new Error(`${target.name} does not say what it allocates`);
    const contestant = { target, load: workload, bodyBytes: await probe(target, workload) };
    await warmUp(bench, contestant);
    const idle = await idleRate(heap);
    const windows: GarbageWindow[] = [];
    for (let round = 1; round <= bench.rounds; round++) {
      const startedAt = performance.now();
      const before = await heap();
      const { requests } = await runWrk(bench, contestant, bench.seconds);
      const after = await heap();
      windows.push({
        requests,
        bytes: after.allocatedBytes - before.allocatedBytes - idle * (performance.now() - startedAt),
        minorCollections: after.minorCollections - before.minorCollections,
      });
    }
    const figure = summariseGarbage(workload.name, target.name, windows);
    bench.say(`${workload.name} ${target.name}: ${figure.bytesPerRequest} bytes a request, spread ${(figure.spread * 100).toFixed(1)} %`);
    figures.push(figure);
  }
  return figures;
}

/** What an idle gateway allocates in a millisecond: on a slow machine it would count for each of few requests. */
async function idleRate(heap: () => Promise<HeapReading>): Promise<number> {
  await delay(settlingMs);
  const startedAt = performance.now();
  const before = await heap();
  await delay(idleMs);
  const after = await heap();
  return (after.allocatedBytes - before.allocatedBytes) / (performance.now() - startedAt);
}

/** On a loaded machine, few requests are answered in the time of a warm-up: what counts here is that V8 has compiled what is hot. */
async function warmUp(bench: Bench, contestant: Contestant): Promise<void> {
  let requests = 0;
  for (let run = 0; run < mostWarmUps && requests < warmRequests; run++)
    requests += (await runWrk(bench, contestant, bench.warmup)).requests;
}

/** @param windows at least one. */
export function summariseGarbage(workload: WorkloadName, target: string, windows: readonly GarbageWindow[]): GarbageFigure {
  const each = windows.map(({ bytes, requests }) => bytes / requests);
  const median = quantile(each, 0.5);
  const requests = windows.reduce((sum, window) => sum + window.requests, 0);
  const minor = windows.reduce((sum, window) => sum + window.minorCollections, 0);
  return {
    workload,
    target,
    bytesPerRequest: Math.round(median),
    spread: (quantile(each, 0.75) - quantile(each, 0.25)) / median,
    minorCollections: Math.round((minor / requests) * 1e6) / 1e3,
    requests,
  };
}

/** A Markdown table. */
export function renderGarbage(figures: readonly GarbageFigure[]): string {
  const rows = figures.map(
    ({ workload, target, bytesPerRequest, spread, minorCollections, requests }) =>
      `| ${workload} | ${target} | ${(bytesPerRequest / 1000).toFixed(1)} | ${(spread * 100).toFixed(1)} | ${minorCollections.toFixed(2)} | ${requests} |`,
  );
  return [
    "| workload | target | KB/request | spread % | minor collections/1000 | requests |",
    "|---|---|---:|---:|---:|---:|",
    ...rows,
  ].join("\n");
}
