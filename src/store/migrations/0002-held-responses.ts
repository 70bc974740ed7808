import type { Migration } from "./migration.ts";

/**
 * Responses that the gateway stores itself because no provider does; `response` is null for those that a provider stores. `unbilled` marks a response
 * that runs in the background at a provider and whose tokens have not been seen yet. The texts are the last columns, so that the columns before them
 * can be read without the texts.
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
