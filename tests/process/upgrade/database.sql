CREATE TABLE schema_migrations (version integer primary key, name text not null, applied_ms integer not null) strict;
CREATE TABLE users (
  id text primary key not null,
  username text not null,
  email text,
  role text not null check (role in ('admin', 'user')),
  created_ms integer not null
, disabled_ms integer, tags text) strict;
CREATE TABLE api_keys (
  id text primary key not null,
  user_id text not null references users (id),
  name text,
  role text not null check (role in ('admin', 'user')),
  hash text not null unique,
  prefix text not null,
  created_ms integer not null,
  revoked_ms integer
, expires_ms integer, models text, parent_id text, tags text, cache integer) strict;
CREATE TABLE usage_entries (
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
  client_request_id text, stream integer, stop_reason text, overhead_us integer, client_name text, upstream_model text, protocol text, lane text, refused integer, tool_calls integer, tool_calls_parsed integer, tool_calls_fit integer, attempt_reason text, region text, service_class text, units text, cost_lines text, error_text text, cache_savings_nano_usd integer, from_cache integer, bound_tags integer,
  primary key (request_id, attempt)
) strict;
CREATE TABLE retention (
  name text primary key not null,
  deletable_before_ms integer not null default 0
) strict;
CREATE TABLE stored_responses (
  id text primary key not null,
  user_id text not null,
  provider text not null,
  provider_key text not null,
  model text not null,
  created_ms integer not null
, unbilled integer not null default 0, status text, background integer not null default 0, previous_id text, touched_ms integer, size_chars integer, input text, response text) strict;
CREATE TABLE revisions (
  name text primary key not null,
  value integer not null default 0
) strict;
CREATE TABLE installation_keys (
  id integer primary key not null check (id between 1 and 16777215),
  secret text not null,
  created_ms integer not null
) strict;
CREATE TABLE kept_proofs (
  user_id text not null,
  call_key text not null,
  sealed text not null,
  created_ms integer not null,
  primary key (user_id, call_key)
) strict;
CREATE TABLE journal_checkpoints (
  journal text primary key not null,
  seq integer not null,
  time_ms integer not null
) strict;
CREATE TABLE usage_sums (
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
CREATE TABLE usage_tag_sums (
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
CREATE TABLE usage_tags (
  tag text primary key not null
) strict, without rowid;
CREATE TABLE entry_bodies (
  request_id text not null,
  attempt integer not null,
  time_ms integer not null,
  request text not null,
  request_truncated integer not null check (request_truncated in (0, 1)),
  answer text,
  answer_truncated integer not null check (answer_truncated in (0, 1)),
  primary key (request_id, attempt)
) strict;
CREATE TABLE usage_unit_sums (
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
CREATE TABLE "budgets" (
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
CREATE TABLE "budget_periods" (
  budget_id text not null references "budgets" (id) on delete cascade,
  start_ms integer not null,
  spent_nano_usd integer not null default 0,
  held_nano_usd integer not null default 0,
  primary key (budget_id, start_ms)
) strict, without rowid;
CREATE TABLE "budget_holds" (
  request_id text not null,
  budget_id text not null references "budgets" (id) on delete cascade,
  start_ms integer not null,
  amount_nano_usd integer not null,
  expires_ms integer not null,
  primary key (request_id, budget_id)
) strict, without rowid;
CREATE TABLE alerts_raised (
  name text primary key not null,
  raised_ms integer not null
) strict, without rowid;
CREATE TABLE market_keys (
  kid text primary key not null,
  kind text not null check (kind in ('node', 'seal')),
  secret text not null,
  created_ms integer not null,
  until_ms integer
) strict;
CREATE TABLE market_nodes (
  node text primary key not null,
  name text not null unique,
  url text,
  document text not null,
  limit_nano_usd integer not null,
  blocked integer not null default 0,
  joined_ms integer not null
) strict;
CREATE TABLE market_invites (
  id text primary key not null,
  limit_nano_usd integer not null,
  created_ms integer not null,
  until_ms integer not null,
  used_by text
) strict;
CREATE TABLE market_shares (
  model text primary key not null,
  offer text not null,
  provider text not null,
  upstream_model text not null,
  terms text not null,
  created_ms integer not null
) strict;
CREATE TABLE market_accounts (
  owner text primary key not null,
  balance_nano_usd integer not null,
  held_nano_usd integer not null,
  seq integer not null,
  head text not null
) strict;
CREATE TABLE market_leases (
  id text primary key not null,
  buyer text not null,
  seller text not null,
  model text not null,
  hold_nano_usd integer not null,
  fee_ppm integer not null,
  state text not null check (state in ('open', 'window', 'settled', 'split', 'void')),
  deadline_ms integer not null,
  charged_nano_usd integer not null,
  paid_nano_usd integer not null,
  contested_nano_usd integer not null,
  refunded_nano_usd integer not null,
  legs integer not null,
  opened_ms integer not null,
  document text not null,
  best_order text,
  last_receipt text
) strict;
CREATE TABLE market_transfers (
  key text not null,
  leg integer not null,
  kind text not null,
  at_ms integer not null,
  amount_nano_usd integer not null,
  debit text not null,
  debit_seq integer not null,
  debit_balance_nano_usd integer not null,
  credit text not null,
  credit_seq integer not null,
  credit_balance_nano_usd integer not null,
  primary key (key, leg)
) strict;
CREATE TABLE market_sales (
  lease text not null,
  seq integer not null,
  request_id text not null,
  cost_nano_usd integer not null,
  at_ms integer not null,
  receipt text not null,
  order_text text not null,
  primary key (lease, seq)
) strict;
CREATE TABLE market_trades (
  lease text not null,
  seq integer not null,
  request_id text not null,
  clearing text not null,
  seller text not null,
  model text not null,
  cost_nano_usd integer not null,
  state text not null check (state in ('acked', 'refused')),
  at_ms integer not null,
  receipt text not null,
  primary key (lease, seq)
) strict;
CREATE TABLE limits (
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
CREATE TABLE limit_levels (
  name text primary key not null,
  full_at_us integer not null
) strict, without rowid;
CREATE TABLE limit_slots (
  name text not null,
  node text not null,
  count integer not null,
  until_ms integer not null,
  primary key (name, node)
) strict, without rowid;
insert into "schema_migrations" values (1, 'accounts and usage', 1795946913276);
insert into "schema_migrations" values (2, 'held responses', 1795946913293);
insert into "schema_migrations" values (3, 'budgets and limits of keys', 1795946913298);
insert into "schema_migrations" values (4, 'sealed proofs of reasoning', 1795946913298);
insert into "schema_migrations" values (5, 'journal checkpoints', 1795946913299);
insert into "schema_migrations" values (6, 'usage rollups', 1795946913299);
insert into "schema_migrations" values (7, 'entry bodies', 1795946913299);
insert into "schema_migrations" values (8, 'parents of keys', 1795946913300);
insert into "schema_migrations" values (9, 'disabled users', 1795946913300);
insert into "schema_migrations" values (10, 'indexes of usage entries', 1795946913300);
insert into "schema_migrations" values (11, 'smaller indexes of usage entries', 1795946913300);
insert into "schema_migrations" values (12, 'the whole bill', 1795946913319);
insert into "schema_migrations" values (13, 'bound tags, budgets for tags, models and providers, alerts', 1795946913330);
insert into "schema_migrations" values (14, 'the market', 1795946913331);
insert into "schema_migrations" values (15, 'limits on requests', 1795946913331);
insert into "schema_migrations" values (16, 'keys that use the response cache', 1795946913331);
insert into "users" values ('usr_01a226c7-1e8b-7000-a754-f5f7e4d8011d', 'admin', null, 'admin', 1795946913419, null, null);
insert into "users" values ('usr_01a226c7-4bc0-7000-a754-f5f7e4d80122', 'alice', 'alice@example.com', 'user', 1795946924992, null, null);
insert into "api_keys" values ('key_01a226c7-1e8e-7000-a754-f5f7e4d8011e', 'usr_01a226c7-1e8b-7000-a754-f5f7e4d8011d', 'first key', 'admin', '5695a440fbc5139205e1d666f061b866dd66d1afee230b13c1d8300089fce696', 'tok_uS4w', 1795946913422, null, null, null, null, null, null);
insert into "api_keys" values ('key_01a226c7-8743-7000-a754-f5f7e4d80125', 'usr_01a226c7-4bc0-7000-a754-f5f7e4d80122', 'laptop', 'user', 'd9246fea1ce5492a21e54acb7ff650c6dee14b6e2771d2617dc5f662a8be6ed3', 'tok_HglG', 1795946940229, null, null, null, null, null, null);
insert into "usage_entries" values ('req_01a226c7-8cda-7000-a754-f5f7e4d80126', 1, 1795946941672, 36, 36, 'usr_01a226c7-4bc0-7000-a754-f5f7e4d80122', 'key_01a226c7-8743-7000-a754-f5f7e4d80125', 'openai-chat', 'loopback', 'loopback', 'loopback', 3, 3, null, null, null, null, 'consume', 'ok', 'reported', 0, '{"source":"builtin","input":"0","output":"0"}', 200, null, null, null, 0, null, 36499, 'node', null, null, 'builtin', null, null, null, null, null, null, null, null, null, null, null, null, null);
insert into "usage_entries" values ('req_01a226c7-8e35-7000-a754-f5f7e4d80127', 1, 1795946942006, 4, 4, 'usr_01a226c7-4bc0-7000-a754-f5f7e4d80122', 'key_01a226c7-8743-7000-a754-f5f7e4d80125', 'openai-chat', 'loopback', 'fast', 'loopback', 3, 3, null, null, null, null, 'consume', 'ok', 'reported', 0, '{"source":"builtin","input":"0","output":"0"}', 200, null, null, null, 0, null, 4173, 'node', 'loopback', null, 'builtin', null, null, null, null, null, null, null, null, null, null, null, null, null);
insert into "retention" values ('usage_entries', 0);
insert into "revisions" values ('accounts', 4);
insert into "installation_keys" values (1, 'dtuPac9c3Mp7R8cUlyKzUHo9X646yXAi7lwGQJ363N8=', 1795946913381);
insert into "journal_checkpoints" values ('20261129T100833Z-16463-3u7hce', 9007199254740991, 1795946957334);
insert into "usage_sums" values ('day', 1795910400000, 'usr_01a226c7-4bc0-7000-a754-f5f7e4d80122', 'key_01a226c7-8743-7000-a754-f5f7e4d80125', 'loopback', 'loopback', 'openai-chat', 2, 2, 0, 6, 6, 0, 0, 0, 0, 0, 0);
insert into "usage_sums" values ('hour', 1795946400000, 'usr_01a226c7-4bc0-7000-a754-f5f7e4d80122', 'key_01a226c7-8743-7000-a754-f5f7e4d80125', 'loopback', 'loopback', 'openai-chat', 2, 2, 0, 6, 6, 0, 0, 0, 0, 0, 0);
CREATE UNIQUE INDEX users_by_username on users (lower(username));
CREATE TRIGGER usage_entries_refuse_update before update on usage_entries
begin
  select raise(abort, 'usage_entries is append-only: a row cannot be changed');
end;
CREATE TRIGGER usage_entries_refuse_delete before delete on usage_entries
when old.time_ms >= coalesce((select deletable_before_ms from retention where name = 'usage_entries'), 0)
begin
  select raise(abort, 'usage_entries is append-only: a row above the retention mark cannot be deleted');
end;
CREATE INDEX stored_responses_by_time on stored_responses (created_ms);
CREATE INDEX kept_proofs_by_time on kept_proofs (created_ms);
CREATE INDEX entry_bodies_by_time on entry_bodies (time_ms);
CREATE INDEX api_keys_by_parent on api_keys (parent_id) where parent_id is not null;
CREATE INDEX api_keys_by_user_and_id on api_keys (user_id, id);
CREATE INDEX usage_entries_by_time on usage_entries (time_ms);
CREATE INDEX usage_entries_by_key on usage_entries (key_id, time_ms);
CREATE INDEX usage_entries_failed on usage_entries (status, time_ms) where status <> 'ok';
CREATE INDEX budget_holds_by_budget on budget_holds (budget_id, expires_ms);
CREATE INDEX market_leases_by_deadline on market_leases (state, deadline_ms);
CREATE INDEX market_transfers_by_debit on market_transfers (debit, debit_seq);
CREATE INDEX market_transfers_by_credit on market_transfers (credit, credit_seq);
CREATE INDEX market_sales_by_time on market_sales (at_ms);
CREATE INDEX market_trades_by_seller on market_trades (seller, at_ms);
CREATE TRIGGER market_transfers_no_update before update on market_transfers begin
  select raise(abort, 'market_transfers is append-only');
end;
CREATE TRIGGER market_transfers_no_delete before delete on market_transfers begin
  select raise(abort, 'market_transfers is append-only');
end;
pragma user_version = 0;
