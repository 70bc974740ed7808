import { closeSync, createWriteStream, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { dumpStore, openPostgresDump, openSqliteDump, readDumpVersion, type DumpSource } from "../../store/index.ts";
import { postgresPlace } from "../compose/open-store.ts";
import type { DatabaseSection, LoadedSettings } from "../config/index.ts";
import { readDaemonStatus } from "../daemon/start-background.ts";
import { runtimePaths } from "../paths.ts";
import { readVersion } from "../self.ts";
import { backupConfig } from "./config-text.ts";
import { waitForJournals } from "./drain-journal.ts";
import { backupFormat, writeItems, type BackupEnd, type BackupFile, type BackupHead, type BackupManifest } from "./format.ts";

export interface BackupOptions {
  readonly includeSecrets: boolean;
  /** Replaces a file that is there. */
  readonly force: boolean;
  readonly nowMs: number;
  readonly onRows?: (rows: number) => void;
}

export interface BackupReport extends BackupManifest {
  readonly file: string;
  readonly size_bytes: number;
}

/**
 * Writes everything that a new machine needs into one file, while the gateway runs or not: the database as it is at one moment, and the configuration.
 * @throws Error that says what to do; then there is no file.
 */
export async function writeBackup(loaded: LoadedSettings, target: string, options: BackupOptions): Promise<BackupReport> {
  const file = resolve(target);
  checkTarget(file, options.force);
  const { database } = loaded.settings;
  const paths = runtimePaths(database.path);
  const config = backupConfig(loaded, options.includeSecrets);
  const source = await openSource(database);
  const partial = `${file}.partial`;
  try {
    if ((await readDumpVersion(source)) > 0) await waitForJournals(source, paths.journal, (await readDaemonStatus(paths)) !== undefined);
    const dump = await dumpStore(source, { withSecrets: options.includeSecrets });
    const head: BackupHead = {
      format: backupFormat,
      version: readVersion(),
      schema_version: dump.schemaVersion,
      created_at: new Date(options.nowMs).toISOString(),
      database: source.dialect,
      secrets: options.includeSecrets,
      variables: config.variables,
      other_files: config.otherFiles,
    };
    const files: BackupFile[] = [
      ...(loaded.text === undefined ? [] : [{ file: "config.yaml", text: config.text } as const]),
      ...(options.includeSecrets ? auditKeyOf(loaded.settings.audit.key ?? paths.auditKey) : []),
    ];
    const end = await writeFile(partial, writeItems(head, files, dump.pages(), options.onRows ?? (() => {})));
    renameSync(partial, file);
    return { file, size_bytes: statSync(file).size, ...head, ...end };
  } finally {
    rmSync(partial, { force: true });
    await source.close();
  }
}

function checkTarget(file: string, force: boolean): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) throw new Error(`${file} is a folder. Give the name of a file in it, as in ${file}/gateway.backup`);
  if (stat !== undefined && !force) throw new Error(`${file} is there already. Give another name, or --force to replace it.`);
  if (!existsSync(dirname(file))) throw new Error(`There is no folder ${dirname(file)}. Make it, or give another path.`);
}

export async function openSource({ path, postgresql }: DatabaseSection): Promise<DumpSource> {
  if (postgresql !== undefined) return await openPostgresDump(postgresPlace(postgresql));
  if (!existsSync(path)) throw new Error(`There is no database ${path} to back up. Check --config and database.path.`);
  return openSqliteDump(path);
}

function auditKeyOf(path: string): BackupFile[] {
  return existsSync(path) ? [{ file: "audit-key.pem", text: readFileSync(path, "utf8") }] : [];
}

/** The file is for its owner alone: hashes of keys, names and addresses are in it. */
async function writeFile(path: string, texts: AsyncGenerator<string, BackupEnd>): Promise<BackupEnd> {
  let end: BackupEnd | undefined;
  const chunks = async function* (): AsyncGenerator<Buffer> {
    for (;;) {
      const next = await texts.next();
      if (next.done === true) {
        end = next.value;
        return;
      }
      yield Buffer.from(next.value);
    }
  };
  rmSync(path, { force: true });
  await pipeline(Readable.from(chunks()), createGzip(), createWriteStream(path, { flags: "wx", mode: 0o600 }));
  const descriptor = openSync(path, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return end!;
}
