import type { Migration } from "./migration.ts";

/**
 * Sums of usage entries by hour and by day, UTC, and separately by tag, for reports; the tags that have their own sums. The sums of entries that
 * exist already are computed here; none of these entries has a tag. Money is stored as whole dollars and the rest, as sums of 64-bit amounts need
 * more than 64 bits.
 */
export const usageRollups: Migration = {
  version: 6,
  name: "usage rollups",
  sqlite: `
create table usage_sums (
  span text not null check (span in ('hour', 'day')),
  start_ms integer not null,
  user_id text not null,
  key_id text not null,
  provider text not null,
  model text not null,
  dialect text not null,
  requests integer not null,
  attempts integer not null,
  errors integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  cache_read_tokens integer not null,
  cache_write_tokens integer not null,
  reasoning_tokens integer not null,
  whole_usd integer not null,
  rest_nano_usd integer not null,
  unpriced integer not null,
  primary key (span, start_ms, user_id, key_id, provider, model, dialect)
) strict, without rowid;

create table usage_tag_sums (
  span text not null check (span in ('hour', 'day')),
  start_ms integer not null,
  tag text not null,
  user_id text not null,
  requests integer not null,
  attempts integer not null,
  errors integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  cache_read_tokens integer not null,
  cache_write_tokens integer not null,
  reasoning_tokens integer not null,
  whole_usd integer not null,
  rest_nano_usd integer not null,
  unpriced integer not null,
  primary key (span, start_ms, tag, user_id)
) strict, without rowid;

create table usage_tags (
  tag text primary key not null
) strict, without rowid;

insert into usage_sums
select 'hour', time_ms - time_ms % 3600000, user_id, key_id, provider, case when model_served = '' then model_asked else model_served end, dialect,
  sum(case when attempt <= 1 then 1 else 0 end), count(*), sum(case when status in ('error', 'interrupted', 'refused') then 1 else 0 end),
  coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0),
  sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)), coalesce(sum(reasoning_tokens), 0),
  coalesce(sum(cost_nano_usd / 1000000000), 0), coalesce(sum(cost_nano_usd % 1000000000), 0), sum(case when cost_nano_usd is null then 1 else 0 end)
from usage_entries group by 1, 2, 3, 4, 5, 6, 7;
insert into usage_sums
select 'day', time_ms - time_ms % 86400000, user_id, key_id, provider, case when model_served = '' then model_asked else model_served end, dialect,
  sum(case when attempt <= 1 then 1 else 0 end), count(*), sum(case when status in ('error', 'interrupted', 'refused') then 1 else 0 end),
  coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0),
  sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)), coalesce(sum(reasoning_tokens), 0),
  coalesce(sum(cost_nano_usd / 1000000000), 0), coalesce(sum(cost_nano_usd % 1000000000), 0), sum(case when cost_nano_usd is null then 1 else 0 end)
from usage_entries group by 1, 2, 3, 4, 5, 6, 7;
`,
  postgresql: `
create table usage_sums (
  span text not null,
  start_ms bigint not null,
  user_id text not null,
  key_id text not null,
  provider text not null,
  model text not null,
  dialect text not null,
  requests bigint not null,
  attempts bigint not null,
  errors bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  reasoning_tokens bigint not null,
  whole_usd bigint not null,
  rest_nano_usd bigint not null,
  unpriced bigint not null,
  primary key (span, start_ms, user_id, key_id, provider, model, dialect)
) partition by list (span);
-- Days and hours lie apart: a report of a month by days would else read all hours, as the planner finds the days all over one table.
create table usage_sums_of_days partition of usage_sums for values in ('day');
create table usage_sums_of_hours partition of usage_sums for values in ('hour');

create table usage_tag_sums (
  span text not null,
  start_ms bigint not null,
  tag text not null,
  user_id text not null,
  requests bigint not null,
  attempts bigint not null,
  errors bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  reasoning_tokens bigint not null,
  whole_usd bigint not null,
  rest_nano_usd bigint not null,
  unpriced bigint not null,
  primary key (span, start_ms, tag, user_id)
) partition by list (span);
create table usage_tag_sums_of_days partition of usage_tag_sums for values in ('day');
create table usage_tag_sums_of_hours partition of usage_tag_sums for values in ('hour');

create table usage_tags (
  tag text primary key
);

insert into usage_sums
select 'hour', time_ms - time_ms % 3600000, user_id, key_id, provider, case when model_served = '' then model_asked else model_served end, dialect,
  sum(case when attempt <= 1 then 1 else 0 end), count(*), sum(case when status in ('error', 'interrupted', 'refused') then 1 else 0 end),
  coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0),
  sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)), coalesce(sum(reasoning_tokens), 0),
  coalesce(sum(cost_nano_usd / 1000000000), 0), coalesce(sum(cost_nano_usd % 1000000000), 0), sum(case when cost_nano_usd is null then 1 else 0 end)
from usage_entries group by 1, 2, 3, 4, 5, 6, 7;
insert into usage_sums
select 'day', time_ms - time_ms % 86400000, user_id, key_id, provider, case when model_served = '' then model_asked else model_served end, dialect,
  sum(case when attempt <= 1 then 1 else 0 end), count(*), sum(case when status in ('error', 'interrupted', 'refused') then 1 else 0 end),
  coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0),
  sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)), coalesce(sum(reasoning_tokens), 0),
  coalesce(sum(cost_nano_usd / 1000000000), 0), coalesce(sum(cost_nano_usd % 1000000000), 0), sum(case when cost_nano_usd is null then 1 else 0 end)
from usage_entries group by 1, 2, 3, 4, 5, 6, 7;
`,
};
