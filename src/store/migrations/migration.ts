/** One step of the schema. A released step is never edited; a change is a new step. */
export interface Migration {
  /** Versions count from 1 without gaps. */
  readonly version: number;
  readonly name: string;
  /** The statements for SQLite, run in one transaction. */
  readonly sqlite: string;
  /** The statements for PostgreSQL. Whole numbers are `bigint`, so that `Store` returns the same values. */
  readonly postgresql: string;
}
