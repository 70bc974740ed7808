import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { messageOf } from "../../core/index.ts";
import type { DumpPage, DumpSection } from "../../store/index.ts";
import { BackupDigests, backupFormat, readRow, type BackupEnd, type BackupFile, type BackupHead, type BackupItem } from "./format.ts";

/** A file that is no backup, or one that cannot be used. The message says what to do. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

const pageRows = 1000;
const pageChars = 4 * 1024 * 1024;

/**
 * Reads a backup. When the last item has been read, the file is known to be whole and unchanged.
 * @throws BackupError if it is no backup, damaged, or of another format.
 */
export async function* readBackup(path: string): AsyncGenerator<BackupItem> {
  const digests = new BackupDigests();
  let page: { section: DumpSection & { readonly columns: readonly string[] }; rows: DumpPage["rows"][number][]; chars: number } | undefined;
  const take = function* (): Generator<BackupItem> {
    if (page === undefined || page.rows.length === 0) return;
    yield { kind: "page", ...page.section, rows: page.rows };
    page = { section: page.section, rows: [], chars: 0 };
  };
  let isFirst = true;
  let end: BackupEnd | undefined;
  for await (const text of readLines(path)) {
    const value = parseLine(text, path, isFirst);
    if (end !== undefined) throw damaged(path, "something follows its end");
    if (isFirst) {
      yield { kind: "head", head: readHead(value, path) };
      digests.add("head", `${text}\n`);
    } else if (Array.isArray(value)) {
      if (page === undefined || value.length !== page.section.columns.length) throw damaged(path, "a row is not whole");
      digests.add(page.section.table, `${text}\n`, 1);
      page.rows.push(readRow(value as (string | number | null)[], page.section.columns));
      page.chars += text.length;
      if (page.rows.length === pageRows || page.chars > pageChars) yield* take();
    } else {
      yield* take();
      if ("table" in value) {
        const section = value as DumpSection & { readonly columns: readonly string[] };
        digests.add(section.table, `${text}\n`);
        page = { section, rows: [], chars: 0 };
      } else if ("file" in value) {
        const file = value as BackupFile;
        digests.add(file.file, `${text}\n`);
        yield { kind: "file", ...file };
      } else if ("end" in value) {
        ({ end } = value as { end: BackupEnd });
        compareEnds(end, digests.end(), path);
        yield { kind: "end", end };
      } else throw damaged(path, "a line is unknown");
    }
    isFirst = false;
  }
  if (end === undefined) throw damaged(path, "its end is missing");
}

function compareEnds(written: BackupEnd, found: BackupEnd, path: string): void {
  for (const part of new Set([...Object.keys(written.digests), ...Object.keys(found.digests)])) {
    if (written.digests[part] !== found.digests[part]) throw damaged(path, `the digest of ${part} is another one`);
  }
  for (const [table, rows] of Object.entries(written.rows)) {
    if (found.rows[table] !== rows) throw damaged(path, `the number of rows of ${table} is another one`);
  }
}

function damaged(path: string, what: string): BackupError {
  return new BackupError(`${path} is damaged or was not written to its end (${what}). Use another backup.`);
}

function noBackup(path: string): BackupError {
  return new BackupError(`${path} is no backup of this program. Give a file that \`tokligence backup\` has made.`);
}

function parseLine(text: string, path: string, isFirst: boolean): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Not JSON.
  }
  throw isFirst ? noBackup(path) : damaged(path, "a line is not whole");
}

function readHead(value: object, path: string): BackupHead {
  const head = value as BackupHead;
  if (typeof head.format !== "string" || !head.format.startsWith("tokligence-backup-")) throw noBackup(path);
  if (head.format === backupFormat) return head;
  throw new BackupError(
    `${path} was made by version ${head.version}, in a form that this version does not know. Install that version, or a newer one.`,
  );
}

async function* readLines(path: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  const unzipped = createGunzip();
  file.on("error", (error) => unzipped.destroy(error));
  file.pipe(unzipped);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  try {
    for await (const chunk of unzipped as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (error) {
    throw explainReadError(error, path);
  } finally {
    file.destroy();
  }
  if (rest !== "") throw damaged(path, "its end is missing");
}

function explainReadError(error: unknown, path: string): unknown {
  if (error instanceof BackupError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ENOENT") return new BackupError(`There is no file ${path}. Check the path.`);
  if (code === "EISDIR") return new BackupError(`${path} is a folder. Give the file of a backup.`);
  if (messageOf(error) === "incorrect header check") return noBackup(path);
  if (code.startsWith("Z_") || error instanceof TypeError) return damaged(path, messageOf(error));
  return new BackupError(`${path} cannot be read: ${messageOf(error)}.`);
}
