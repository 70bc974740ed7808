import type { ColumnType, Generated } from "kysely";
import type { ApiKeysTable, UsersTable } from "./account-tables.ts";
import type { AuditTables } from "./audit-tables.ts";
import type { MarketTables } from "./market-tables.ts";
import type { PerformanceTables } from "./performance-tables.ts";
import type { SessionTables } from "./session-tables.ts";

/** The schema. Times are milliseconds since 1970 in integer columns; money is nano-USD in 64-bit columns, `bigint` in code. */
export interface Tables extends MarketTables, AuditTables, PerformanceTables, SessionTables {
  users: UsersTable;
  api_keys: ApiKeysTable;
  usage_entries: UsageEntriesTable;
  budgets: BudgetsTable;
  budget_periods: BudgetPeriodsTable;
  budget_holds: BudgetHoldsTable;
  limits: LimitsTable;
  limit_levels: LimitLevelsTable;
  limit_slots: LimitSlotsTable;
  stored_responses: StoredResponsesTable;
  installation_keys: InstallationKeysTable;
  kept_proofs: KeptProofsTable;
  context_caches: ContextCachesTable;
  alerts_raised: AlertsRaisedTable;
  revisions: RevisionsTable;
  retention: RetentionTable;
  journal_checkpoints: JournalCheckpointsTable;
  usage_sums: UsageSumsTable;
  usage_tag_sums: UsageTagSumsTable;
  usage_tags: UsageTagsTable;
  usage_unit_sums: UsageUnitSumsTable;
  entry_bodies: EntryBodiesTable;
  schema_migrations: SchemaMigrationsTable;
}

/** What a subject may spend in each period. (subject, subject_id, period) is unique. */
export interface BudgetsTable {
  id: string;
  subject: "user" | "key" | "tag" | "model" | "provider";
  /** Id of the user or the key (`local` with auth off), the tag, the pattern of models, or the provider's name. */
  subject_id: string;
  period: "day" | "month" | "total";
  warn_nano_usd: bigint | null;
  stop_nano_usd: bigint | null;
  created_ms: number;
  /** Whose days and months its periods are; `null`: `ledger.time_zone`. */
  time_zone: string | null;
}

/** The sums of a budget in one of its periods. Primary key (budget_id, start_ms). */
export interface BudgetPeriodsTable {
  budget_id: string;
  /** First millisecond of the period, UTC; 0 for `total`. */
  start_ms: number;
  spent_nano_usd: bigint;
  /** The sum of `budget_holds` of this period. */
  held_nano_usd: bigint;
}

/** A reservation: what an active request may still cost. Primary key (request_id, budget_id). */
export interface BudgetHoldsTable {
  request_id: string;
  budget_id: string;
  /** Start of the period in which it counts. */
  start_ms: number;
  amount_nano_usd: bigint;
  /** From this time on another request may take the reserved amount: the process has died. */
  expires_ms: number;
}

/** The limits on requests of one subject; `null`: none of that kind. Primary key (subject, subject_id). */
export interface LimitsTable {
  subject: "user" | "key" | "tag" | "model" | "provider";
  /** Id of a user or key; a tag, a pattern of models, a provider's name. */
  subject_id: string;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  requests_per_day: number | null;
  tokens_per_day: number | null;
  concurrent: number | null;
  created_ms: number;
}

/** The state of a limit that gateways share in the database. */
export interface LimitLevelsTable {
  name: string;
  /** When its bucket will be full, microseconds since 1970. */
  full_at_us: number;
}

/** The slots of a process, likewise; the name "" is for the process itself. Primary key (name, node). */
export interface LimitSlotsTable {
  name: string;
  node: string;
  count: number;
  /** Until then the process is believed to be alive. */
  until_ms: number;
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
  /** `correct`: a cost that was reckoned again. Its cost is the difference, its `units` say what is corrected; no tokens. */
  direction: "consume" | "supply" | "correct";
  status: "ok" | "error" | "cancelled" | "interrupted" | "refused";
  usage_source: "reported" | "estimated" | "none" | "imported";
  /** `null`: no price is known. */
  cost_nano_usd: ColumnType<bigint | null, bigint | null, never>;
  /** The rates from which the cost was calculated, JSON. */
  price_snapshot: string | null;
  http_status: number;
  error_code: string | null;
  /** JSON array of strings. */
  tags: string | null;
  client_request_id: string | null;
  /** 1: the client asked for a stream. This column and those below are `null` in rows of earlier versions. */
  stream: number | null;
  /** The upstream's own word for why the answer ended. */
  stop_reason: string | null;
  /** What the gateway itself took of the request's time, in microseconds. */
  overhead_us: number | null;
  /** The program that sent the request, by its user agent. */
  client_name: string | null;
  /** The provider's name of the model; `null`: as asked for. */
  upstream_model: string | null;
  /** What the provider speaks; `null`: the client's dialect. */
  protocol: string | null;
  /** `patched`, `translated`, `builtin`; `null`: verbatim. */
  lane: string | null;
  /** 1: the model, or its provider, refused to answer. */
  refused: number | null;
  /** Calls of tools in the answer: how many, how many have arguments that are JSON, how many fit their schema (`null`: not checked). */
  tool_calls: number | null;
  tool_calls_parsed: number | null;
  tool_calls_fit: number | null;
  /** Of a later attempt: the error that the one before ended with. */
  attempt_reason: string | null;
  /** The region that the answer was served from, if it is reported. */
  region: string | null;
  /** The class of service that was served; `null`: the standard one. */
  service_class: string | null;
  /** What is counted beside plain tokens, JSON (`usage-details.ts`). */
  units: string | null;
  /** The lines of the cost, JSON, if it is of more than plain tokens. */
  cost_lines: string | null;
  /** Without secrets, at most 300 characters. */
  error_text: string | null;
  /** What a response from the gateway's own cache would have cost. What the provider's cache saved is reckoned from the price when the entry is shown. */
  cache_savings_nano_usd: ColumnType<bigint | null, bigint | null, never>;
  /** 1: answered from the response cache. */
  from_cache: number | null;
  /** The number of `tags`, from the first on, that an admin bound to the user or the key; `null`: none. The others are the client's own. */
  bound_tags: number | null;
  /** What rules of the firewall have found, without a text: `personal-data mask: email 2`. */
  firewall: string | null;
}

