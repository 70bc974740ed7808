import type { Migration } from "./migration.ts";

const changes = (integer: string, strict: string): string => `
create table market_policies (
  model text primary key not null,
  policy text not null,
  max_price text,
  min_saving ${integer},
  set_ms ${integer} not null
)${strict};
create table market_scores (
  node text not null,
  model text not null,
  evidence text not null,
  at_ms ${integer} not null,
  primary key (node, model)
)${strict};
create table market_gate (
  id text primary key not null,
  at_ms ${integer} not null,
  model text not null,
  provider text not null,
  affirmed text not null,
  decision text not null,
  reason text not null,
  actor text not null
)${strict};
create index market_trades_by_time on market_trades (at_ms);
`;

/** When models are bought by a policy, what is known of sellers, and the decisions about what may be sold. */
export const marketPolicies: Migration = {
  version: 24,
  name: "policies of the market, scores of sellers, decisions about resale",
  sqlite: changes("integer", " strict"),
  postgresql: changes("bigint", ""),
};
