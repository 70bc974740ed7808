import { closeSync, mkdirSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { GatewayError } from "../../core/index.ts";
import { takeFileLock, type FileLock } from "../../store/index.ts";
import type { RuntimePaths } from "../paths.ts";
import { readDaemonStatus } from "./start-background.ts";

type LockPaths = Pick<RuntimePaths, "folder" | "lock">;

/** Of two daemons on one database exactly one gets the lock; a lock of a dead one does not exist. @throws Error that names the one that has it. */
export async function takeDaemonLock(paths: RuntimePaths): Promise<FileLock> {
  const lock = tryDaemonLock(paths);
  if (lock !== undefined) return lock;
  const other = await readDaemonStatus(paths).catch(() => undefined);
  const who = other === undefined ? "" : ` (pid ${other.pid}, port ${other.port})`;
  throw new GatewayError(
    "conflict",
    `A gateway is running on this database already${who}. Stop it with \`tokligence-daemon stop\`, or give this one a database.path of its own.`,
  );
}

const pauseMs = 20;

/** Waits for the lock of a process that has ended or is about to. @throws Error if it is not free in time; the signal's reason. */
export async function waitForDaemonLock(paths: LockPaths, signal: AbortSignal, timeoutMs = 20_000): Promise<FileLock> {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await delay(pauseMs, undefined, { signal })) {
    const lock = tryDaemonLock(paths);
    if (lock !== undefined) return lock;
  }
  throw new Error(`Another gateway holds ${paths.lock}: two run on one database.`);
}

/** `undefined`: another process has the lock. */
export function tryDaemonLock(paths: LockPaths): FileLock | undefined {
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  // Made here, because SQLite would make it with the umask's mode; its `-journal` has the file's own.
  closeSync(openSync(paths.lock, "a", 0o600));
  return takeFileLock(paths.lock);
}
