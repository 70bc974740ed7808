import type { Migration } from "./migration.ts";

/**
 * The indexes of 10 without the ids. A page of entries is read in the order of their times all the same, and only entries of one millisecond are sorted. An
 * entry costs less: with many keys nearly every entry changes a page of the index by key, and twice as many entries fit into a page.
 */
const indexes = `
drop index usage_entries_by_time;
drop index usage_entries_by_key;
drop index usage_entries_failed;
create index usage_entries_by_time on usage_entries (time_ms);
create index usage_entries_by_key on usage_entries (key_id, time_ms);
create index usage_entries_failed on usage_entries (status, time_ms) where status <> 'ok';
`;

export const smallerUsageIndexes: Migration = {
  version: 11,
  name: "smaller indexes of usage entries",
  sqlite: indexes,
  postgresql: indexes,
};
