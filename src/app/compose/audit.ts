import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import {
  AuditTrail,
  createAuditLog,
  gatewayEntry,
  ocsfEvent,
  openAuditKey,
  type AuditKey,
  type AuditLog,
  type Checkpoint,
} from "../../audit/index.ts";
import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import type { Settings } from "../config/index.ts";
import { runtimePaths } from "../paths.ts";
import { readVersion } from "../self.ts";

/** The audit trail of a gateway. */
export interface Audit {
  /** `undefined`: nothing is written to it. */
  readonly log: AuditLog | undefined;
  readonly trail: AuditTrail;
  flush(): Promise<void>;
  publishedHead(): { readonly seq: number; readonly head: string } | undefined;
  /** A configuration has been loaded. */
  configured(settings: Settings): void;
  close(): Promise<void>;
}

interface AuditParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function composeAudit(
  { audit, database, ...settings }: Pick<Settings, "audit" | "database"> & Partial<Settings>,
  parts: AuditParts,
): Audit {
  const { store, clock, logger } = parts;
  const paths = runtimePaths(database.path);
  const key = lazyKey(audit.key ?? paths.auditKey);
  const headFile = audit.head ?? paths.auditHead;
  const log = audit.enabled
    ? createAuditLog({
        store,
        clock,
        logger,
        key,
        hasUsage: audit.usage,
        publish: guarded(logger, (checkpoint) => publishHead(headFile, checkpoint)),
        onEntry: audit.events === undefined ? undefined : guarded(logger, eventWriter(audit.events)),
      })
    : undefined;
  let shown: object | undefined = settings.shown;
  let digest = "";
  return {
    log,
    trail: new AuditTrail(store, key, clock),
    flush: () => log?.flush() ?? Promise.resolve(),
    publishedHead: () => readHead(headFile),
    configured(next) {
      ({ shown } = next);
      const after = createHash("sha256").update(JSON.stringify(shown)).digest("hex");
      log?.add({ ...gatewayEntry("config.loaded", { version: readVersion() }), before: digest, after });
      digest = after;
    },
    close: () => log?.close() ?? Promise.resolve(),
  };
}

/** The key is made when it is first needed. */
function lazyKey(path: string): AuditKey {
  let opened: AuditKey | undefined;
  const open = (): AuditKey => (opened ??= openAuditKey(path));
  return {
    get publicKey() {
      return open().publicKey;
    },
    sign: (text) => open().sign(text),
  };
}

/** What is in the database counts; a file that cannot be written is reported. */
function guarded<T>(logger: Logger, write: (value: T) => void): (value: T) => void {
  return (value) => {
    try {
      write(value);
    } catch (error) {
      logger.warn({ error: messageOf(error) }, "a file of the audit trail could not be written");
    }
  };
}

/** Replaces the file at once, so that a reader never finds half of it. */
function publishHead(path: string, checkpoint: Checkpoint): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(checkpoint)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readHead(path: string): { readonly seq: number; readonly head: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Checkpoint;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function eventWriter(path: string): Parameters<typeof guarded<Parameters<typeof ocsfEvent>[0]>>[1] {
  const version = readVersion();
  return (entry) => appendFileSync(path, `${JSON.stringify(ocsfEvent(entry, version))}\n`, { mode: 0o600 });
}
