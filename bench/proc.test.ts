import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";

import type { ProcFiles, Reading } from "./proc.ts";
import { descendants, foreignLoad, parseMachineStat, parseProcessStat, parseRssKb, takeReading, treeRssKb } from "./proc.ts";

function stat(pid: number, name: string, parent: number, cpu: readonly [number, number, number, number]): string {
  return `${pid} (${name}) S ${parent} ${parent} 0 0 -1 4194560 8087 0 12 0 ${cpu.join(" ")} 20 0 11 0 82210 1277648896 16000 0\n`;
}

const MACHINE = "cpu  4187 3 2750 123987 386 1 60 131 7 8\ncpu0 1436 0 1007 63285 12 0 7 48 0 0\n";

function fakeProc(files: Readonly<Record<string, string>>): ProcFiles {
  const pids = Object.keys(files).flatMap((path) => /^\/proc\/(\d+)\/stat$/.exec(path)?.[1] ?? []);
  return { list: () => [...pids, "99999"], read: (path) => files[path] };
}

// 10 is the bench, 20 the target with a worker 21 and that one's child 22, 30 somebody else
const PROC = fakeProc({
  "/proc/stat": MACHINE,
  "/proc/10/stat": stat(10, "node", 1, [100, 10, 5, 1]),
  "/proc/20/stat": stat(20, "nginx", 10, [1, 2, 3, 4]),
  "/proc/20/status": "Name:\tnginx\nVmRSS:\t    2048 kB\nRssAnon:\t 1 kB\n",
  "/proc/21/stat": stat(21, "nginx", 20, [1000, 2000, 0, 0]),
  "/proc/21/status": "Name:\tnginx\nVmRSS:\t    1024 kB\n",
  "/proc/22/stat": stat(22, "sh", 21, [7, 0, 0, 0]),
  "/proc/30/stat": stat(30, "tsc", 1, [500, 50, 0, 0]),
});

test("a process' CPU is its threads' and that of the children it waited for", () => {
  deepEqual(parseProcessStat(stat(20, "nginx", 10, [17, 25, 3, 4])), { pid: 20, parentPid: 10, ownTicks: 42, reapedTicks: 7 });
});

test("a name with blanks and brackets does not shift the fields", () => {
  deepEqual(parseProcessStat(stat(20, "a) S 1 (b", 10, [17, 25, 3, 4])), { pid: 20, parentPid: 10, ownTicks: 42, reapedTicks: 7 });
});

test("a line that is no process is an error", () => {
  throws(() => parseProcessStat("20 (nginx) S"), /field 4 is no number/);
});

test("the machine's idle ticks hold the waiting for disks", () => {
  deepEqual(parseMachineStat(MACHINE), { idleTicks: 124373, stealTicks: 131 });
});

test("a file that is not the machine's is an error", () => {
  throws(() => parseMachineStat("intr 1 2 3 4 5 6 7 8 9"), /unexpected first line/);
});

test("resident memory is read in kB, and is 0 for a process that is ending", () => {
  equal(parseRssKb("VmSize:\t 9 kB\nVmRSS:\t   12345 kB\n"), 12345);
  equal(parseRssKb("State:\tZ (zombie)\n"), 0);
});

test("descendants are found at every depth, and a stranger is not", () => {
  const process = (pid: number, parentPid: number) => ({ pid, parentPid, ownTicks: 0, reapedTicks: 0 });
  const found = descendants([process(22, 21), process(21, 20), process(20, 1), process(30, 1)], 20);
  deepEqual(
    found.map((stat) => stat.pid),
    [20, 21, 22],
  );
});

test("a reading parts the target, what is ours and what is not, and passes over a process that is gone", () => {
  deepEqual(takeReading(PROC, 10, 20), {
    target: 3017,
    ours: 3133,
    others: 550,
    machine: { idleTicks: 124373, stealTicks: 131 },
  });
});

test("memory is summed over the tree", () => {
  equal(treeRssKb(PROC, 20), 3072);
});

test("foreign load is what others used and the host took, and beside it what was neither idle nor ours", () => {
  const reading = (ours: number, others: number, idleTicks: number, stealTicks: number): Reading => ({
    target: 0,
    ours,
    others,
    machine: { idleTicks, stealTicks },
  });
  // 4 s of two cores: 800 ticks, of which 480 ours, 200 idle; 20 somebody's, 12 stolen
  const load = foreignLoad(reading(1000, 50, 3000, 1), reading(1480, 70, 3200, 13), 4000, 2);
  deepEqual(load, { seen: 0.08, notIdle: 2 - 1.7 });
});
