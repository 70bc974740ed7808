import type { Migration } from "./migration.ts";

const table = (integer: string, strict: string): string => `
create table context_caches (
  prefix text primary key not null,
  key_id text not null,
  name text,
  tokens ${integer},
  expires_ms ${integer} not null
)${strict};
`;

/** The context caches that the gateway has made at providers. Without a name: it is being made. */
export const contextCaches: Migration = {
  version: 28,
  name: "context caches at providers",
  sqlite: table("integer", " strict"),
  postgresql: table("bigint", ""),
};
