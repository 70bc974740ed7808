import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

const commandMs = 60_000;
const buildMs = 900_000;
/** Starts of each kind, by turns. The first one fills the compile cache and is not counted. */
const starts = 16;
/** What the best start of the package and of the executable must reach; on a machine that does nothing else, as time includes what others do. */
const readyMs = 300;

interface Ready {
  readonly ms: number;
  /** Without the time in which its main thread was ready to run and others had the processors. */
  readonly ownMs: number;
  /** Of all its threads, until it answers. */
  readonly cpuMs: number;
}

function homeOf(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "tokligence-start-"));
  t.after(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  return home;
}

/** In ticks of a hundredth of a second (proc(5)). */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Milliseconds in which the main thread waited for a processor (the second field of schedstat, in nanoseconds). */
function waitedMsOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
}

/** From the spawn of a program to its first line. */
async function startOnce([program, ...args]: readonly string[], home: string): Promise<Ready> {
  const from = performance.now();
  const env = { PATH: process.env["PATH"] ?? "", HOME: home };
  const child = spawn(program!, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let ms: number | undefined;
  let waitedMs: number | undefined;
  child.stdout.on("data", () => {
    ms ??= performance.now() - from;
    waitedMs ??= waitedMsOf(child.pid!);
  });
  const ended = new Promise((done) => child.once("exit", done));
  try {
    await waitUntil("it serves", () => ms !== undefined, commandMs);
    return { ms: ms!, ownMs: ms! - waitedMs!, cpuMs: cpuMsOf(child.pid!) };
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

const middle = (values: readonly number[]): number => Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!);

function sumUp(found: readonly Ready[]) {
  return {
    best_ms: Math.round(Math.min(...found.map(({ ms }) => ms))),
    best_own_ms: Math.round(Math.min(...found.map(({ ownMs }) => ownMs))),
    ready_ms: middle(found.map(({ ms }) => ms)),
    cpu_ms: middle(found.map(({ cpuMs }) => cpuMs)),
  };
}

const ratio = (a: number, b: number): number => Math.round((a / b) * 100) / 100;

test(
  "the second start of the package and of the executable is ready sooner than one of the clone",
  { skip: process.platform !== "linux" },
  async (t) => {
    const executable = resolve("build/executables/tokligence-linux-x64");
    if (!existsSync("build/npm/package.json") || !existsSync(executable))
      execFileSync(process.execPath, ["scripts/build-packages.ts", "linux-x64"], {
        timeout: buildMs,
        stdio: ["ignore", "ignore", "inherit"],
      });
    const start = ["start", "--port", "0", "--json"];
    const kinds = {
      // A program of Node that does nothing else.
      node: [process.execPath, "-e", "console.log(1); setInterval(() => {}, 60_000)"],
      clone: [process.execPath, "bin/tokligence-daemon.js", ...start],
      package: [process.execPath, "build/npm/bin/tokligence-daemon.cjs", ...start],
      executable: [executable, "--as=tokligence-daemon", ...start],
    } as const;
    const names = Object.keys(kinds) as (keyof typeof kinds)[];
    const found: Record<keyof typeof kinds, Ready[]> = { node: [], clone: [], package: [], executable: [] };
    const homes = Object.fromEntries(names.map((name) => [name, homeOf(t)]));
    for (let turn = 0; turn < starts; turn++) {
      for (const name of names) {
        const ready = await startOnce(kinds[name], homes[name]!);
        if (turn > 0) found[name].push(ready);
      }
    }
    const of = {
      clone: sumUp(found.clone),
      package: sumUp(found.package),
      executable: sumUp(found.executable),
      empty_program: sumUp(found.node),
    };
    const load = loadavg()[0]!;
    const ratios = {
      package_to_clone: ratio(of.package.cpu_ms, of.clone.cpu_ms),
      executable_to_clone: ratio(of.executable.cpu_ms, of.clone.cpu_ms),
      package_to_node: ratio(of.package.best_ms, of.empty_program.best_ms),
      executable_to_node: ratio(of.executable.best_ms, of.empty_program.best_ms),
    };
    writeFigures("start-time", { ...of, ratios, load_of_the_machine: Math.round(load * 10) / 10 });
    assert.ok(ratios.package_to_clone < 0.75 && ratios.executable_to_clone < 0.7, JSON.stringify(of));
    // A busy machine measures the others, too.
    if (load < availableParallelism()) assert.ok(of.package.best_ms < readyMs && of.executable.best_ms < readyMs, JSON.stringify(of));
  },
);
