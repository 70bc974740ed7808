/** One step of the schema. Steps are never edited once released; a change is a new step. */
export interface Migration {
  /** Counts from 1 without gaps. */
  readonly version: number;
  readonly name: string;
  /** The statements for SQLite, run in one transaction. */
  readonly sqlite: string;
  /** The same for PostgreSQL: whole numbers are `bigint`, as `Store` gives them. */
  readonly postgresql: string;
}
