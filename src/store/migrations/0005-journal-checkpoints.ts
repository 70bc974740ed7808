import type { Migration } from "./migration.ts";

/** The last row of each journal that is in the database. Reading continues after it when a process has crashed. */
export const journalCheckpoints: Migration = {
  version: 5,
  name: "journal checkpoints",
  sqlite: `
create table journal_checkpoints (
  journal text primary key not null,
  seq integer not null,
  time_ms integer not null
) strict;
`,
  postgresql: `
create table journal_checkpoints (
  journal text primary key,
  seq bigint not null,
  time_ms bigint not null
);
`,
};
