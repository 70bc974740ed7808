import type { Migration } from "./migration.ts";

const columns = `
alter table usage_entries add column firewall text;
alter table stored_responses add column placeholders text;
`;

/** What the firewall has found in a request and its answer; and, sealed, the originals of the placeholders of a response. */
export const firewall: Migration = {
  version: 25,
  name: "what the firewall has found",
  sqlite: columns,
  postgresql: columns,
};
