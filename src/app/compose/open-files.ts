import type { Logger } from "../../core/index.ts";

/** Files, pipes and sockets of the process itself: database, journal, log, worker's channel, the reserve, commands on the control socket. */
const ownFiles = 64;
/** The most that are kept free for connections to providers. */
const mostUpstream = 4096;
/** The connections that a process may always serve. */
const fewest = 4;
/** With fewer connections than this, the log warns. */
const few = 1000;

/**
 * How many connections clients may have open in a process that may open `limit` files. Each request under way may need a second one, to its provider.
 * @param limit `undefined`: not limited.
 */
export function connectionsWithin(limit: number | undefined): number {
  if (limit === undefined) return Infinity;
  const room = Math.max(0, limit - ownFiles);
  return Math.max(fewest, room - Math.min(Math.ceil(room / 2), mostUpstream));
}

/** The limit of this process, as it was raised by Node at its start. */
export function readOpenFiles(): number | undefined {
  // The types do not have its newest setting.
  const report: typeof process.report & { excludeNetwork?: boolean } = process.report;
  const before = report.excludeNetwork ?? false;
  // It would look up the names of connected hosts.
  report.excludeNetwork = true;
  try {
    const { userLimits } = report.getReport() as { userLimits?: { open_files?: { soft?: number | "unlimited" } } };
    const soft = userLimits?.open_files?.soft;
    return typeof soft === "number" ? soft : undefined;
  } finally {
    report.excludeNetwork = before;
  }
}

/** @param wanted `gateway.limits.connections`. @returns how many connections there may be at most; it is logged if they are few. */
export function limitConnections(wanted: number, logger: Logger): number {
  const openFiles = readOpenFiles();
  const most = connectionsWithin(openFiles);
  if (most < Math.min(wanted, few)) {
    logger.warn(
      { open_files: openFiles, connections: most },
      "this process may open few files, so it serves few connections at a time; raise the limit (ulimit -n, LimitNOFILE)",
    );
  }
  return most;
}
