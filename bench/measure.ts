import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Window } from "./figures.ts";
import type { ProcFiles } from "./proc.ts";
import { foreignLoad, takeReading, TICK_MS, treeRssKb } from "./proc.ts";
import type { Processes } from "./processes.ts";
import type { Target } from "./targets.ts";
import type { Workload, WorkloadName } from "./workloads.ts";
import { answerProblem, WORKLOADS } from "./workloads.ts";
import { parseWrkReport, reportProblem, wrkArguments } from "./wrk.ts";

const SCRIPT = join(import.meta.dirname, "post.lua");
/** Once wrk is gone: the connections that it cut are closed. */
const CLOSING_MS = 100;
const WRK_GRACE_MS = 15_000;
const PROBE_TIMEOUT_MS = 10_000;
/** What is neither idle nor anybody's on a quiet machine: waking up costs 0.02 to 0.09 cores that no process is charged for. */
const WAKING_CORES = 0.1;
/** How often a window that met foreign load is taken anew. */
const TRIES = 4;
/** Others' work comes in bursts: what is waited before such a window is taken anew. */
const PAUSE_MS = 2000;

/** What the measuring needs. `bodyFile` names the file with a workload's body. */
export interface Bench {
  readonly processes: Processes;
  readonly files: ProcFiles;
  readonly connections: number;
  readonly loadCore: number;
  /** How many cores the machine has. */
  readonly cores: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly rounds: number;
  readonly maxForeign: number;
  readonly bodyFile: (load: WorkloadName) => string;
  readonly say: (text: string) => void;
}

/** A window that does not count, and why. */
interface Discarded {
  readonly workload: WorkloadName;
  readonly target: string;
  readonly round: number;
  readonly reason: string;
  /** True: the machine's fault, and the window was taken anew. False: the target's. */
  readonly foreign: boolean;
}

export interface Measured {
  readonly windows: readonly Window[];
  readonly discarded: readonly Discarded[];
}

export interface Contestant {
  readonly target: Target;
  readonly load: Workload;
  /** Length of an answer that was looked at and found right. */
  readonly bodyBytes: number;
}

/** Asks once and reads the answer. A new key may take a second to be known, so it asks again for a while. */
export async function probe(target: Target, load: Workload): Promise<number> {
  const deadline = performance.now() + PROBE_TIMEOUT_MS;
  for (;;) {
    const response = await fetch(target.origin + load.path, {
      method: "POST",
      headers: target.headers(load),
      body: load.body,
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    const body = await response.text();
    const problem = response.ok ? answerProblem(load, body) : `status ${response.status}: ${body.slice(0, 300)}`;
    if (problem === undefined) return Buffer.byteLength(body);
    if (performance.now() > deadline) throw new Error(`${target.name} does not answer ${load.name} as it should: ${problem}`);
    await delay(200);
  }
}

export async function runWrk(bench: Bench, contestant: Contestant, seconds: number): Promise<ReturnType<typeof parseWrkReport>> {
  const { target, load } = contestant;
  const args = wrkArguments({
    url: target.origin + load.path,
    seconds,
    connections: bench.connections,
    headers: target.headers(load),
    bodyFile: bench.bodyFile(load.name),
    scriptFile: SCRIPT,
  });
  const wrk = bench.processes.start({ command: "wrk", args, core: bench.loadCore });
  await wrk.finished(seconds * 1000 + WRK_GRACE_MS);
  return parseWrkReport(wrk.output());
}

/** One window. The target's CPU is read once all that the requests left behind is done: rows stored, connections closed. */
async function takeWindow(bench: Bench, contestant: Contestant, round: number): Promise<{ window: Window; problem: string | undefined }> {
  const { target, load } = contestant;
  await target.mark();
  const startedAt = performance.now();
  const before = takeReading(bench.files, process.pid, target.pid);
  const report = await runWrk(bench, contestant, bench.seconds);
  const rssKb = treeRssKb(bench.files, target.pid);
  const problem = reportProblem(report, contestant.bodyBytes) ?? (await target.settle(report.requests));
  await delay(CLOSING_MS);
  const after = takeReading(bench.files, process.pid, target.pid);
  const window: Window = {
    round,
    target: target.name,
    load: load.name,
    requests: report.requests,
    cpuUs: ((after.target - before.target) * TICK_MS * 1000) / report.requests,
    requestsPerSecond: report.requests / (report.durationUs / 1e6),
    p50Us: report.p50Us,
    p99Us: report.p99Us,
    rssKb,
    foreign: foreignLoad(before, after, performance.now() - startedAt, bench.cores),
  };
  return { window, problem };
}

/** What `target` does when `workload` is measured: the workload, its yardstick for nginx where nginx can't, or nothing. */
export function loadFor(workload: Workload, target: Pick<Target, "name" | "loads">): Workload | undefined {
  if (target.loads.includes(workload.name)) return workload;
  return target.name === "nginx" ? WORKLOADS[workload.yardstick] : undefined;
}

/** The order of one round: there and back by turns, so that a machine that slows down steadily favours no target. */
export function turnsOf<T>(round: number, targets: readonly T[]): readonly T[] {
  return round % 2 === 1 ? targets : targets.toReversed();
}

/**
 * Measures one workload: a look at each target's answer, a warm-up each, then rounds in which they take turns. A window with
 * foreign load is measured again, a few times at most; one that the target spoiled is omitted.
 */
export async function measureWorkload(bench: Bench, workload: Workload, targets: readonly Target[]): Promise<Measured> {
  const contestants: Contestant[] = [];
  for (const target of targets) {
    const load = loadFor(workload, target);
    if (load === undefined) continue;
    contestants.push({ target, load, bodyBytes: await probe(target, load) });
  }
  for (const contestant of contestants) await runWrk(bench, contestant, bench.warmup);

  const windows: Window[] = [];
  const discarded: Discarded[] = [];
  for (let round = 1; round <= bench.rounds; round++) {
    for (const contestant of turnsOf(round, contestants)) {
      for (let attempt = 1; attempt <= TRIES; attempt++) {
        const { window, problem } = await takeWindow(bench, contestant, round);
        const { seen, notIdle } = window.foreign;
        const foreign = seen > bench.maxForeign || notIdle > bench.maxForeign + WAKING_CORES;
        const tooMuch = foreign ? `foreign load of ${seen.toFixed(2)} cores, ${notIdle.toFixed(2)} neither idle nor ours` : undefined;
        const reason = problem ?? tooMuch;
        const line = `${workload.name} round ${round} ${contestant.target.name} (${contestant.load.name})`;
        bench.say(
          `${line}: ${window.cpuUs.toFixed(1)} µs, ${window.requestsPerSecond.toFixed(0)} req/s, foreign ${seen.toFixed(2)} ${notIdle.toFixed(2)}` +
            (reason === undefined ? "" : `  DISCARDED: ${reason}`),
        );
        if (reason === undefined) windows.push(window);
        else discarded.push({ workload: workload.name, target: contestant.target.name, round, reason, foreign: problem === undefined });
        if (problem !== undefined || !foreign) break;
        if (attempt < TRIES) await delay(PAUSE_MS);
      }
    }
  }
  return { windows, discarded };
}
