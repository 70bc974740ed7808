import type { Migration } from "./migration.ts";

const table = (integer: string, strict: string): string => `
create table market_verdicts (
  lease text not null,
  seq ${integer} not null,
  result text not null,
  cost_nano_usd ${integer} not null,
  cum_nano_usd ${integer} not null,
  at_ms ${integer} not null,
  document text not null,
  opening text not null,
  receipt text not null,
  order_text text not null,
  primary key (lease, seq)
)${strict};
`;

/** What an exchange has decided about receipts whose answers it was shown. The answers themselves are not stored. */
export const marketVerdicts: Migration = {
  version: 29,
  name: "verdicts of the market",
  sqlite: table("integer", " strict"),
  postgresql: table("bigint", ""),
};
