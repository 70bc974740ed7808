import { readdirSync, readFileSync } from "node:fs";

/** Ticks of /proc are 10 ms on every Linux that Node runs on (USER_HZ is fixed at 100 for user space). */
export const TICK_MS = 10;

/** One process in /proc. CPU time in ticks: its own threads (ended ones too), and the children that it has waited for. */
export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  readonly ownTicks: number;
  readonly reapedTicks: number;
}

/** The machine's counters, in ticks over all cores since it started. Idle holds the waiting for disks. */
export interface MachineStat {
  readonly idleTicks: number;
  readonly stealTicks: number;
}

/** Where /proc is read; tests give another. */
export interface ProcFiles {
  list(): string[];
  /** The file's text, or undefined if the process is gone. */
  read(path: string): string | undefined;
}

/** Parses /proc/PID/stat (proc(5)). The name, in brackets, may contain blanks and brackets: fields are counted from the last one. */
export function parseProcessStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (n: number): number => {
    const value = Number(fields[n - 3]);
    if (!Number.isFinite(value)) throw new Error(`/proc/PID/stat: field ${n} is no number in: ${text}`);
    return value;
  };
  return {
    pid: Number.parseInt(text, 10),
    parentPid: field(4),
    ownTicks: field(14) + field(15),
    reapedTicks: field(16) + field(17),
  };
}

/** Parses /proc/stat's first line: cpu user nice system idle iowait irq softirq steal guest guest_nice. Steal is what the host took. */
export function parseMachineStat(text: string): MachineStat {
  const line = text.split("\n", 1)[0] ?? "";
  const fields = line.split(/\s+/).slice(1).map(Number);
  const idleTicks = (fields[3] ?? NaN) + (fields[4] ?? NaN);
  const stealTicks = fields[7] ?? NaN;
  if (!line.startsWith("cpu ") || !Number.isFinite(idleTicks + stealTicks)) throw new Error(`/proc/stat: unexpected first line: ${line}`);
  return { idleTicks, stealTicks };
}

/** VmRSS of /proc/PID/status in kB; 0 for a process that has none (it is ending). */
export function parseRssKb(text: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0);
}

/** `root` and all that descend from it, in no order. */
export function descendants(all: readonly ProcessStat[], root: number): ProcessStat[] {
  const byParent = Map.groupBy(all, (stat) => stat.parentPid);
  const found = all.filter((stat) => stat.pid === root);
  for (const stat of found) found.push(...(byParent.get(stat.pid) ?? []));
  return found;
}

/** The real /proc. */
export const procFiles: ProcFiles = {
  list: () => readdirSync("/proc").filter((name) => /^\d+$/.test(name)),
  read: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined; // between the listing and the reading a process may end
    }
  },
};

/** All processes that are there now. */
export function readProcesses(files: ProcFiles): ProcessStat[] {
  return files.list().flatMap((pid) => {
    const text = files.read(`/proc/${pid}/stat`);
    return text === undefined ? [] : [parseProcessStat(text)];
  });
}

/** CPU ticks (user and system) at one moment; the difference of two readings is what was used between them. */
export interface Reading {
  readonly target: number;
  /** The bench and all that it started, the target with them. */
  readonly ours: number;
  /** Every other process, kernel threads with them. */
  readonly others: number;
  readonly machine: MachineStat;
}

const ticksOf = (stats: readonly ProcessStat[]): number => stats.reduce((sum, stat) => sum + stat.ownTicks + stat.reapedTicks, 0);

/**
 * Reads all processes once. A child that ended and was waited for is counted in its parent, so a difference misses no process.
 * `bench` is the bench's own process id, `target` that of the root of the system under test.
 */
export function takeReading(files: ProcFiles, bench: number, target: number): Reading {
  const all = readProcesses(files);
  const ours = ticksOf(descendants(all, bench));
  return {
    target: ticksOf(descendants(all, target)),
    ours,
    others: ticksOf(all) - ours,
    machine: parseMachineStat(files.read("/proc/stat") ?? ""),
  };
}

/** Somebody else's load between two readings, in cores. */
export interface ForeignLoad {
  /** What other processes used and what the host took. */
  readonly seen: number;
  /** What was not idle and not ours: less exact, but it also has the processes that came and went unseen. */
  readonly notIdle: number;
}

/**
 * The foreign load between two readings `elapsedMs` apart. The busy counters of /proc/stat are not used for it: they are sampled at
 * each tick, and for work that is driven by timers they were off by 0.2 cores, where the sum over processes was off by 0.01.
 */
export function foreignLoad(before: Reading, after: Reading, elapsedMs: number, cores: number): ForeignLoad {
  const inCores = (ticks: number): number => (ticks * TICK_MS) / elapsedMs;
  const steal = after.machine.stealTicks - before.machine.stealTicks;
  const idle = after.machine.idleTicks - before.machine.idleTicks;
  return {
    seen: inCores(after.others - before.others + steal),
    notIdle: cores - inCores(idle + after.ours - before.ours),
  };
}

/** Resident memory of the tree under `root`, in kB; pages that processes share are counted in each. */
export function treeRssKb(files: ProcFiles, root: number): number {
  return descendants(readProcesses(files), root).reduce((sum, stat) => sum + parseRssKb(files.read(`/proc/${stat.pid}/status`) ?? ""), 0);
}
