import type { ColumnType, Generated } from "kysely";

/** The schema. Times are milliseconds since 1970 in integer columns; money is nano-USD in 64-bit columns, `bigint` in code. */
export interface Tables {
  users: UsersTable;
  api_keys: ApiKeysTable;
  usage_entries: UsageEntriesTable;
  stored_responses: StoredResponsesTable;
  revisions: RevisionsTable;
  retention: RetentionTable;
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

/** Which user and provider a stored response belongs to. */
export interface StoredResponsesTable {
  id: string;
  user_id: string;
  provider: string;
  /** Id of the provider's key that made it. */
  provider_key: string;
  model: string;
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

/** The migrations that this database has been through. Only the runner writes it. */
export interface SchemaMigrationsTable {
  version: number;
  name: string;
  applied_ms: number;
}
