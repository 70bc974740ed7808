import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import {
  AuditKeyFile,
  AuditTrail,
  createAuditLog,
  createWaitingFiles,
  gatewayEntry,
  ocsfEvent,
  rotateAuditKey,
  syslogMessage,
  type AuditLog,
  type ChainedEntry,
  type Checkpoint,
  type RotatedAuditKey,
} from "../../audit/index.ts";
import { messageOf, type Clock, type Logger, type Secret } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { createSyslogClient, postHook } from "../../upstream/index.ts";
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
  /** Makes a new key for signatures. `undefined`: the trail is off. */
  rotateKey(): Promise<RotatedAuditKey | undefined>;
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
  const key = new AuditKeyFile(audit.key ?? paths.auditKey);
  const headFile = audit.head ?? paths.auditHead;
  const toFile = guarded<Checkpoint>(logger, (checkpoint) => publishHead(headFile, checkpoint));
  const syslog = audit.syslog === undefined ? undefined : createSyslogClient(audit.syslog, { logger });
  const sender = { host: hostname(), pid: process.pid, version: readVersion() };
  const writers = [
    ...(audit.events === undefined ? [] : [guarded(logger, eventWriter(audit.events))]),
    ...(syslog === undefined ? [] : [(entry: ChainedEntry) => syslog.send(syslogMessage(entry, sender))]),
  ];
  const publish = (checkpoint: Checkpoint): void => {
    toFile(checkpoint);
    if (audit.headWebhook !== undefined) void postHead(audit.headWebhook, checkpoint, parts);
  };
  const log = audit.enabled
    ? createAuditLog({
        store,
        clock,
        logger,
        key,
        hasUsage: audit.usage,
        publish,
        onEntry: writers.length === 0 ? undefined : (entry) => writers.forEach((write) => write(entry)),
        waiting: createWaitingFiles(paths.auditWaiting),
      })
    : undefined;
  let shown: object | undefined = settings.shown;
  let digest = "";
  return {
    log,
    trail: new AuditTrail(store, key, clock),
    flush: () => log?.flush() ?? Promise.resolve(),
    publishedHead: () => readHead(headFile),
    rotateKey: async () => (audit.enabled ? await rotateAuditKey({ store, clock, file: key, publish }) : undefined),
    configured(next) {
      ({ shown } = next);
      const after = createHash("sha256").update(JSON.stringify(shown)).digest("hex");
      log?.add({ ...gatewayEntry("config.loaded", { version: readVersion() }), before: digest, after });
      digest = after;
    },
    async close() {
      await log?.close();
      await syslog?.close();
    },
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

/** The database has the signature in any case. */
async function postHead(url: Secret, checkpoint: Checkpoint, { clock, logger }: AuditParts): Promise<void> {
  try {
    const message = {
      name: "audit.head_webhook",
      url: url.reveal(),
      headers: { "content-type": "application/json" },
      body: JSON.stringify(checkpoint),
    };
    const status = await postHook({ clock, logger, proxyEnv: process.env }, message);
    if (status < 200 || status > 299) throw new Error(`audit.head_webhook answered ${status}`);
  } catch (error) {
    logger.warn(
      { error: messageOf(error), number: checkpoint.number },
      "a signature of the audit trail could not be posted; the next one covers it",
    );
  }
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
