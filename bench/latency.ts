/** What a target adds to the time of a request while there is little to do: a fixed rate of requests, whether or not earlier ones are answered. */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

import { quantile } from "./comparison.ts";
import type { Bench } from "./measure.ts";
import { probe, turnsOf } from "./measure.ts";
import type { Target } from "./targets.ts";
import type { Workload, WorkloadName } from "./workloads.ts";
import { WORKLOADS } from "./workloads.ts";

/** Streams are under way for 150 ms, so that fewer begin in a second. */
const RATES = { json: 1000, stream: 100 } as const;
const PIECE = /word\d\d/g;
const REQUEST_TIMEOUT_MS = 10_000;

/** One request, from the call that sends it. */
interface Timing {
  readonly firstMs: number;
  readonly wholeMs: number;
  readonly pieces: number;
  /** Pieces of a stream that came together with an earlier one in the same read. */
  readonly merged: number;
}

/** A round of a target, in milliseconds. */
export interface LatencyRound {
  readonly p50: number;
  readonly p99: number;
  readonly firstP50: number;
  readonly firstP99: number;
  /** Of all pieces of streams. */
  readonly mergedShare: number;
}

/** Medians of the differences to `direct` in the same round, in milliseconds; shares as they are. */
export interface LatencyFigure {
  readonly workload: WorkloadName;
  readonly target: string;
  readonly rounds: number;
  readonly added: Omit<LatencyRound, "mergedShare">;
  readonly mergedShare: number;
  readonly mergedShareDirect: number;
}

/** Sends `rate` requests a second for `seconds`. @throws Error where an answer is not 200, or does not come in time. */
export async function sendAtRate(
  target: Pick<Target, "origin" | "headers">,
  load: Workload,
  rate: number,
  seconds: number,
): Promise<Timing[]> {
  const agent = new Agent({ keepAlive: true });
  const headers = { ...target.headers(load), "content-length": String(Buffer.byteLength(load.body)) };
  const pending: Promise<Timing>[] = [];
  const begun = performance.now();
  try {
    for (let sent = 0; sent < rate * seconds;) {
      const due = Math.min(rate * seconds, Math.floor(((performance.now() - begun) * rate) / 1000) + 1);
      for (; sent < due; sent++) pending.push(timeOne(target.origin + load.path, { agent, headers, body: load.body }));
      await delay(1);
    }
    return await Promise.all(pending);
  } finally {
    agent.destroy();
  }
}

interface Sent {
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function timeOne(url: string, { agent, headers, body }: Sent): Promise<Timing> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let firstMs: number | undefined;
    let pieces = 0;
    let merged = 0;
    const sending = request(url, { method: "POST", agent, headers, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
      response.on("data", (chunk: Buffer) => {
        firstMs ??= performance.now() - begun;
        const found = chunk.toString("latin1").match(PIECE)?.length ?? 0;
        pieces += found;
        merged += Math.max(0, found - 1);
      });
      response.on("end", () => {
        const wholeMs = performance.now() - begun;
        resolve({ firstMs: firstMs ?? wholeMs, wholeMs, pieces, merged });
      });
      response.on("error", reject);
    });
    sending.on("timeout", () => sending.destroy(new Error(`no answer in ${REQUEST_TIMEOUT_MS} ms`)));
    sending.on("error", reject);
    sending.end(body);
  });
}

/** @param timings at least one. */
export function summariseTimings(timings: readonly Timing[]): LatencyRound {
  const whole = timings.map(({ wholeMs }) => wholeMs);
  const first = timings.map(({ firstMs }) => firstMs);
  const pieces = timings.reduce((sum, timing) => sum + timing.pieces, 0);
  const merged = timings.reduce((sum, timing) => sum + timing.merged, 0);
  return {
    p50: quantile(whole, 0.5),
    p99: quantile(whole, 0.99),
    firstP50: quantile(first, 0.5),
    firstP99: quantile(first, 0.99),
    mergedShare: pieces === 0 ? 0 : merged / pieces,
  };
}

/** What a target adds to `direct`, round by round. @param rounds of both, of the same length, at least one. */
export function compareLatency(
  workload: WorkloadName,
  target: string,
  { own, direct }: { readonly own: readonly LatencyRound[]; readonly direct: readonly LatencyRound[] },
): LatencyFigure {
  const added = (of: (round: LatencyRound) => number): number =>
    quantile(
      own.map((round, at) => of(round) - of(direct[at]!)),
      0.5,
    );
  const median = (rounds: readonly LatencyRound[]): number =>
    quantile(
      rounds.map(({ mergedShare }) => mergedShare),
      0.5,
    );
  return {
    workload,
    target,
    rounds: own.length,
    added: {
      p50: added(({ p50 }) => p50),
      p99: added(({ p99 }) => p99),
      firstP50: added(({ firstP50 }) => firstP50),
      firstP99: added(({ firstP99 }) => firstP99),
    },
    mergedShare: median(own),
    mergedShareDirect: median(direct),
  };
}

/** `direct` cannot translate: what its upstream does for the workload's plain twin is what the target adds to. */
function directLoad(workload: Workload): Workload {
  if (workload.name === "W3") return WORKLOADS.W2;
  return workload.name === "W5p" ? WORKLOADS.W4p : workload;
}

/** Measures one workload for each target that is not `direct`, which must be among them. Gives none for W1, which has no upstream. */
export async function measureLatency(bench: Bench, workload: Workload, targets: readonly Target[]): Promise<LatencyFigure[]> {
  const direct = targets.find(({ name }) => name === "direct");
  if (direct === undefined) throw new Error("--latency compares with direct: name it among --targets");
  if (workload.name === "W1") return [];
  const runs = targets
    .filter((target) => target === direct || target.loads.includes(workload.name))
    .map((target) => ({ target, load: target === direct ? directLoad(workload) : workload, rounds: [] as LatencyRound[] }));
  const rate = workload.stream ? RATES.stream : RATES.json;
  for (const { target, load } of runs) {
    await probe(target, load);
    await sendAtRate(target, load, rate, bench.warmup);
  }
  for (let round = 1; round <= bench.rounds; round++) {
    for (const { target, load, rounds } of turnsOf(round, runs))
      rounds.push(summariseTimings(await sendAtRate(target, load, rate, bench.seconds)));
  }
  const base = runs.find(({ target }) => target === direct)!.rounds;
  return runs
    .filter(({ target }) => target !== direct)
    .map(({ target, rounds }) => compareLatency(workload.name, target.name, { own: rounds, direct: base }));
}

/** A Markdown table. */
export function renderLatency(figures: readonly LatencyFigure[]): string {
  const ms = (value: number): string => value.toFixed(2);
  const percent = (value: number): string => (value * 100).toFixed(1);
  const rows = figures.map(
    ({ workload, target, rounds, added, mergedShare, mergedShareDirect }) =>
      `| ${workload} | ${target} | ${rounds} | ${ms(added.p50)} | ${ms(added.p99)} | ${ms(added.firstP50)} | ${ms(added.firstP99)} | ${percent(mergedShare)} (${percent(mergedShareDirect)}) |`,
  );
  return [
    "| workload | target | rounds | added p50 ms | added p99 ms | first byte, added p50 | first byte, added p99 | pieces merged % (direct) |",
    "|---|---|---:|---:|---:|---:|---:|---:|",
    ...rows,
  ].join("\n");
}
