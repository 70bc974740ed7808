import type { Migration } from "./migration.ts";

/**
 * Buying from other gateways and selling to them: the node's keys, the nodes it trades with, invites, what it shares, and, as the clearing of its own
 * buyers, their accounts, leases and transfers; the evidence of a seller (`market_sales`) and of a buyer (`market_trades`). Transfers are append-only.
 */
export const market: Migration = {
  version: 14,
  name: "the market",
  sqlite: `
create table market_keys (
  kid text primary key not null,
  kind text not null check (kind in ('node', 'seal')),
  secret text not null,
  created_ms integer not null,
  until_ms integer
) strict;
create table market_nodes (
  node text primary key not null,
  name text not null unique,
  url text,
  document text not null,
  limit_nano_usd integer not null,
  blocked integer not null default 0,
  joined_ms integer not null
) strict;
create table market_invites (
  id text primary key not null,
  limit_nano_usd integer not null,
  created_ms integer not null,
  until_ms integer not null,
  used_by text
) strict;
create table market_shares (
  model text primary key not null,
  offer text not null,
  provider text not null,
  upstream_model text not null,
  terms text not null,
  created_ms integer not null
) strict;
create table market_accounts (
  owner text primary key not null,
  balance_nano_usd integer not null,
  held_nano_usd integer not null,
  seq integer not null,
  head text not null
) strict;
create table market_leases (
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
create table market_transfers (
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
create table market_sales (
  lease text not null,
  seq integer not null,
  request_id text not null,
  cost_nano_usd integer not null,
  at_ms integer not null,
  receipt text not null,
  order_text text not null,
  primary key (lease, seq)
) strict;
create table market_trades (
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
create index market_leases_by_deadline on market_leases (state, deadline_ms);
create index market_transfers_by_debit on market_transfers (debit, debit_seq);
create index market_transfers_by_credit on market_transfers (credit, credit_seq);
create index market_sales_by_time on market_sales (at_ms);
create index market_trades_by_seller on market_trades (seller, at_ms);
create trigger market_transfers_no_update before update on market_transfers begin
  select raise(abort, 'market_transfers is append-only');
end;
create trigger market_transfers_no_delete before delete on market_transfers begin
  select raise(abort, 'market_transfers is append-only');
end;
`,
  postgresql: `
create table market_keys (
  kid text primary key not null,
  kind text not null check (kind in ('node', 'seal')),
  secret text not null,
  created_ms bigint not null,
  until_ms bigint
);
create table market_nodes (
  node text primary key not null,
  name text not null unique,
  url text,
  document text not null,
  limit_nano_usd bigint not null,
  blocked bigint not null default 0,
  joined_ms bigint not null
);
create table market_invites (
  id text primary key not null,
  limit_nano_usd bigint not null,
  created_ms bigint not null,
  until_ms bigint not null,
  used_by text
);
create table market_shares (
  model text primary key not null,
  offer text not null,
  provider text not null,
  upstream_model text not null,
  terms text not null,
  created_ms bigint not null
);
create table market_accounts (
  owner text primary key not null,
  balance_nano_usd bigint not null,
  held_nano_usd bigint not null,
  seq bigint not null,
  head text not null
);
create table market_leases (
  id text primary key not null,
  buyer text not null,
  seller text not null,
  model text not null,
  hold_nano_usd bigint not null,
  fee_ppm bigint not null,
  state text not null check (state in ('open', 'window', 'settled', 'split', 'void')),
  deadline_ms bigint not null,
  charged_nano_usd bigint not null,
  paid_nano_usd bigint not null,
  contested_nano_usd bigint not null,
  refunded_nano_usd bigint not null,
  legs bigint not null,
  opened_ms bigint not null,
  document text not null,
  best_order text,
  last_receipt text
);
create table market_transfers (
  key text not null,
  leg bigint not null,
  kind text not null,
  at_ms bigint not null,
  amount_nano_usd bigint not null,
  debit text not null,
  debit_seq bigint not null,
  debit_balance_nano_usd bigint not null,
  credit text not null,
  credit_seq bigint not null,
  credit_balance_nano_usd bigint not null,
  primary key (key, leg)
);
create table market_sales (
  lease text not null,
  seq bigint not null,
  request_id text not null,
  cost_nano_usd bigint not null,
  at_ms bigint not null,
  receipt text not null,
  order_text text not null,
  primary key (lease, seq)
);
create table market_trades (
  lease text not null,
  seq bigint not null,
  request_id text not null,
  clearing text not null,
  seller text not null,
  model text not null,
  cost_nano_usd bigint not null,
  state text not null check (state in ('acked', 'refused')),
  at_ms bigint not null,
  receipt text not null,
  primary key (lease, seq)
);
create index market_leases_by_deadline on market_leases (state, deadline_ms);
create index market_transfers_by_debit on market_transfers (debit, debit_seq);
create index market_transfers_by_credit on market_transfers (credit, credit_seq);
create index market_sales_by_time on market_sales (at_ms);
create index market_trades_by_seller on market_trades (seller, at_ms);
create function market_transfers_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'market_transfers is append-only';
end
$$;
create trigger market_transfers_refuse before update or delete on market_transfers for each row execute function market_transfers_refuse();
`,
};
