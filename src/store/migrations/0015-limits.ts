import type { Migration } from "./migration.ts";

/**
 * Limits on requests; on PostgreSQL also their state, where gateways share it there: until when each bucket is filling up, the slots of each process, and the
 * processes. The state is worth nothing after a crash, so it is not written to the log (`unlogged`).
 */
export const limits: Migration = {
  version: 15,
  name: "limits on requests",
  sqlite: `
create table limits (
  subject text not null check (subject in ('user', 'key', 'tag', 'model', 'provider')),
  subject_id text not null,
  requests_per_minute integer,
  tokens_per_minute integer,
  requests_per_day integer,
  tokens_per_day integer,
  concurrent integer,
  created_ms integer not null,
  primary key (subject, subject_id)
) strict, without rowid;

create table limit_levels (
  name text primary key not null,
  full_at_us integer not null
) strict, without rowid;

create table limit_slots (
  name text not null,
  node text not null,
  count integer not null,
  until_ms integer not null,
  primary key (name, node)
) strict, without rowid;
`,
  postgresql: `
create table limits (
  subject text not null check (subject in ('user', 'key', 'tag', 'model', 'provider')),
  subject_id text not null,
  requests_per_minute bigint,
  tokens_per_minute bigint,
  requests_per_day bigint,
  tokens_per_day bigint,
  concurrent bigint,
  created_ms bigint not null,
  primary key (subject, subject_id)
);

create unlogged table limit_levels (
  name text primary key,
  full_at_us bigint not null
);

create unlogged table limit_slots (
  name text not null,
  node text not null,
  count bigint not null,
  until_ms bigint not null,
  primary key (name, node)
);
`,
};
