import type { Command } from "commander";
import type { BackupReport } from "../backup/write-backup.ts";
import type { RestoreReport } from "../backup/restore.ts";
import type { LoadedSettings } from "../config/index.ts";
import { addExamples, print } from "./output.ts";
import { createProgress } from "./progress.ts";

interface BackupOptions {
  readonly includeSecrets?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}
interface RestoreOptions {
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly withoutJournal?: boolean;
  readonly printConfig?: boolean;
  readonly json?: boolean;
}

/** `backup FILE` and `restore FILE`. */
export function addBackupCommands(program: Command, load: () => Promise<LoadedSettings>, config: () => string | undefined): void {
  addBackupCommand(program, load);
  addRestoreCommand(program, config);
}

function addBackupCommand(program: Command, load: () => Promise<LoadedSettings>): void {
  const command = program
    .command("backup")
    .argument("<file>", "the file to write, for its owner alone")
    .description("write database and configuration into one file, also while the gateway runs")
    .option(
      "--include-secrets",
      "with the sealing keys, the audit key, the market's keys and the secrets in the configuration: keep such a file as you keep a password",
    )
    .option("--force", "replace a file that is there")
    .option("--json", "print JSON")
    .action(async (file: string, { includeSecrets = false, force = false, json }: BackupOptions) => {
      const loaded = await load();
      const { writeBackup } = await import("../backup/write-backup.ts");
      const progress = createProgress("rows");
      try {
        const onRows = (rows: number): void => progress.add(rows);
        const report = await writeBackup(loaded, file, { includeSecrets, force, nowMs: Date.now(), onRows });
        progress.end();
        print(json === true, report, () => backupText(report, process.env));
      } finally {
        progress.end();
      }
    });
  addExamples(command, ["tokligence backup gateway-2026-01-31.backup", "tokligence backup /media/safe/all.backup --include-secrets"]);
}

/** For people; exported for its test. `env`: where the command runs, which need not be where the gateway runs. */
export function backupText(
  { file, size_bytes: size, rows, schema_version: version, secrets, variables, other_files: files }: BackupReport,
  env: Readonly<Record<string, string | undefined>>,
): string {
  // A secret that was taken out of the file is always needed; a provider whose variable is not set is off.
  const needed = variables.filter((name) => name.startsWith("TOKLIGENCE_") || (env[name] ?? "") !== "");
  const unset = variables.filter((name) => !needed.includes(name));
  return [
    `Wrote ${file} (${size} bytes): ${countsText(rows)}, schema version ${version}.`,
    secrets
      ? "It has the secrets of this gateway. Keep it where only you can read it."
      : "The secrets of this gateway are not in it: see docs/deployment.md, or use --include-secrets.",
    ...(needed.length === 0 ? [] : [`A new machine needs these variables as well: ${needed.join(", ")}`]),
    ...(unset.length === 0 ? [] : [`The configuration also reads these, which are not set here: ${unset.join(", ")}`]),
    ...(files.length === 0 ? [] : [`And these files: ${files.join(", ")}`]),
  ].join("\n");
}

function countsText(rows: BackupReport["rows"]): string {
  const counted = (table: string, one: string, several: string): string => `${rows[table] ?? 0} ${rows[table] === 1 ? one : several}`;
  return [
    counted("users", "user", "users"),
    counted("api_keys", "key", "keys"),
    counted("usage_entries", "usage entry", "usage entries"),
  ].join(", ");
}

function addRestoreCommand(program: Command, config: () => string | undefined): void {
  const command = program
    .command("restore")
    .argument("<file>", "a file that `tokligence backup` has made")
    .description("make the gateway of a backup here, in an empty database; a configuration that is there stays as it is")
    .option("--dry-run", "only check the file and say what would be done")
    .option("--force", "replace a database that has data: a SQLite file is kept under another name, the tables of PostgreSQL are dropped")
    .option("--without-journal", "set a journal that is there aside; otherwise its entries of the last day come into the database")
    .option("--print-config", "only print the configuration that is in the backup")
    .option("--json", "print JSON")
    .action(async (file: string, options: RestoreOptions) => {
      const { checkBackup, restoreBackup } = await import("../backup/restore.ts");
      if (options.printConfig === true) {
        const { files } = await checkBackup(file);
        const text = files.find((each) => each.file === "config.yaml")?.text ?? "";
        print(options.json === true, { config: text }, () => text.trimEnd());
        return;
      }
      const { force = false, dryRun = false, withoutJournal = false } = options;
      const progress = createProgress("rows");
      try {
        const onRows = (rows: number): void => progress.add(rows);
        const report = await restoreBackup(file, { config: config(), force, dryRun, withoutJournal, nowMs: Date.now(), onRows });
        progress.end();
        print(options.json === true, report, () => restoreText(report));
      } finally {
        progress.end();
      }
    });
  addExamples(command, [
    "tokligence restore gateway-2026-01-31.backup --dry-run",
    "tokligence --config /etc/tokligence/config.yaml restore all.backup",
  ]);
}

const configTexts: Readonly<Record<RestoreReport["config"]["state"], (path: string, restored: boolean) => string>> = {
  written: (path, restored) => `Configuration: ${path} ${restored ? "written" : "would be written"}.`,
  same: (path) => `Configuration: ${path} is the same.`,
  kept: (path) => `Configuration: ${path} differs from that of the backup and stays (to see the other one: --print-config).`,
  none: () => "Configuration: the backup has none.",
};

function restoreText(report: RestoreReport): string {
  const { restored, manifest, database, config, set_aside: aside, missing_variables: variables, missing_files: files, journal } = report;
  const { rows, created_at: created, version } = manifest;
  return [
    `${restored ? "Restored" : "The backup is whole. It would restore"} ${countsText(rows)}, as of ${created} (version ${version}), into ${database}.`,
    configTexts[config.state](config.path, restored),
    ...(manifest.secrets ? [] : ["The backup has no secrets: the gateway makes new ones at its start."]),
    ...aside.map((path) => `Kept from before: ${path}`),
    ...(journal === null ? [] : [`Entries of the journal ${journal} that the backup lacks come into the database at the start.`]),
    ...(variables.length === 0 ? [] : [`The configuration reads these variables, which are not set here: ${variables.join(", ")}`]),
    ...(files.length === 0 ? [] : [`Bring these files here: ${files.join(", ")}`]),
    restored ? "Next: tokligence start" : "Nothing was changed. To do it: the same command without --dry-run",
  ].join("\n");
}
