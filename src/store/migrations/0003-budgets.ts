import type { Migration } from "./migration.ts";

/**
 * Budgets; what has been spent and is reserved in each of their periods; the reservations of active requests; the limits of keys. `subject_id` and
 * `request_id` have no foreign keys: with auth off the user `local` has no row, and an active request has no row yet. A budget's reservations are
 * deleted with it.
 */
export const budgets: Migration = {
  version: 3,
  name: "budgets and limits of keys",
  sqlite: `
create table budgets (
  id text primary key not null,
  subject text not null check (subject in ('user', 'key')),
  subject_id text not null,
  period text not null check (period in ('day', 'month', 'total')),
  warn_nano_usd integer,
  stop_nano_usd integer,
  created_ms integer not null,
  unique (subject_id, period)
) strict;

create table budget_periods (
  budget_id text not null references budgets (id) on delete cascade,
  start_ms integer not null,
  spent_nano_usd integer not null default 0,
  held_nano_usd integer not null default 0,
  primary key (budget_id, start_ms)
) strict, without rowid;

create table budget_holds (
  request_id text not null,
  budget_id text not null references budgets (id) on delete cascade,
  start_ms integer not null,
  amount_nano_usd integer not null,
  expires_ms integer not null,
  primary key (request_id, budget_id)
) strict, without rowid;
create index budget_holds_by_budget on budget_holds (budget_id, expires_ms);

alter table api_keys add column expires_ms integer;
alter table api_keys add column models text;
`,
  postgresql: `
create table budgets (
  id text primary key,
  subject text not null check (subject in ('user', 'key')),
  subject_id text not null,
  period text not null check (period in ('day', 'month', 'total')),
  warn_nano_usd bigint,
  stop_nano_usd bigint,
  created_ms bigint not null,
  unique (subject_id, period)
);

create table budget_periods (
  budget_id text not null references budgets (id) on delete cascade,
  start_ms bigint not null,
  spent_nano_usd bigint not null default 0,
  held_nano_usd bigint not null default 0,
  primary key (budget_id, start_ms)
);

create table budget_holds (
  request_id text not null,
  budget_id text not null references budgets (id) on delete cascade,
  start_ms bigint not null,
  amount_nano_usd bigint not null,
  expires_ms bigint not null,
  primary key (request_id, budget_id)
);
create index budget_holds_by_budget on budget_holds (budget_id, expires_ms);

alter table api_keys add column expires_ms bigint, add column models text;
`,
};
