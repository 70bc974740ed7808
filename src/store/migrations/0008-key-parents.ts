import type { Migration } from "./migration.ts";

/** The key with which a key was made (`POST /api/v1/me/keys`); `null` if an admin made it. It never changes, and keys are never deleted. */
export const keyParents: Migration = {
  version: 8,
  name: "parents of keys",
  sqlite: `
alter table api_keys add column parent_id text;
create index api_keys_by_parent on api_keys (parent_id) where parent_id is not null;
`,
  postgresql: `
alter table api_keys add column parent_id text;
create index api_keys_by_parent on api_keys (parent_id) where parent_id is not null;
`,
};
