import type { Migration } from "./migration.ts";

const columns = (integer: string): string => `
alter table api_keys add column disabled_ms ${integer};
alter table api_keys add column previous_hash text;
alter table api_keys add column previous_until_ms ${integer};
create unique index api_keys_by_previous_hash on api_keys (previous_hash);
alter table users add column erased_ms ${integer};
`;

/** Keys that are disabled for a while, texts of keys that were replaced and are still accepted for a while, and users whose name was erased. */
export const keyRotation: Migration = {
  version: 22,
  name: "keys that are disabled or rotated, users that are erased",
  sqlite: columns("integer"),
  postgresql: columns("bigint"),
};
