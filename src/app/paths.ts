import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join } from "node:path";

/** What lies beside the database. */
export interface RuntimePaths {
  readonly folder: string;
  readonly database: string;
  readonly pid: string;
  readonly lock: string;
  readonly log: string;
  /** Where the journals of the ledger lie. */
  readonly journal: string;
  /** The key that signs the audit trail, and the last signature. */
  readonly auditKey: string;
  readonly auditHead: string;
  /** Entries of the trail that wait for the database; the number of their process follows. */
  readonly auditWaiting: string;
  /** A Unix socket's path, or a named pipe on Windows. */
  readonly socket: string;
}

/** A Unix socket's path has at most 107 bytes on Linux and 103 on macOS. */
const maxSocketPath = 100;

export function runtimePaths(database: string, platform: NodeJS.Platform = process.platform): RuntimePaths {
  const folder = dirname(database);
  const stem = basename(database, extname(database));
  return {
    folder,
    database,
    pid: join(folder, `${stem}.pid`),
    lock: join(folder, `${stem}.lock`),
    log: join(folder, `${stem}.log`),
    journal: `${database}.journal`,
    auditKey: join(folder, `${stem}.audit-key.pem`),
    auditHead: join(folder, `${stem}.audit-head.json`),
    auditWaiting: join(folder, `${stem}.audit-waiting`),
    socket: socketPath(join(folder, `${stem}.sock`), database, platform),
  };
}

function socketPath(beside: string, database: string, platform: NodeJS.Platform): string {
  const digest = createHash("sha256").update(database).digest("hex").slice(0, 16);
  if (platform === "win32") return `\\\\.\\pipe\\tokligence-${digest}`;
  if (Buffer.byteLength(beside) <= maxSocketPath) return beside;
  return join(process.env["XDG_RUNTIME_DIR"] ?? tmpdir(), `tokligence-${process.getuid?.() ?? 0}-${digest}.sock`);
}
