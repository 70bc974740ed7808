import type { Migration } from "./migration.ts";

/** When a user was disabled; `null`: it is not. The second index lists the keys of a user page by page. */
export const disabledUsers: Migration = {
  version: 9,
  name: "disabled users",
  sqlite: `
alter table users add column disabled_ms integer;
create index api_keys_by_user_and_id on api_keys (user_id, id);
drop index api_keys_by_user;
`,
  postgresql: `
alter table users add column disabled_ms bigint;
create index api_keys_by_user_and_id on api_keys (user_id, id);
drop index api_keys_by_user;
`,
};