/** The alerts that were raised, each once. */
export interface AlertsRaisedTable {
  /** Of what, for whom and in which period: `budget_stopped bgt_… 1764547200000`. */
  name: string;
  raised_ms: number;
}

/** Sums of units of usage entries. Primary key: all columns but `count`. */
export interface UsageUnitSumsTable {
  span: "hour" | "day";
  start_ms: number;
  user_id: string;
  key_id: string;
  provider: string;
  model: string;
  dialect: string;
  unit: string;
  count: number;
}

/** The user and provider of a stored response, and the response itself if the gateway stores it. */
export interface StoredResponsesTable {
  id: string;
  user_id: string;
  provider: string;
  /** Id of the provider's key that made it. */
  provider_key: string;
  model: string;
  created_ms: number;
  /** 1: it runs in the background at its provider, and its tokens have not been billed yet. */
  unbilled: Generated<number>;
  /** The originals of the placeholders that its request and its answer have, sealed for its user. */
  placeholders: string | null;
  /** This column and all below are set only for responses that the gateway stores. */
  status: "in_progress" | "completed" | "incomplete" | "failed" | "cancelled" | null;
  /** 1: it runs, or ran, without its client. */
  background: Generated<number>;
  /** The response that it continues. */
  previous_id: string | null;
  /** When the process that runs it last reported that it is alive. */
  touched_ms: number | null;
  /** Of `input` and `response` together. */
  size_chars: number | null;
  /** The response's own input items, JSON. */
  input: string | null;
  /** The response object, JSON. */
  response: string | null;
}

/** Secrets of the installation. The one with the greatest id is in use; the others still open what they have sealed. */
export interface InstallationKeysTable {
  id: number;
  /** 32 random bytes, base64. */
  secret: string;
  created_ms: number;
}

/** A proof that a provider wants back with a tool call, sealed, because the client has no field for it. */
export interface KeptProofsTable {
  user_id: string;
  /** The call's id, or its hash if the id is long. */
  call_key: string;
  sealed: string;
  created_ms: number;
}

/** A cache of the beginning of a prompt at a provider, which the gateway has made. */
export interface ContextCachesTable {
  /** Hash of the prompt, and of whose it is. */
  prefix: string;
  /** The key that pays for it. */
  key_id: string;
  /** What requests refer to it by; `null`: it is being made. */
  name: string | null;
  tokens: number | null;
  /** When it ends, or the claim to make it. */
  expires_ms: number;
}

export interface RevisionsTable {
  name: string;
  value: Generated<number>;
}

/** Up to which time rows of an append-only table may be deleted. The triggers that refuse DELETE read it. */
export interface RetentionTable {
  /** The append-only table. */
  name: string;
  /** Rows with an earlier `time_ms` may be deleted; 0: none. */
  deletable_before_ms: Generated<number>;
}

/** The last row of each journal that is in the database. */
export interface JournalCheckpointsTable {
  journal: string;
  /** Every row of the journal up to this one is in the database. */
  seq: number;
  /** When the checkpoint was written. */
  time_ms: number;
}

/** The sums of usage entries. */
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
  /** The sum of the whole dollars of each cost, and the sum of the rest in nano-USD: a sum of costs may need more than 64 bits. */
  whole_usd: number;
  rest_nano_usd: bigint;
  /** Entries without a cost; the two columns above do not include them. */
  unpriced: number;
}

/** Sums of usage entries. Primary key: all columns that are not sums. */
export interface UsageSumsTable extends SumColumns {
  /** Each entry counts in two rows: that of its hour and that of its day, UTC. */
  span: "hour" | "day";
  start_ms: number;
  user_id: string;
  key_id: string;
  provider: string;
  /** The model that served the request; if none did, the model that was requested. */
  model: string;
  dialect: string;
}

/** Like `usage_sums`, but an entry counts in two rows for each of its tags, and in no row if it has no tags. */
export interface UsageTagSumsTable extends SumColumns {
  span: "hour" | "day";
  start_ms: number;
  /** `other` for tags that are not in `usage_tags`. */
  tag: string;
  user_id: string;
}

/** The tags that have their own sums: the first ones that were used. */
export interface UsageTagsTable {
  tag: string;
}

/** The bodies of a request and its answer, redacted, if they are recorded. Primary key (request_id, attempt). */
export interface EntryBodiesTable {
  request_id: string;
  /** The attempt whose answer it is. */
  attempt: number;
  time_ms: number;
  request: string;
  /** 1: the body was longer and was truncated. */
  request_truncated: number;
  /** `null`: the answer had not begun. */
  answer: string | null;
  answer_truncated: number;
}

/** The migrations that were applied to this database. Only the migration runner writes it. */
export interface SchemaMigrationsTable {
  version: number;
  name: string;
  applied_ms: number;
}
