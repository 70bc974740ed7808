import type { Migration } from "./migration.ts";

const turns = (integer: string): string => `
create table canary_turns (
  provider text not null,
  model text not null,
  turn ${integer} not null,
  next_ms ${integer} not null,
  primary key (provider, model)
)`;

const answers = (integer: string): string => `
create table canary_answers (
  request_id text primary key not null,
  time_ms ${integer} not null,
  provider text not null,
  model text not null,
  region text not null,
  prompt text not null,
  is_right ${integer},
  answer text not null,
  probabilities text
)`;

const index = "create index canary_answers_by_time on canary_answers (time_ms)";

/** Questions with known answers: when each target is asked next, and what they have answered. */
export const canaries: Migration = {
  version: 30,
  name: "canaries",
  sqlite: `${turns("integer")} strict;\n${answers("integer")} strict;\n${index};`,
  postgresql: `${turns("bigint")};\n${answers("bigint")};\n${index};`,
};
