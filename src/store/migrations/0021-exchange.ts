import type { Migration } from "./migration.ts";

const changes = (integer: string, strict: string): string => `
alter table market_nodes add column role text not null default 'peer';
alter table market_nodes add column organisation text not null default '';
alter table market_invites add column role text not null default 'peer';
alter table market_leases add column buyer_order text;
alter table market_leases add column buyer_contests ${integer} not null default 0;
alter table market_accounts add column limit_nano_usd ${integer} not null default 0;
create table market_exchange (
  id ${integer} primary key not null,
  started_ms ${integer} not null,
  rev ${integer} not null
)${strict};
create table market_offers (
  hash text primary key not null,
  offer text not null,
  seller text not null,
  model text not null,
  seq ${integer} not null,
  rev ${integer} not null,
  at_ms ${integer} not null,
  until_ms ${integer} not null,
  is_current ${integer} not null,
  document text not null
)${strict};
create index market_offers_by_rev on market_offers (rev);
create index market_offers_by_seller on market_offers (seller, is_current);
create table market_served (
  id text primary key not null,
  clearing text not null,
  buyer text not null,
  model text not null,
  state text not null,
  settle_by_ms ${integer} not null,
  document text not null,
  best_order text,
  last_receipt text
)${strict};
create index market_served_by_state on market_served (state, clearing);
create table market_deposits (
  id text primary key not null,
  owner text not null,
  actor text not null,
  reason text not null,
  at_ms ${integer} not null
)${strict};
`;

/**
 * The exchange: nodes have a role (a peer, an exchange that this node has joined, or a member of this node's exchange), offers of members, what the
 * buyer of an open lease has sent, and who booked a deposit. And, for a seller, the leases that exchanges have given on its offers.
 */
export const exchange: Migration = {
  version: 21,
  name: "the exchange",
  sqlite: changes("integer", " strict"),
  postgresql: changes("bigint", ""),
};
