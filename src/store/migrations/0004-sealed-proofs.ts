import type { Migration } from "./migration.ts";

/**
 * The installation's own secrets, and sealed proofs of reasoning beside the ids of tool calls. `user_id` has no foreign key: with auth off the user
 * `local` has no row.
 */
export const sealedProofs: Migration = {
  version: 4,
  name: "sealed proofs of reasoning",
  sqlite: `
create table installation_keys (
  id integer primary key not null check (id between 1 and 16777215),
  secret text not null,
  created_ms integer not null
) strict;

create table kept_proofs (
  user_id text not null,
  call_key text not null,
  sealed text not null,
  created_ms integer not null,
  primary key (user_id, call_key)
) strict;
create index kept_proofs_by_time on kept_proofs (created_ms);
`,
  postgresql: `
create table installation_keys (
  id bigint primary key check (id between 1 and 16777215),
  secret text not null,
  created_ms bigint not null
);

create table kept_proofs (
  user_id text not null,
  call_key text not null,
  sealed text not null,
  created_ms bigint not null,
  primary key (user_id, call_key)
);
create index kept_proofs_by_time on kept_proofs (created_ms);
`,
};
