import { setTimeout as delay } from "node:timers/promises";
import { messageOf, type Logger } from "../../core/index.ts";
import type { FileLock } from "../../store/index.ts";
import type { PrimaryRole } from "../compose/primary-role.ts";
import type { RuntimePaths } from "../paths.ts";
import { waitForDaemonLock } from "./daemon-lock.ts";
import type { Predecessor } from "./predecessor.ts";

export interface SucceedOptions {
  readonly predecessor: Pick<Predecessor, "gone">;
  readonly paths: Pick<RuntimePaths, "folder" | "lock">;
  readonly gateway: { readonly role: Pick<PrimaryRole, "take"> };
  /** Opens the files through which commands find this gateway. */
  readonly openFiles: (lock: FileLock) => Promise<void>;
  /** Aborted when this gateway ends itself. */
  readonly ending: AbortSignal;
  readonly logger: Logger;
}

/** Between two tries to bring over what the predecessor has left, while the database does not answer. */
const retryMs = 5000;

/**
 * Waits until the predecessor has ended, and then takes what only one process has: the lock, the control socket, the pid file, and the journals of processes
 * that have ended. @throws Error if another gateway has the lock, or the files cannot be made.
 */
export async function succeed({ predecessor, paths, gateway, openFiles, ending, logger }: SucceedOptions): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    ending.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([predecessor.gone, ended]);
  try {
    if (ending.aborted) return;
    await openFiles(await waitForDaemonLock(paths, ending));
    logger.info({}, "this gateway has taken the place of the one before it");
    while (!ending.aborted) {
      try {
        await gateway.role.take();
        return;
      } catch (error) {
        logger.warn({ error: messageOf(error) }, "what the gateway before this one has left could not be brought over; it is tried again");
        await delay(retryMs, undefined, { signal: ending });
      }
    }
  } catch (error) {
    if (!ending.aborted) throw error;
  }
}
