import { CompiledQuery, type Kysely } from "kysely";
import type { SqlValue, Store, Tables } from "../../store/index.ts";
import { modelOf, RollupSums, sumColumns } from "./rollup-sums.ts";
import { admitTags } from "./rollup-tags.ts";
import { addUnitSums, hasUnits } from "./rollup-units.ts";
import type { IngestStep } from "../entries/sink.ts";
import type { UsageRow } from "../entries/usage-row.ts";
import { readTags } from "../../core/index.ts";

/** The lengths of the spans that have sums, in milliseconds. Both begin at whole multiples since 1970, which are whole hours and days of UTC. */
export const spanMs = { hour: 3_600_000, day: 86_400_000 } as const;
export type Span = keyof typeof spanMs;

/** The columns that identify a row of sums, after `span` and `start_ms`. */
const groupColumns = {
  usage_sums: ["user_id", "key_id", "provider", "model", "dialect"],
  usage_tag_sums: ["tag", "user_id"],
} as const;
type SumTable = keyof typeof groupColumns;

/** The most rows per sum in code: more would not be exact (see `RollupSums`). */
const maxRows = 8192;

/** The step of ingestion that adds new rows to the sums of their hour and day, each group of a batch once. */
export function createRollupStep({ dialect }: Pick<Store, "dialect">): IngestStep {
  const texts: UpsertTexts = new Map();
  return async (transaction, newRows) => {
    for (let at = 0; at < newRows.length; at += maxRows) {
      const rows = newRows.length <= maxRows ? newRows : newRows.slice(at, at + maxRows);
      await addSums({ transaction, dialect, texts }, "usage_sums", sumByGroup(rows));
      const counting = rows.filter(hasUnits);
      if (counting.length > 0) await addUnitSums(transaction, dialect, counting);
      if (rows.some((row) => row.tags !== null))
        await addSums({ transaction, dialect, texts }, "usage_tag_sums", await sumByTag(transaction, rows));
    }
  };
}

/** A row of sums: the values of its key and the amounts to add. */
interface Group {
  readonly key: readonly SqlValue[];
  readonly sums: RollupSums;
}

class Groups {
  readonly #byKey = new Map<string, Group>();

  /** No name contains NUL (`storable`), so two groups never have the same key. @returns the groups that the row was added to. */
  add(row: UsageRow, names: readonly string[]): readonly [Group, Group] {
    const suffix = names.join("\0");
    return [this.#addTo("hour", row, names, suffix), this.#addTo("day", row, names, suffix)];
  }

  /** Always in the same order, so that two transactions cannot deadlock. */
  sorted(): readonly Group[] {
    return [...this.#byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  }

  #addTo(span: Span, row: UsageRow, names: readonly string[], suffix: string): Group {
    const startMs = row.time_ms - (row.time_ms % spanMs[span]);
    const text = `${span}\0${startMs}\0${suffix}`;
    let group = this.#byKey.get(text);
    if (group === undefined) {
      group = { key: [span, startMs, ...names], sums: new RollupSums() };
      this.#byKey.set(text, group);
    }
    group.sums.add(row);
    return group;
  }
}

function sumByGroup(rows: readonly UsageRow[]): readonly Group[] {
  const groups = new Groups();
  let last: UsageRow | undefined;
  let found: readonly Group[] = [];
  for (const row of rows) {
    // Often one key sends many requests one after the other: their group is found without a look-up.
    if (last !== undefined && isSameGroup(row, last)) for (const { sums } of found) sums.add(row);
    else found = groups.add(row, [row.user_id, row.key_id, row.provider, modelOf(row), row.dialect]);
    last = row;
  }
  return groups.sorted();
}

function isSameGroup(row: UsageRow, other: UsageRow): boolean {
  return (
    row.key_id === other.key_id &&
    row.user_id === other.user_id &&
    row.model_served === other.model_served &&
    row.model_asked === other.model_asked &&
    row.provider === other.provider &&
    row.dialect === other.dialect &&
    Math.floor(row.time_ms / spanMs.hour) === Math.floor(other.time_ms / spanMs.hour)
  );
}

async function sumByTag(transaction: Kysely<Tables>, rows: readonly UsageRow[]): Promise<readonly Group[]> {
  const tagged = rows.map((row) => ({ row, tags: readTags(row.tags) }));
  const nameOf = await admitTags(transaction, new Set(tagged.flatMap(({ tags }) => tags)));
  const groups = new Groups();
  for (const { row, tags } of tagged) {
    // Two tags without their own sums count once.
    for (const name of new Set(tags.map(nameOf))) groups.add(row, [name, row.user_id]);
  }
  return groups.sorted();
}

/** Groups per statement: more gain little. */
const groupsPerStatement = 16;

/** The statements of `addSums` by table and number of groups, each made once. */
type UpsertTexts = Map<string, string>;

interface SumWriter {
  readonly transaction: Kysely<Tables>;
  readonly dialect: Store["dialect"];
  readonly texts: UpsertTexts;
}

async function addSums({ transaction, dialect, texts }: SumWriter, table: SumTable, groups: readonly Group[]): Promise<void> {
  for (let at = 0; at < groups.length;) {
    // Only two sizes of statement, so that both stay prepared.
    const count = groups.length - at >= groupsPerStatement ? groupsPerStatement : 1;
    const values = groups.slice(at, at + count).flatMap(({ key, sums }) => [...key, ...sums.values]);
    const name = `${table} ${count}`;
    let text = texts.get(name);
    if (text === undefined) texts.set(name, (text = upsertText(dialect, table, count)));
    await transaction.executeQuery(CompiledQuery.raw(text, values));
    at += count;
  }
}

/** Written by hand: a query builder would take longer than the database. */
function upsertText(dialect: Store["dialect"], table: SumTable, rows: number): string {
  const key = ["span", "start_ms", ...groupColumns[table]];
  const columns = [...key, ...sumColumns];
  const place = (row: number, column: number): string => (dialect === "sqlite" ? "?" : `$${row * columns.length + column + 1}`);
  const values = Array.from({ length: rows }, (_, row) => `(${columns.map((_name, column) => place(row, column)).join(", ")})`).join(", ");
  const added = sumColumns.map((column) => `${column} = ${table}.${column} + excluded.${column}`).join(", ");
  return `insert into ${table} (${columns.join(", ")}) values ${values} on conflict (${key.join(", ")}) do update set ${added}`;
}
