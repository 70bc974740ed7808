/** The bench's command line: see README.md beside it. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { availableParallelism, cpus, release, tmpdir } from "node:os";
import { join } from "node:path";

import type { Checkout } from "./checkout.ts";
import { checkOut } from "./checkout.ts";
import type { Comparison } from "./comparison.ts";
import { compareWindows, renderComparisons } from "./comparison.ts";
import type { Figure } from "./figures.ts";
import { summarise } from "./figures.ts";
import type { GarbageFigure } from "./garbage.ts";
import { measureGarbage, renderGarbage } from "./garbage.ts";
import { recordGarbage } from "./history.ts";
import { startGateway } from "./gateway.ts";
import type { LatencyFigure } from "./latency.ts";
import { measureLatency, renderLatency } from "./latency.ts";
import type { Bench, Measured } from "./measure.ts";
import { measureWorkload } from "./measure.ts";
import type { Options } from "./options.ts";
import { startPeer } from "./peers.ts";
import { parseOptions, USAGE } from "./options.ts";
import { procFiles } from "./proc.ts";
import type { Processes } from "./processes.ts";
import { createProcesses } from "./processes.ts";
import { renderTable } from "./table.ts";
import type { Target, TargetContext, TargetName } from "./targets.ts";
import { printedPort, startMeasure } from "./targets.ts";
import { WORKLOAD_NAMES, WORKLOADS } from "./workloads.ts";

const CONNECTIONS = 50;
const SYSTEM_CORE = 0;
const LOAD_CORE = 1;
const HERE = import.meta.dirname;
const ROOT = join(HERE, "..");

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Compiles the upstream, if that was not yet done with just this source: its digest is in the name. */
function buildUpstream(): string {
  const source = join(HERE, "upstream", "upstream.c");
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const binary = join(HERE, "bin", `upstream-${digest}`);
  mkdirSync(join(HERE, "bin"), { recursive: true });
  if (!existsSync(binary)) {
    execFileSync("gcc", ["-O2", "-Wall", "-Wextra", "-o", `${binary}.new`, source], { stdio: ["ignore", "inherit", "inherit"] });
    renameSync(`${binary}.new`, binary); // an interrupted compiler leaves nothing under the name
  }
  return binary;
}

