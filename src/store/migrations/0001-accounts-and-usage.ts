import type { Migration } from "./migration.ts";

/**
 * Users, keys, usage entries, owners of stored responses. All tables are STRICT, so that a wrong type is an error and a whole number is stored as an
 * integer. `usage_entries` has no checks on its words, as SQLite cannot change a check without copying the table. It has no foreign keys, as the
 * ledger records what happened even if the user has been deleted since.
 *
 * On PostgreSQL `usage_entries` has one partition per month, UTC. `usage_entries_make_month` makes it before a row of that month is inserted, or when
 * one comes. A primary key there must include the column of the partitions; an attempt's time never changes, so the key is as unique as without it.
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
  postgresql: `
create table users (
  id text primary key,
  username text not null,
  email text,
  role text not null check (role in ('admin', 'user')),
  created_ms bigint not null
);
create unique index users_by_username on users (lower(username));

create table api_keys (
  id text primary key,
  user_id text not null references users (id),
  name text,
  role text not null check (role in ('admin', 'user')),
  hash text not null unique,
  prefix text not null,
  created_ms bigint not null,
  revoked_ms bigint
);
create index api_keys_by_user on api_keys (user_id);

create table usage_entries (
  request_id text not null,
  attempt bigint not null,
  time_ms bigint not null,
  duration_ms bigint not null,
  ttft_ms bigint,
  user_id text not null,
  key_id text not null,
  dialect text not null,
  provider text not null,
  model_asked text not null,
  model_served text not null,
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_write_5m_tokens bigint,
  cache_write_1h_tokens bigint,
  reasoning_tokens bigint,
  direction text not null,
  status text not null,
  usage_source text not null,
  cost_nano_usd bigint,
  price_snapshot text,
  http_status bigint not null,
  error_code text,
  tags text,
  client_request_id text,
  primary key (request_id, attempt, time_ms)
) partition by range (time_ms);
create index usage_entries_by_time on usage_entries (time_ms);

create table retention (
  name text primary key,
  deletable_before_ms bigint not null default 0
);
insert into retention (name) values ('usage_entries');

create function usage_entries_refuse_update() returns trigger language plpgsql as $$
begin
  raise exception 'usage_entries is append-only: a row cannot be changed';
end $$;
create function usage_entries_refuse_delete() returns trigger language plpgsql as $$
begin
  if old.time_ms >= coalesce((select deletable_before_ms from retention where name = 'usage_entries'), 0) then
    raise exception 'usage_entries is append-only: a row above the retention mark cannot be deleted';
  end if;
  return old;
end $$;
create function usage_entries_refuse_truncate() returns trigger language plpgsql as $$
begin
  raise exception 'usage_entries is append-only: it cannot be truncated';
end $$;
create trigger usage_entries_refuse_update before update on usage_entries for each row execute function usage_entries_refuse_update();
create trigger usage_entries_refuse_delete before delete on usage_entries for each row execute function usage_entries_refuse_delete();
create trigger usage_entries_refuse_truncate before truncate on usage_entries for each statement execute function usage_entries_refuse_truncate();

-- Attached rather than made as a partition, as that would wait for every reader and writer of the table.
create function usage_entries_make_month(name text, start_ms bigint, end_ms bigint) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('tokligence usage_entries months'));
  -- Not by to_regclass, which may not know yet what another session committed while this one waited for the lock.
  if exists (select from pg_catalog.pg_tables where schemaname = current_schema() and tablename = name) then
    return;
  end if;
  execute format('create table %I (like usage_entries including defaults including constraints)', name);
  execute format('create trigger usage_entries_refuse_truncate before truncate on %I for each statement execute function usage_entries_refuse_truncate()', name);
  execute format('alter table usage_entries attach partition %I for values from (%s) to (%s)', name, start_ms, end_ms);
end $$;

create table stored_responses (
  id text primary key,
  user_id text not null,
  provider text not null,
  provider_key text not null,
  model text not null,
  created_ms bigint not null
);
create index stored_responses_by_time on stored_responses (created_ms);

create table revisions (
  name text primary key,
  value bigint not null default 0
);
insert into revisions (name) values ('accounts');
`,
};
