import type { Migration } from "./migration.ts";

/**
 * What the gateway keeps of a response itself, where no provider does: `response` is null for those that lie at a provider. `unbilled` marks one that
 * runs in the background at a provider and whose tokens nobody has seen yet. The texts stand last, so that the columns before them are read without them.
 */
export const heldResponses: Migration = {
  version: 2,
  name: "held responses",
  sqlite: `
alter table stored_responses add column unbilled integer not null default 0;
alter table stored_responses add column status text;
alter table stored_responses add column background integer not null default 0;
alter table stored_responses add column previous_id text;
alter table stored_responses add column touched_ms integer;
alter table stored_responses add column size_chars integer;
alter table stored_responses add column input text;
alter table stored_responses add column response text;
`,
  postgresql: `
alter table stored_responses
  add column unbilled bigint not null default 0,
  add column status text,
  add column background bigint not null default 0,
  add column previous_id text,
  add column touched_ms bigint,
  add column size_chars bigint,
  add column input text,
  add column response text;
`,
};
