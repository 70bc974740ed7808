import type { Migration } from "./migration.ts";

/** Up to where the rows of each journal are in the database: where its reading goes on after a crash. */
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
