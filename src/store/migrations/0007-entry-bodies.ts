import type { Migration } from "./migration.ts";

/** Bodies of requests and answers, if they are recorded (`ledger.bodies`). `answer` is null if the answer had not begun. */
export const entryBodies: Migration = {
  version: 7,
  name: "entry bodies",
  sqlite: `
create table entry_bodies (
  request_id text not null,
  attempt integer not null,
  time_ms integer not null,
  request text not null,
  request_truncated integer not null check (request_truncated in (0, 1)),
  answer text,
  answer_truncated integer not null check (answer_truncated in (0, 1)),
  primary key (request_id, attempt)
) strict;
create index entry_bodies_by_time on entry_bodies (time_ms);
`,
  postgresql: `
create table entry_bodies (
  request_id text not null,
  attempt bigint not null,
  time_ms bigint not null,
  request text not null,
  request_truncated bigint not null check (request_truncated in (0, 1)),
  answer text,
  answer_truncated bigint not null check (answer_truncated in (0, 1)),
  primary key (request_id, attempt)
);
create index entry_bodies_by_time on entry_bodies (time_ms);
`,
};
