import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

import { quantile } from "./comparison.ts";
import type { Bench, Contestant } from "./measure.ts";
import { probe, runWrk, turnsOf } from "./measure.ts";
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

/** A target, what it allocates while it does nothing, and its windows. */
interface Measuring {
  readonly contestant: Contestant;
  readonly heap: () => Promise<HeapReading>;
  /** Bytes in a millisecond. */
  readonly idle: number;
  readonly windows: GarbageWindow[];
}

/**
 * Measures what the targets allocate for each request of a workload, in turns. On a loaded machine the figure grows, as less is done at a time and V8 compiles later: only figures of the same run
 * should be compared. Windows with foreign load count, as it meets all targets alike.
 * @throws Error if a target cannot say what it allocates.
 */
export async function measureGarbage(bench: Bench, workload: Workload, targets: readonly Target[]): Promise<GarbageFigure[]> {
  const measuring: Measuring[] = [];
  for (const target of targets) {
    const { heap } = target;
    if (heap === undefined) throw new Error(`${target.name} does not say what it allocates`);
    const contestant = { target, load: workload, bodyBytes: await probe(target, workload) };
    await warmUp(bench, contestant);
    measuring.push({ contestant, heap, idle: await idleRate(heap), windows: [] });
  }
  for (let round = 1; round <= bench.rounds; round++) {
    for (const each of turnsOf(round, measuring)) each.windows.push(await takeWindow(bench, each));
  }
  return measuring.map(({ contestant, windows }) => {
    const figure = summariseGarbage(workload.name, contestant.target.name, windows);
    bench.say(`${workload.name} ${figure.target}: ${figure.bytesPerRequest} bytes a request, spread ${(figure.spread * 100).toFixed(1)} %`);
    return figure;
  });
}

async function takeWindow(bench: Bench, { contestant, heap, idle }: Measuring): Promise<GarbageWindow> {
  const startedAt = performance.now();
  const before = await heap();
  const { requests } = await runWrk(bench, contestant, bench.seconds);
  const after = await heap();
  return {
    requests,
    bytes: after.allocatedBytes - before.allocatedBytes - idle * (performance.now() - startedAt),
    minorCollections: after.minorCollections - before.minorCollections,
  };
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
