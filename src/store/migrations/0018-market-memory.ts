import type { Migration } from "./migration.ts";

/**
 * What a node remembers of others: the last statement of each clearing that it has verified, with both documents if one contradicts it, and the nodes
 * from which it buys nothing for a while. And whether requests of a key may go to other gateways.
 */
export const marketMemory: Migration = {
  version: 18,
  name: "what a node of the market remembers of others",
  sqlite: `
create table market_statements (
  clearing text primary key not null,
  seq integer not null,
  head text not null,
  balance_nano_usd integer not null,
  at_ms integer not null,
  statement text not null,
  problem text,
  other_statement text,
  other_entries text
) strict;
create table market_avoided (
  node text primary key not null,
  until_ms integer not null,
  reason text not null
) strict;
alter table api_keys add column market text;
`,
  postgresql: `
create table market_statements (
  clearing text primary key not null,
  seq bigint not null,
  head text not null,
  balance_nano_usd bigint not null,
  at_ms bigint not null,
  statement text not null,
  problem text,
  other_statement text,
  other_entries text
);
create table market_avoided (
  node text primary key not null,
  until_ms bigint not null,
  reason text not null
);
alter table api_keys add column market text;
`,
};
