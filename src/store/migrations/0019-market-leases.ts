import type { Migration } from "./migration.ts";

/** When the clearing was last at work, so that deadlines count its uptime, and the leases that this node has bought and not closed yet. */
export const marketLeases: Migration = {
  version: 19,
  name: "uptime of the clearing, and leases that are bought",
  sqlite: `
create table market_uptime (
  name text primary key not null,
  seen_ms integer not null
) strict;
create table market_bought (
  lease text primary key not null,
  seller text not null,
  session text not null,
  opened_ms integer not null
) strict;
`,
  postgresql: `
create table market_uptime (
  name text primary key not null,
  seen_ms bigint not null
);
create table market_bought (
  lease text primary key not null,
  seller text not null,
  session text not null,
  opened_ms bigint not null
);
`,
};
