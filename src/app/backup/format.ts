import { createHash, type Hash } from "node:crypto";
import type { DumpPage, SqlValue } from "../../store/index.ts";

/*
 * A backup is a text of lines, compressed with gzip:
 *
 *   {"format":"tokligence-backup-1","version":"0.1.0","schema_version":22,…}
 *   {"file":"config.yaml","text":"gateway: …"}
 *   {"table":"users","columns":["id","username",…]}
 *   ["usr_…","alice",…]
 *   …
 *   {"end":{"rows":{"users":1,…},"digests":{"head":"…","config.yaml":"…","users":"…",…}}}
 *
 * Amounts of money are decimal texts, as they may be greater than what a number in JSON can be. A digest is the SHA-256 of all lines of a part.
 */
export const backupFormat = "tokligence-backup-1";

/** The first line. */
export interface BackupHead {
  readonly format: string;
  /** Of the program that made it. */
  readonly version: string;
  readonly schema_version: number;
  readonly created_at: string;
  readonly database: "sqlite" | "postgresql";
  /** Whether the secrets of the installation are in it. */
  readonly secrets: boolean;
  /** Variables of the environment that the configuration reads. */
  readonly variables: readonly string[];
  /** Files that the configuration names; they are not in the backup. */
  readonly other_files: readonly string[];
}

export interface BackupFile {
  readonly file: "config.yaml" | "audit-key.pem";
  readonly text: string;
}

/** The last line. */
export interface BackupEnd {
  readonly rows: Readonly<Record<string, number>>;
  readonly digests: Readonly<Record<string, string>>;
}

/** What is known of a backup without its rows. */
export interface BackupManifest extends BackupHead, BackupEnd {}

export type BackupItem =
  | { readonly kind: "head"; readonly head: BackupHead }
  | ({ readonly kind: "file" } & BackupFile)
  | ({ readonly kind: "page" } & DumpPage)
  | { readonly kind: "end"; readonly end: BackupEnd };

/** The digests of the parts of a backup, line by line. */
export class BackupDigests {
  readonly #hashes = new Map<string, Hash>();
  readonly rows: Record<string, number> = {};

  add(part: string, lines: string, rows = 0): void {
    let hash = this.#hashes.get(part);
    if (hash === undefined) {
      hash = createHash("sha256");
      this.#hashes.set(part, hash);
    }
    hash.update(lines);
    if (rows > 0) this.rows[part] = (this.rows[part] ?? 0) + rows;
  }

  end(): BackupEnd {
    return { rows: this.rows, digests: Object.fromEntries([...this.#hashes].map(([part, hash]) => [part, hash.copy().digest("hex")])) };
  }
}

/** The texts of a backup. */
export async function* writeItems(
  head: BackupHead,
  files: readonly BackupFile[],
  pages: AsyncIterable<DumpPage>,
  onRows: (rows: number) => void,
): AsyncGenerator<string, BackupEnd> {
  const digests = new BackupDigests();
  const lines = (part: string, text: string, rows = 0): string => {
    digests.add(part, text, rows);
    return text;
  };
  yield lines("head", line(head));
  for (const file of files) yield lines(file.file, line(file));
  for await (const { rows, ...begin } of pages) {
    yield lines(begin.table, line(begin) + rows.map(rowLine).join(""), rows.length);
    onRows(rows.length);
  }
  const end = digests.end();
  yield line({ end });
  return end;
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function rowLine(row: readonly SqlValue[]): string {
  return line(row.map((value) => (typeof value === "bigint" ? String(value) : value)));
}

/** Of a page's columns, which are money. */
export function readRow(values: readonly (string | number | null)[], columns: readonly string[]): SqlValue[] {
  return values.map((value, index) => (value !== null && columns[index]!.endsWith("_nano_usd") ? BigInt(value) : value));
}
