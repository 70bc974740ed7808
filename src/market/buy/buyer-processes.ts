import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { isRunning, type Clock } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";

/** What tells a process from others, and whether another one of the same machine still runs. */
export interface ProcessIdentity {
  /** The machine, or the container, whose processes `isRunning` knows. */
  readonly machine: string;
  readonly pid: number;
  readonly isRunning: (pid: number) => boolean;
}

export function thisProcess(): ProcessIdentity {
  return { machine: `${hostname()}${pidNamespace()}`.replaceAll(" ", "-"), pid: process.pid, isRunning };
}

/** Containers may share the name of their machine, and do not see each other's processes. */
function pidNamespace(): string {
  try {
    return `-${readlinkSync("/proc/self/ns/pid").replaceAll(/\D/g, "")}`;
  } catch {
    return "";
  }
}

/** The processes that buy on one database. Each has its leases in its memory; the others close them when it has ended. */
export interface BuyerProcesses {
  /** Of this process. */
  readonly name: string;
  /** This process is at work: called before its first lease, and every few seconds. */
  beat(): Promise<void>;
  /** Which of these processes have ended. One that was not seen for a minute has ended, or has lost its database. */
  ended(names: readonly string[]): Promise<ReadonlySet<string>>;
  release(): Promise<void>;
}

interface BuyerProcessesDeps {
  readonly store: Pick<Store, "db">;
  readonly clock: Pick<Clock, "now">;
  readonly identity: ProcessIdentity;
}

const prefix = "buying ";
const lostMs = 60_000;

export function createBuyerProcesses({ store, clock, identity }: BuyerProcessesDeps): BuyerProcesses {
  const { machine, pid } = identity;
  const name = `${machine} ${pid} ${randomBytes(4).toString("hex")}`;
  return {
    name,
    async beat() {
      await store.db
        .insertInto("market_uptime")
        .values({ name: prefix + name, seen_ms: clock.now() })
        .onConflict((oc) => oc.column("name").doUpdateSet({ seen_ms: clock.now() }))
        .execute();
    },
    async ended(names) {
      const rows = await store.db.selectFrom("market_uptime").selectAll().where("name", "like", `${prefix}%`).execute();
      const isSeen = (seenMs: number): boolean => Math.abs(clock.now() - seenMs) < lostMs;
      const seen = new Set(rows.filter(({ seen_ms: seenMs }) => isSeen(seenMs)).map((row) => row.name.slice(prefix.length)));
      const gone = (other: string): boolean => other !== name && (!seen.has(other) || isGone(other, identity));
      const old = rows.map((row) => row.name).filter((row) => gone(row.slice(prefix.length)));
      if (old.length > 0) await store.db.deleteFrom("market_uptime").where("name", "in", old).execute();
      return new Set(names.filter(gone));
    },
    async release() {
      await store.db
        .deleteFrom("market_uptime")
        .where("name", "=", prefix + name)
        .execute();
    },
  };
}

/** Whether a process of this machine runs no more. Nothing is known of one that has this process's own number. */
function isGone(name: string, { machine, pid, isRunning: runs }: ProcessIdentity): boolean {
  const [host, number] = name.split(" ");
  return host === machine && Number(number) !== pid && !runs(Number(number));
}
