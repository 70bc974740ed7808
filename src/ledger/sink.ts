import type { Store } from "../store/index.ts";
import { rowValues, usageColumns, type UsageRow } from "./usage-row.ts";

/** Where rows go in the end. */
export interface LedgerSink {
  /**
   * Resolves when all rows are in the database. A row whose (request_id, attempt) is there already is skipped, so that a batch may be sent again.
   * After a rejection any of the rows may or may not be there.
   */
  write(rows: readonly UsageRow[]): Promise<void>;
}

/** Writes to the database, one transaction a batch. */
export function createStoreSink(store: Pick<Store, "insertRows">): LedgerSink {
  return {
    async write(rows) {
      await store.insertRows("usage_entries", usageColumns, rows.map(rowValues));
    },
  };
}
