import type { Migration } from "./migration.ts";

/** Whether equal requests of a key are answered from the response cache. */
export const cachedKeys: Migration = {
  version: 16,
  name: "keys that use the response cache",
  sqlite: "alter table api_keys add column cache integer;",
  postgresql: "alter table api_keys add column cache bigint;",
};
