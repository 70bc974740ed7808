import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "../../settings/index.ts";
import { newestSchema, type DumpPage } from "../../store/index.ts";
import { describeDatabase } from "../compose/open-store.ts";
import { initConfig, loadSettings, type LoadedSettings } from "../config/index.ts";
import { createFile } from "../config/write-file.ts";
import { tryDaemonLock } from "../daemon/daemon-lock.ts";
import { readDaemonStatus } from "../daemon/start-background.ts";
import { runtimePaths, type RuntimePaths } from "../paths.ts";
import type { BackupEnd, BackupFile, BackupHead, BackupManifest } from "./format.ts";
import { BackupError, readBackup } from "./read-backup.ts";
import { isDatabaseEmpty, restoreDatabase } from "./restore-database.ts";

export interface RestoreOptions {
  /** `--config`. */
  readonly config: string | undefined;
  /** Replaces a database that has data. */
  readonly force: boolean;
  /** Reads and checks everything, and writes nothing. */
  readonly dryRun: boolean;
  /** Sets the journal of the target aside, so that its entries do not come into the restored database. */
  readonly withoutJournal: boolean;
  readonly nowMs: number;
  readonly onRows?: (rows: number) => void;
}

export interface RestoreReport {
  readonly restored: boolean;
  readonly manifest: BackupManifest;
  readonly database: string;
  readonly config: { readonly path: string; readonly state: "written" | "same" | "kept" | "none" };
  /** What was there before, under its new names. */
  readonly set_aside: readonly string[];
  /** Variables that the configuration reads and that are not set here. */
  readonly missing_variables: readonly string[];
  /** Files that the configuration names, as far as they are not here. */
  readonly missing_files: readonly string[];
  /** A journal is there whose entries come into the database at the next start. */
  readonly journal: string | null;
}

interface CheckedBackup {
  readonly manifest: BackupManifest;
  readonly files: readonly BackupFile[];
}

/** Reads a backup to its end. @throws BackupError if it is damaged or comes from a newer program. */
export async function checkBackup(file: string): Promise<CheckedBackup> {
  let head: BackupHead | undefined;
  let end: BackupEnd | undefined;
  const files: BackupFile[] = [];
  for await (const item of readBackup(file)) {
    if (item.kind === "head") ({ head } = item);
    else if (item.kind === "file") files.push({ file: item.file, text: item.text });
    else if (item.kind === "end") ({ end } = item);
  }
  const manifest = { ...head!, ...end! };
  checkVersion(manifest, file);
  return { manifest, files };
}

function checkVersion({ schema_version: found, version }: BackupManifest, file: string): void {
  if (found <= newestSchema) return;
  throw new BackupError(
    `${file} was made by version ${version}, with schema version ${found}; this program knows versions up to ${newestSchema}. Install version ${version} or a newer one.`,
  );
}

/** Makes the gateway of a backup, at the place that the configuration names. @throws Error that says what to do; until the last step nothing is changed. */
export async function restoreBackup(target: string, options: RestoreOptions): Promise<RestoreReport> {
  const file = resolve(target);
  const { manifest, files } = await checkBackup(file);
  const place = placeConfig(files.find((each) => each.file === "config.yaml")?.text, options);
  const { loaded } = place;
  const paths = runtimePaths(loaded.settings.database.path);
  if (!options.dryRun && (await readDaemonStatus(paths)) !== undefined)
    throw new Error("The gateway runs on this database. Stop it first: tokligence stop");
  const isEmpty = await isDatabaseEmpty(loaded.settings.database);
  const database = describeDatabase(loaded.settings.database);
  if (!isEmpty && !options.force) {
    throw new Error(`The database ${database} has data. Name an empty one in the configuration, or replace it: --force`);
  }
  const aside = `.before-restore-${new Date(options.nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
  const key = files.find((each) => each.file === "audit-key.pem");
  const keyPath = loaded.settings.audit.key ?? paths.auditKey;
  const setAside: string[] = [];
  if (!options.dryRun) {
    if (place.state === "written") createFile(place.path, place.text!);
    await locked(paths, async () => {
      const move = (path: string): void => {
        if (!existsSync(path)) return;
        renameSync(path, `${path}${aside}`);
        setAside.push(`${path}${aside}`);
      };
      const pages = (): AsyncIterable<DumpPage> => pagesOf(file);
      setAside.push(...(await restoreDatabase({ loaded, manifest, pages, isEmpty, onRows: options.onRows ?? (() => {}), aside })));
      // The head that was published last belongs to the trail that was there before.
      move(loaded.settings.audit.head ?? paths.auditHead);
      if (options.withoutJournal) move(paths.journal);
      if (key !== undefined && !isText(keyPath, key.text)) {
        move(keyPath);
        mkdirSync(dirname(keyPath), { recursive: true, mode: 0o700 });
        writeFileSync(keyPath, key.text, { mode: 0o600, flag: "wx" });
      }
    });
  }
  return {
    restored: !options.dryRun,
    manifest,
    database,
    config: { path: place.path, state: place.state },
    set_aside: setAside,
    missing_variables: manifest.variables.filter((name) => (process.env[name] ?? "") === ""),
    missing_files: manifest.other_files.filter((path) => !existsSync(path)),
    journal: !options.withoutJournal && existsSync(paths.journal) ? paths.journal : null,
  };
}

interface ConfigPlace {
  readonly path: string;
  readonly text: string | undefined;
  readonly state: RestoreReport["config"]["state"];
  readonly loaded: LoadedSettings;
}

/** The configuration that is there counts; without one, that of the backup. @throws Error if it cannot be used here. */
function placeConfig(text: string | undefined, { config }: RestoreOptions): ConfigPlace {
  const given = config === undefined ? {} : { path: config };
  const { created: isMissing, path } = initConfig({ ...given, dryRun: true });
  if (!isMissing || text === undefined) {
    const loaded = loadSettings(isMissing ? { ...given, text: "" } : given);
    if (isMissing) return { path, text, state: "none", loaded };
    return { path, text, state: text === loaded.text ? "same" : "kept", loaded };
  }
  try {
    return { path, text, state: "written", loaded: loadSettings({ ...given, text }) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Error(
      `The configuration of the backup cannot be used here: ${error.message}. Set what is missing, or write a configuration of your own to ${path} ` +
        "(`tokligence restore FILE --print-config` prints that of the backup).",
      { cause: error },
    );
  }
}

function isText(path: string, text: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8") === text;
}

/** No gateway starts meanwhile. */
async function locked(paths: RuntimePaths, run: () => Promise<void>): Promise<void> {
  const lock = tryDaemonLock(paths);
  if (lock === undefined) throw new Error("A gateway is starting on this database. Stop it first: tokligence stop");
  try {
    await run();
  } finally {
    lock.release();
  }
}

async function* pagesOf(file: string): AsyncGenerator<DumpPage> {
  for await (const item of readBackup(file)) {
    if (item.kind !== "page") continue;
    const { kind: _, ...page } = item;
    yield page;
  }
}
