import { copiedTables, keyOf, type TableName } from "./copy-store.ts";
import type { DumpRow, DumpSource } from "./dump-source.ts";
import { migrations } from "./migrations/index.ts";
import { newerSchema, StoreError } from "./store-error.ts";
import type { SqlValue } from "./types.ts";

/** A part of a dump: the rows of one table, or of the usage entries those that are in the audit trail already, and those that are not. */
export interface DumpSection {
  readonly table: TableName;
  /** Of usage entries: whether the audit trail has them. */
  readonly sealed?: boolean;
}

export interface DumpPage extends DumpSection {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
}

/** Tables whose rows are secrets of the installation: the keys that seal proofs of reasoning, and the keys of the node on the market. */
export const secretTables: readonly TableName[] = ["installation_keys", "market_keys"];

export interface Dump {
  readonly schemaVersion: number;
  /** All pages of all sections, in the order in which `loadDump` takes them. A section without rows has no page. */
  pages(): AsyncGenerator<DumpPage>;
}

/** Rows of these tables may have megabytes. */
const smallPages: ReadonlySet<string> = new Set(["stored_responses", "entry_bodies", "audit_batches", "performance_hours"]);
const pageRows = 1000;
const smallPageRows = 20;

/** Earlier schemas have no audit trail. */
const oldestVersion = 17;

/** The version of the schema; 0: this program has no tables there. */
export async function readDumpVersion(source: DumpSource): Promise<number> {
  if (!(await readTableNames(source)).has("schema_migrations")) return 0;
  const [row] = await source.query("select coalesce(max(version), 0) as version from schema_migrations");
  return Number(row?.["version"]);
}

export async function readTableNames(source: DumpSource): Promise<ReadonlySet<string>> {
  const rows = await source.query(
    source.dialect === "sqlite"
      ? "select name from sqlite_schema where type = 'table'"
      : "select tablename as name from pg_catalog.pg_tables where schemaname = any (current_schemas(false))",
  );
  return new Set(rows.map(({ name }) => String(name)));
}

/** The newest schema that this program knows. */
export const newestSchema: number = migrations.at(-1)!.version;

/** Whether a database has anything that a gateway has written. */
export async function hasData(source: DumpSource): Promise<boolean> {
  const there = await readTableNames(source);
  for (const table of ["users", "usage_entries", "budgets", "stored_responses", "audit_entries", "market_nodes"]) {
    if (there.has(table) && (await source.query(`select 1 as found from ${table} limit 1`)).length > 0) return true;
  }
  return false;
}

/**
 * Reads a database whole, as it is at the moment of this call. The schema may be one of an earlier version.
 * @throws StoreError if it has none of this program, or one that is too old or too new.
 */
export async function dumpStore(source: DumpSource, { withSecrets }: { readonly withSecrets: boolean }): Promise<Dump> {
  await source.freeze();
  const schemaVersion = await readDumpVersion(source);
  checkVersion(schemaVersion);
  const there = await readTableNames(source);
  const tables = copiedTables.filter((table) => there.has(table) && (withSecrets || !secretTables.includes(table)));
  const parts = tables.flatMap((table): (DumpSection & { readonly sql: string })[] => {
    if (table !== "usage_entries") return [{ table, sql: `select * from ${table} order by ${keyOf(table).join(", ")}` }];
    const { sealed, unsealed } = usageQueries[source.dialect];
    return [
      { table, sealed: true, sql: sealed },
      { table, sealed: false, sql: unsealed },
    ];
  });
  return {
    schemaVersion,
    async *pages() {
      for (const { sql, ...section } of parts) {
        for await (const rows of source.pages(sql, smallPages.has(section.table) ? smallPageRows : pageRows)) yield pageOf(section, rows);
      }
    },
  };
}

function checkVersion(version: number): void {
  if (version === 0)
    throw new StoreError("missing", "The database is empty: there is nothing to back up. Check --config and database.path.");
  if (version > newestSchema) throw newerSchema("to back up", version, newestSchema);
  if (version >= oldestVersion) return;
  throw new StoreError(
    "unwritable",
    `The database has schema version ${version}, which is too old to be backed up. First run: tokligence db migrate`,
  );
}

/** Usage entries enter the audit trail in this order: see `audit/seal-usage.ts`. */
const sealedUpTo = "coalesce((select value from audit_state where name = 'usage'), 0)";
const usageQueries = {
  sqlite: {
    sealed: `select * from usage_entries where rowid <= ${sealedUpTo} order by rowid`,
    unsealed: `select * from usage_entries where rowid > ${sealedUpTo} order by rowid`,
  },
  postgresql: {
    sealed:
      "select * from usage_entries u where not exists (select 1 from audit_pending p where p.request_id = u.request_id and p.attempt = u.attempt)",
    unsealed: "select u.* from audit_pending p join usage_entries u on u.request_id = p.request_id and u.attempt = p.attempt order by p.id",
  },
} as const;

function pageOf(section: DumpSection, rows: readonly DumpRow[]): DumpPage {
  const columns = Object.keys(rows[0]!);
  return { ...section, columns, rows: rows.map((row) => columns.map((column) => row[column]!)) };
}
