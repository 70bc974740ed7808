import type { Migration } from "./migration.ts";

const hours = (integer: string): string => `
create table performance_hours (
  start_ms ${integer} not null,
  provider text not null,
  model text not null,
  region text not null,
  counts text not null,
  primary key (start_ms, provider, model, region)
)`;

const changes = (integer: string): string => `
create table performance_changes (
  id text primary key not null,
  found_ms ${integer} not null,
  since_ms ${integer} not null,
  provider text not null,
  model text not null,
  region text not null,
  measure text not null,
  name text not null,
  change text not null
)`;

/** What models did in each hour, and the changes that were found. */
export const performance: Migration = {
  version: 20,
  name: "the performance of models",
  sqlite: `${hours("integer")} strict, without rowid;\n${changes("integer")} strict;`,
  postgresql: `${hours("bigint")};\n${changes("bigint")};`,
};
