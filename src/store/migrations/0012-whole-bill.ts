import type { Migration } from "./migration.ts";

/** The new columns of entries, all `null` in rows that are there. */
const columns = [
  "stream integer",
  "stop_reason text",
  "overhead_us integer",
  "client_name text",
  "upstream_model text",
  "protocol text",
  "lane text",
  "refused integer",
  "tool_calls integer",
  "tool_calls_parsed integer",
  "tool_calls_fit integer",
  "attempt_reason text",
  "region text",
  "service_class text",
  "units text",
  "cost_lines text",
  "error_text text",
  "cache_savings_nano_usd integer",
  "from_cache integer",
];

const addColumns = columns.map((column) => `alter table usage_entries add column ${column};`).join("\n");

/**
 * What vendors bill beside plain tokens, and what reports need of an answer beside its usage; sums of the former by unit. A unit that is counted rarely
 * costs no column: rows have them as JSON, sums as rows of their own.
 */
export const wholeBill: Migration = {
  version: 12,
  name: "the whole bill",
  sqlite: `
${addColumns}

create table usage_unit_sums (
  span text not null check (span in ('hour', 'day')),
  start_ms integer not null,
  user_id text not null,
  key_id text not null,
  provider text not null,
  model text not null,
  dialect text not null,
  unit text not null,
  count integer not null,
  primary key (span, start_ms, user_id, key_id, provider, model, dialect, unit)
) strict, without rowid;
`,
  postgresql: `
${addColumns.replaceAll(" integer;", " bigint;")}

create table usage_unit_sums (
  span text not null,
  start_ms bigint not null,
  user_id text not null,
  key_id text not null,
  provider text not null,
  model text not null,
  dialect text not null,
  unit text not null,
  count bigint not null,
  primary key (span, start_ms, user_id, key_id, provider, model, dialect, unit)
) partition by list (span);
create table usage_unit_sums_of_days partition of usage_unit_sums for values in ('day');
create table usage_unit_sums_of_hours partition of usage_unit_sums for values in ('hour');
`,
};
