import type { Migration } from "./migration.ts";

const tables = (integer: string, end: string): string => `
create table sessions (
  id text primary key not null,
  hash text not null unique,
  user_id text not null references users (id),
  key_id text not null references api_keys (id),
  method text not null,
  created_ms ${integer} not null,
  used_ms ${integer} not null,
  ends_ms ${integer} not null,
  address text not null,
  client text not null
)${end};
create index sessions_by_user on sessions (user_id, id);
create index sessions_by_end on sessions (ends_ms);
create table identities (
  issuer text not null,
  subject text not null,
  user_id text not null references users (id),
  key_id text not null references api_keys (id),
  created_ms ${integer} not null,
  signed_in_ms ${integer} not null,
  checked_ms ${integer} not null,
  refresh_token text,
  primary key (issuer, subject)
)${end};
create index identities_by_user on identities (user_id);
create table used_sign_ins (
  id text primary key not null,
  ends_ms ${integer} not null
)${end};
`;

/** Sessions of browsers, who signs in over single sign-on, and sign-ins that must not be used a second time. */
export const sessions: Migration = {
  version: 23,
  name: "sessions and single sign-on",
  sqlite: tables("integer", " strict"),
  postgresql: tables("bigint", ""),
};
