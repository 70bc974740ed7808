import type { Migration } from "./migration.ts";

/**
 * Indexes in the order of a page of entries, so that its cost does not grow with the table: of all entries, of those of a key, and of those that did not
 * succeed, which are few. Entries come in the order of time, so the first and the last grow at their end. The new one by time replaces the old one.
 */
const indexes = `
drop index usage_entries_by_time;
create index usage_entries_by_time on usage_entries (time_ms, request_id, attempt);
create index usage_entries_by_key on usage_entries (key_id, time_ms, request_id, attempt);
create index usage_entries_failed on usage_entries (status, time_ms, request_id, attempt) where status <> 'ok';
`;

export const usageIndexes: Migration = { version: 10, name: "indexes of usage entries", sqlite: indexes, postgresql: indexes };
