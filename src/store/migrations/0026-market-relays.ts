import type { Migration } from "./migration.ts";

const table = (integer: string, strict: string): string => `
create table market_relays (
  node text primary key not null,
  added_ms ${integer} not null
)${strict};
`;

/** The relays through which this installation is called as a seller. */
export const marketRelays: Migration = {
  version: 26,
  name: "relays of the market",
  sqlite: table("integer", " strict"),
  postgresql: table("bigint", ""),
};