function requireTools(options: Options): void {
  if (process.platform !== "linux") throw new Error("the bench reads /proc and pins processes: it runs on Linux only");
  if (availableParallelism() < 2) throw new Error("the bench needs two cores: one for the system, one for load and upstream");
  const tools = ["wrk", "gcc", "taskset", ...(options.targets.includes("nginx") ? ["nginx"] : [])];
  const path = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` };
  for (const tool of tools) {
    try {
      execFileSync("sh", ["-c", `command -v ${tool}`], { env: path, stdio: "ignore" });
    } catch {
      throw new Error(`${tool} is missing: apt-get install -y wrk nginx gcc util-linux`);
    }
  }
}

/** A port without a listener now. */
async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer().on("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    server.close(() => resolve(port));
  });
  return promise;
}

async function startTargets(options: Options, context: TargetContext, other: Checkout | undefined): Promise<Target[]> {
  const start = (name: TargetName): Promise<Target> => {
    if (name === "gateway") return startGateway(name, ROOT, context);
    if (name === "litellm" || name === "portkey") return startPeer(name, context);
    if (name !== "against") return startMeasure(name, context);
    if (other === undefined) throw new Error("no commit is given to measure against");
    return startGateway(name, other.root, context);
  };
  const targets: Target[] = [];
  for (const name of options.targets) targets.push(await start(name));
  return targets;
}

function writeResults(options: Options, results: object): string {
  const file = options.json ?? join(HERE, "results", `${new Date().toISOString().replaceAll(/[:.]/g, "-")}.json`);
  if (options.json === undefined) mkdirSync(join(HERE, "results"), { recursive: true });
  const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, kernel: release(), node: process.version };
  writeFileSync(file, `${JSON.stringify({ time: new Date().toISOString(), machine, options, ...results }, null, 2)}\n`);
  return file;
}

/** Measures, prints, writes. Gives the exit status: 1 if a target spoiled a window or a figure is missing. */
async function run(options: Options, processes: Processes, directory: string): Promise<number> {
  execFileSync("taskset", ["-a", "-c", "-p", String(LOAD_CORE), String(process.pid)], { stdio: "ignore" });
  const bodyFile = (name: string): string => join(directory, `${name}.json`);
  for (const name of WORKLOAD_NAMES) writeFileSync(bodyFile(name), WORKLOADS[name].body);

  const upstream = processes.start({ command: buildUpstream(), args: ["0"], core: LOAD_CORE });
  const context: TargetContext = {
    processes,
    directory,
    core: SYSTEM_CORE,
    upstream,
    upstreamPort: await printedPort(upstream),
    connections: CONNECTIONS,
    freePort,
    warn: (text) => say(`warning: ${text}`),
    heapProbe: options.garbage,
  };
  const other = options.against === undefined ? undefined : checkOut(options.against, join(directory, "against"));
  const targets = await startTargets(options, context, other);
  const { seconds, warmup, rounds, maxForeign } = options;
  const bench: Bench = {
    processes,
    files: procFiles,
    connections: CONNECTIONS,
    loadCore: LOAD_CORE,
    cores: cpus().length,
    seconds,
    warmup,
    rounds,
    maxForeign,
    bodyFile,
    say,
  };
  if (options.latency) return runLatency(options, bench, targets);
  return options.garbage ? runGarbage(options, bench, targets) : runTimes(options, bench, targets, other);
}

/** Measures and prints what a target adds to the time of a request. */
async function runLatency(options: Options, bench: Bench, targets: readonly Target[]): Promise<number> {
  const figures: LatencyFigure[] = [];
  for (const name of options.workloads) figures.push(...(await measureLatency(bench, WORKLOADS[name], targets)));
  process.stdout.write(`${renderLatency(figures)}\n`);
  say(`results in ${writeResults(options, { latency: figures })}`);
  return 0;
}

/** Measures and prints what a request allocates. */
async function runGarbage(options: Options, bench: Bench, targets: readonly Target[]): Promise<number> {
  const figures: GarbageFigure[] = [];
  for (const name of options.workloads) figures.push(...(await measureGarbage(bench, WORKLOADS[name], targets)));
  process.stdout.write(`${renderGarbage(figures)}\n`);
  if (options.record) recordGarbage(figures.filter(({ target }) => target === "gateway"));
  say(`results in ${writeResults(options, { garbage: figures })}`);
  return 0;
}

async function runTimes(options: Options, bench: Bench, targets: readonly Target[], other: Checkout | undefined): Promise<number> {
  const measured = new Map<string, Measured>();
  const figures: Figure[] = [];
  const comparisons: Comparison[] = [];
  for (const name of options.workloads) {
    const result = await measureWorkload(bench, WORKLOADS[name], targets);
    measured.set(name, result);
    figures.push(...summarise(WORKLOADS[name], result.windows));
    const comparison = compareWindows(name, result.windows);
    if (comparison !== undefined) comparisons.push(comparison);
  }
  process.stdout.write(`${renderTable(figures)}\n`);
  if (other !== undefined) process.stdout.write(`\n${renderComparisons(other.commit, comparisons)}\n`);
  const discarded = [...measured.values()].flatMap((result) => result.discarded);
  const spoiled = discarded.filter((window) => !window.foreign);
  for (const window of spoiled) say(`INVALID ${window.workload} round ${window.round} ${window.target}: ${window.reason}`);
  say(
    `${discarded.length - spoiled.length} windows thrown away for foreign load; results in ${writeResults(options, { figures, comparisons, workloads: Object.fromEntries(measured) })}`,
  );
  const thin = figures.filter((figure) => figure.rounds * 2 < bench.rounds);
  for (const figure of thin) say(`${figure.workload} ${figure.target}: only ${figure.rounds} of ${bench.rounds} rounds count`);
  return spoiled.length > 0 || thin.length > 0 ? 1 : 0;
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const options = parseOptions(args);
  requireTools(options);
  const processes = createProcesses(procFiles);
  const directory = mkdtempSync(join(tmpdir(), "tokligence-bench-"));
  const cleanUp = async (): Promise<void> => {
    await processes.stopAll();
    rmSync(directory, { recursive: true, force: true });
  };
  const interrupted = Promise.withResolvers<number>();
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.once(signal, () => interrupted.resolve(status));
  }
  try {
    return await Promise.race([run(options, processes, directory), interrupted.promise]);
  } finally {
    await cleanUp();
  }
}

try {
  process.exit(await main());
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
