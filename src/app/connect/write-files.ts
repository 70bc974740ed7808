import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { replaceFile } from "../config/write-file.ts";
import type { ClientFile } from "./client.ts";

/** What `connect --write` did to one file. */
export interface WrittenFile {
  readonly path: string;
  /** The file as it was before; `null`: there was none. */
  readonly backup: string | null;
}

/** What is remembered of a file that was written, for `--undo`. */
interface Written {
  readonly sha256: string;
  readonly existed: boolean;
  /** If omitted, `….before-tokligence`. */
  readonly backup?: string;
}

type Records = Readonly<Record<string, Written>>;

/**
 * Writes the files of a client. Before the first write each gets a backup beside it. All texts are made before the first is written.
 * @param recordFile where it is remembered what was written
 */
export function writeClientFiles(files: readonly ClientFile[], recordFile: string): WrittenFile[] {
  const planned = files.map(({ path, edit }) => ({ path, before: readIfThere(path), text: edit(readIfThere(path) ?? "") }));
  let records = readRecords(recordFile);
  return planned.map(({ path, before, text }) => {
    const known = records[path];
    const isOurs = known !== undefined && before !== undefined && known.sha256 === sha256Of(before);
    const existed = isOurs ? known.existed : before !== undefined;
    // A file that was changed since is a new state to go back to.
    const backup = isOurs ? backupOf(path, known) : freeName(backupOf(path));
    if (before !== undefined) {
      // It gets a key, and what it has may have one: for its owner alone.
      chmodSync(path, statSync(path).mode & 0o700);
      if (!isOurs) copyFileSync(path, backup);
    }
    replaceFile(path, text);
    records = { ...records, [path]: { sha256: sha256Of(text), existed, backup } };
    replaceFile(recordFile, `${JSON.stringify(records, null, 2)}\n`);
    return { path, backup: existed ? backup : null };
  });
}

/** Puts the backups back. @throws Error if there is nothing to undo, or a file was changed since; then nothing is changed. */
export function undoClientFiles(paths: readonly string[], recordFile: string): string[] {
  let records = readRecords(recordFile);
  const written = paths.filter((path) => records[path] !== undefined);
  if (written.length === 0) throw new Error("There is nothing to undo: `tokligence connect … --write` has not written these files.");
  for (const path of written) {
    const text = readIfThere(path);
    if (text === undefined || sha256Of(text) === records[path]!.sha256) continue;
    const how = records[path]!.existed ? `compare it with ${backupOf(path, records[path])}` : "take out by hand what `connect` shows";
    throw new Error(`${path} was changed since it was written, so nothing was undone: ${how}.`);
  }
  for (const path of written) {
    if (records[path]!.existed) {
      const backup = backupOf(path, records[path]);
      replaceFile(path, readFileSync(backup, "utf8"));
      rmSync(backup);
    } else rmSync(path, { force: true });
    records = Object.fromEntries(Object.entries(records).filter(([name]) => name !== path));
    replaceFile(recordFile, `${JSON.stringify(records, null, 2)}\n`);
  }
  return written;
}

function backupOf(path: string, written?: Written): string {
  return written?.backup ?? `${path}.before-tokligence`;
}

/** An earlier backup is not overwritten: `….before-tokligence-2`. */
function freeName(wanted: string): string {
  let name = wanted;
  for (let count = 2; existsSync(name); count++) name = `${wanted}-${count}`;
  return name;
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function readRecords(file: string): Records {
  const text = readIfThere(file);
  return text === undefined ? {} : (JSON.parse(text) as Records);
}

function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
