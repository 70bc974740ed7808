import type { Migration } from "./migration.ts";

const columns = (integer: string): string => `
create table audit_entries (
  seq ${integer} primary key not null,
  time_ms ${integer} not null,
  kind text not null,
  action text not null,
  subject text not null,
  actor text not null,
  key_id text not null,
  address text not null,
  channel text not null,
  outcome text not null,
  before text not null,
  after text not null,
  details text not null,
  hash text not null
)`;

const checkpoints = (integer: string): string => `
create table audit_checkpoints (
  number ${integer} primary key not null,
  seq ${integer} not null,
  time_ms ${integer} not null,
  head text not null,
  public_key text not null,
  signature text not null
)`;

const refusal = (table: string): string => `
create trigger ${table}_refuse_update before update on ${table} begin select raise(abort, '${table} is append-only'); end;
create trigger ${table}_refuse_delete before delete on ${table} begin select raise(abort, '${table} is append-only'); end;`;

/**
 * The audit trail: a chain of hashes, signatures on it, and the usage entries of each batch. Usage entries enter it in the order in which they were written: in SQLite by
 * `rowid`; PostgreSQL has no such order, so a trigger notes them. Entries from before are not in the trail.
 */
export const audit: Migration = {
  version: 17,
  name: "the audit trail",
  sqlite: `
${columns("integer")} strict;
${checkpoints("integer")} strict;
create table audit_batches (seq integer primary key not null, members text not null) strict;
create table audit_pending (id integer primary key not null, request_id text not null, attempt integer not null) strict;
create table audit_state (name text primary key not null, value integer not null default 0) strict;
insert into audit_state (name, value) select 'usage', coalesce(max(rowid), 0) from usage_entries;
${refusal("audit_entries")}
${refusal("audit_checkpoints")}
${refusal("audit_batches")}
`,
  postgresql: `
${columns("bigint")};
${checkpoints("bigint")};
create table audit_batches (seq bigint primary key, members text not null);
create table audit_pending (id bigint generated always as identity primary key, request_id text not null, attempt bigint not null);
create table audit_state (name text primary key, value bigint not null default 0);
create function audit_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name;
end $$;
create trigger audit_entries_refuse before update or delete on audit_entries for each row execute function audit_refuse_change();
create trigger audit_entries_refuse_truncate before truncate on audit_entries for each statement execute function audit_refuse_change();
create trigger audit_checkpoints_refuse before update or delete on audit_checkpoints for each row execute function audit_refuse_change();
create trigger audit_checkpoints_refuse_truncate before truncate on audit_checkpoints for each statement execute function audit_refuse_change();
create trigger audit_batches_refuse before update or delete on audit_batches for each row execute function audit_refuse_change();
create trigger audit_batches_refuse_truncate before truncate on audit_batches for each statement execute function audit_refuse_change();
create function audit_note_usage() returns trigger language plpgsql as $$
begin
  insert into audit_pending (request_id, attempt) select request_id, attempt from added;
  return null;
end $$;
create trigger usage_entries_note_audit after insert on usage_entries referencing new table as added
  for each statement execute function audit_note_usage();
`,
};
