import type { Migration } from "./migration.ts";

/**
 * Tags that an admin binds to users and keys; the number of an entry's tags that were bound; budgets for tags, models and providers, with a time zone of their
 * own; the alerts that were raised. SQLite cannot change the checks of a table, so it makes the budgets anew, with the tables that refer to them.
 */
export const boundTags: Migration = {
  version: 13,
  name: "bound tags, budgets for tags, models and providers, alerts",
  sqlite: `
alter table users add column tags text;
alter table api_keys add column tags text;
alter table usage_entries add column bound_tags integer;

create table budgets_anew (
  id text primary key not null,
  subject text not null check (subject in ('user', 'key', 'tag', 'model', 'provider')),
  subject_id text not null,
  period text not null check (period in ('day', 'month', 'total')),
  warn_nano_usd integer,
  stop_nano_usd integer,
  created_ms integer not null,
  time_zone text,
  unique (subject, subject_id, period)
) strict;
insert into budgets_anew (id, subject, subject_id, period, warn_nano_usd, stop_nano_usd, created_ms)
  select id, subject, subject_id, period, warn_nano_usd, stop_nano_usd, created_ms from budgets;

create table budget_periods_anew (
  budget_id text not null references budgets_anew (id) on delete cascade,
  start_ms integer not null,
  spent_nano_usd integer not null default 0,
  held_nano_usd integer not null default 0,
  primary key (budget_id, start_ms)
) strict, without rowid;
insert into budget_periods_anew (budget_id, start_ms, spent_nano_usd, held_nano_usd)
  select budget_id, start_ms, spent_nano_usd, held_nano_usd from budget_periods;

create table budget_holds_anew (
  request_id text not null,
  budget_id text not null references budgets_anew (id) on delete cascade,
  start_ms integer not null,
  amount_nano_usd integer not null,
  expires_ms integer not null,
  primary key (request_id, budget_id)
) strict, without rowid;
insert into budget_holds_anew (request_id, budget_id, start_ms, amount_nano_usd, expires_ms)
  select request_id, budget_id, start_ms, amount_nano_usd, expires_ms from budget_holds;

drop table budget_holds;
drop table budget_periods;
drop table budgets;
alter table budgets_anew rename to budgets;
alter table budget_periods_anew rename to budget_periods;
alter table budget_holds_anew rename to budget_holds;
create index budget_holds_by_budget on budget_holds (budget_id, expires_ms);

create table alerts_raised (
  name text primary key not null,
  raised_ms integer not null
) strict, without rowid;
`,
  postgresql: `
alter table users add column tags text;
alter table api_keys add column tags text;
alter table usage_entries add column bound_tags bigint;

alter table budgets drop constraint budgets_subject_check;
alter table budgets add constraint budgets_subject_check check (subject in ('user', 'key', 'tag', 'model', 'provider'));
alter table budgets drop constraint budgets_subject_id_period_key;
alter table budgets add constraint budgets_subject_period_key unique (subject, subject_id, period);
alter table budgets add column time_zone text;

create table alerts_raised (
  name text primary key,
  raised_ms bigint not null
);
`,
};
