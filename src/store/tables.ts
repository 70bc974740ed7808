import type { ColumnType, Generated } from "kysely";

/** The schema. Times are milliseconds since 1970 in integer columns; money is nano-USD in 64-bit columns, `bigint` in code. */
export interface Tables {
  users: UsersTable;
  api_keys: ApiKeysTable;
  usage_entries: UsageEntriesTable;
  budgets: BudgetsTable;
  budget_periods: BudgetPeriodsTable;
  budget_holds: BudgetHoldsTable;
  stored_responses: StoredResponsesTable;
  installation_keys: InstallationKeysTable;
  kept_proofs: KeptProofsTable;
  revisions: RevisionsTable;
  retention: RetentionTable;
  journal_checkpoints: JournalCheckpointsTable;
  usage_sums: UsageSumsTable;
  usage_tag_sums: UsageTagSumsTable;
  usage_tags: UsageTagsTable;
  entry_bodies: EntryBodiesTable;
  schema_migrations: SchemaMigrationsTable;
}

export interface UsersTable {
  id: string;
  /** Unique, case kept, compared without case: the unique index is on `lower(username)`. */
  username: string;
  email: string | null;
  role: "admin" | "user";
  created_ms: number;
}

export interface ApiKeysTable {
  id: string;
  user_id: string;
  name: string | null;
  role: "admin" | "user";
  /** SHA-256 of the key, hex. Unique. */
  hash: string;
  prefix: string;
  created_ms: number;
  revoked_ms: number | null;
  /** From then on it is refused. */
  expires_ms: number | null;
  /** JSON array of globs: the models it may call; `null`: all. */
  models: string | null;
  /** The key that it was made with, which bounds it; `null`: an admin made it. */
  parent_id: string | null;
}

/** What a user or a key may spend in each period. (subject_id, period) is unique. */
export interface BudgetsTable {
  id: string;
  subject: "user" | "key";
  /** Id of the user or the key; `local` where auth is off. */
  subject_id: string;
  period: "day" | "month" | "total";
  warn_nano_usd: bigint | null;
  stop_nano_usd: bigint | null;
  created_ms: number;
}

/** Where a budget stands in one of its periods. Primary key (budget_id, start_ms). */
export interface BudgetPeriodsTable {
  budget_id: string;
  /** First millisecond of the period, UTC; 0 for `total`. */
  start_ms: number;
  spent_nano_usd: bigint;
  /** The sum of `budget_holds` of this period. */
  held_nano_usd: bigint;
}

/** What a request under way may still cost. Primary key (request_id, budget_id). */
export interface BudgetHoldsTable {
  request_id: string;
  budget_id: string;
  /** Of the period that it counts in. */
  start_ms: number;
  amount_nano_usd: bigint;
  /** Whoever needs the room may take it from then on: its process has died. */
  expires_ms: number;
}

/** One row for each attempt of each authenticated request on a model route. Append-only; primary key (request_id, attempt). */
export interface UsageEntriesTable {
  request_id: string;
  attempt: number;
  time_ms: number;
  duration_ms: number;
  ttft_ms: number | null;
  user_id: string;
  key_id: string;
  dialect: string;
  provider: string;
  model_asked: string;
  model_served: string;
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_5m_tokens: number | null;
  cache_write_1h_tokens: number | null;
  reasoning_tokens: number | null;
  direction: "consume" | "supply";
  status: "ok" | "error" | "cancelled" | "interrupted" | "refused";
  usage_source: "reported" | "estimated" | "none";
  /** `null`: no price is known. */
  cost_nano_usd: ColumnType<bigint | null, bigint | null, never>;
  /** The rates that the cost was reckoned with, JSON. */
  price_snapshot: string | null;
  http_status: number;
  error_code: string | null;
  /** JSON array of strings. */
  tags: string | null;
  client_request_id: string | null;
}

/** Which user and provider a stored response belongs to and, where the gateway keeps it itself, all of it. */
export interface StoredResponsesTable {
  id: string;
  user_id: string;
  provider: string;
  /** Id of the provider's key that made it. */
  provider_key: string;
  model: string;
  created_ms: number;
  /** 1: it runs in the background at its provider, and its tokens have not been billed. */
  unbilled: Generated<number>;
  /** This and all below: of those that the gateway keeps. */
  status: "in_progress" | "completed" | "incomplete" | "failed" | "cancelled" | null;
  /** 1: it runs, or ran, without its client. */
  background: Generated<number>;
  /** The response that it continues. */
  previous_id: string | null;
  /** When the process that runs it last said so. */
  touched_ms: number | null;
  /** Of `input` and `response` together. */
  size_chars: number | null;
  /** Its own input items, JSON. */
  input: string | null;
  /** The response object, JSON. */
  response: string | null;
}

/** Secrets of the installation; the one with the greatest id is in use, the others still open what they have sealed. */
export interface InstallationKeysTable {
  id: number;
  /** 32 random bytes, base64. */
  secret: string;
  created_ms: number;
}

/** What a provider wants back with a tool call, sealed, where the client has no field for it. */
export interface KeptProofsTable {
  user_id: string;
  /** The call's id, or its hash where it is long. */
  call_key: string;
  sealed: string;
  created_ms: number;
}

export interface RevisionsTable {
  name: string;
  value: Generated<number>;
}

/** Up to when rows of an append-only table may be deleted. The triggers that refuse DELETE read it. */
export interface RetentionTable {
  /** The append-only table. */
  name: string;
  /** Rows with an earlier `time_ms` may be deleted; 0: none. */
  deletable_before_ms: Generated<number>;
}

/** Up to where the rows of a journal are in the database. */
export interface JournalCheckpointsTable {
  journal: string;
  /** Every row of the journal up to this one is there. */
  seq: number;
  /** When that was written. */
  time_ms: number;
}

/** What usage entries sum up to. */
interface SumColumns {
  /** Entries with attempt 0 or 1. */
  requests: number;
  attempts: number;
  /** Status error, interrupted or refused. */
  errors: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  reasoning_tokens: number;
  /** Of each cost the whole dollars, and what is left in nano-USD: a sum of costs may need more than 64 bits. */
  whole_usd: number;
  rest_nano_usd: bigint;
  /** Entries without a cost; nothing of them is in the two above. */
  unpriced: number;
}

/** Sums of usage entries. Primary key: all columns that are no sums. */
export interface UsageSumsTable extends SumColumns {
  /** Each entry is in two rows: of its hour and of its day, UTC. */
  span: "hour" | "day";
  start_ms: number;
  user_id: string;
  key_id: string;
  provider: string;
  /** The model that served; where none did, the one asked for. */
  model: string;
  dialect: string;
}

/** As `usage_sums`, but an entry is in two rows for each of its tags, and in none where it has no tags. */
export interface UsageTagSumsTable extends SumColumns {
  span: "hour" | "day";
  start_ms: number;
  /** `other` for those that are not in `usage_tags`. */
  tag: string;
  user_id: string;
}

/** The tags that have sums of their own: the first that came. */
export interface UsageTagsTable {
  tag: string;
}

/** What was asked and answered, redacted, where it is kept. Primary key (request_id, attempt). */
export interface EntryBodiesTable {
  request_id: string;
  /** The one whose answer it is. */
  attempt: number;
  time_ms: number;
  request: string;
  /** 1: it was longer. */
  request_truncated: number;
  /** `null`: none had begun. */
  answer: string | null;
  answer_truncated: number;
}

/** The migrations that this database has been through. Only the runner writes it. */
export interface SchemaMigrationsTable {
  version: number;
  name: string;
  applied_ms: number;
}
