import type { Migration } from "./migration.ts";

/**
 * Users, keys, usage entries, owners of stored responses. All tables are STRICT, so that a wrong type is an error and a whole number is stored as
 * an integer. `usage_entries` has no checks on its words, as SQLite cannot change a check without copying the table, and no foreign keys, as the
 * ledger takes in what happened, whatever became of the user since.
 */
export const accountsAndUsage: Migration = {
  version: 1,
  name: "accounts and usage",
  sqlite: `
create table users (
  id text primary key not null,
  username text not null,
  email text,
  role text not null check (role in ('admin', 'user')),
  created_ms integer not null
) strict;
create unique index users_by_username on users (lower(username));

create table api_keys (
  id text primary key not null,
  user_id text not null references users (id),
  name text,
  role text not null check (role in ('admin', 'user')),
  hash text not null unique,
  prefix text not null,
  created_ms integer not null,
  revoked_ms integer
) strict;
create index api_keys_by_user on api_keys (user_id);

create table usage_entries (
  request_id text not null,
  attempt integer not null,
  time_ms integer not null,
  duration_ms integer not null,
  ttft_ms integer,
  user_id text not null,
  key_id text not null,
  dialect text not null,
  provider text not null,
  model_asked text not null,
  model_served text not null,
  input_tokens integer,
  output_tokens integer,
  cache_read_tokens integer,
  cache_write_5m_tokens integer,
  cache_write_1h_tokens integer,
  reasoning_tokens integer,
  direction text not null,
  status text not null,
  usage_source text not null,
  cost_nano_usd integer,
  price_snapshot text,
  http_status integer not null,
  error_code text,
  tags text,
  client_request_id text,
  primary key (request_id, attempt)
) strict;
-- Entries come in order of time, so that this index only grows at its end; one by user or by key would double what an entry costs.
create index usage_entries_by_time on usage_entries (time_ms);

create table retention (
  name text primary key not null,
  deletable_before_ms integer not null default 0
) strict;
insert into retention (name) values ('usage_entries');

create trigger usage_entries_refuse_update before update on usage_entries
begin
  select raise(abort, 'usage_entries is append-only: a row cannot be changed');
end;
create trigger usage_entries_refuse_delete before delete on usage_entries
when old.time_ms >= coalesce((select deletable_before_ms from retention where name = 'usage_entries'), 0)
begin
  select raise(abort, 'usage_entries is append-only: a row above the retention mark cannot be deleted');
end;

create table stored_responses (
  id text primary key not null,
  user_id text not null,
  provider text not null,
  provider_key text not null,
  model text not null,
  created_ms integer not null
) strict;
create index stored_responses_by_time on stored_responses (created_ms);

create table revisions (
  name text primary key not null,
  value integer not null default 0
) strict;
insert into revisions (name) values ('accounts');
`,
};
