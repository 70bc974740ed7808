import pg from "pg";
import { messageOf } from "../../../core/index.ts";

/** Columns of money and limits, which several tables have. A `bigint` comes as text. */
export interface MoneyColumns {
  readonly max_budget: number | null;
  readonly soft_budget?: number | null;
  readonly spend?: number | null;
  readonly budget_duration: string | null;
  readonly budget_reset_at: Date | null;
  readonly rpm_limit: string | number | null;
  readonly tpm_limit: string | number | null;
  readonly tpd_limit?: string | number | null;
  readonly max_parallel_requests: number | null;
}

export interface TokenRow extends MoneyColumns {
  /** SHA-256 of the key, hex. */
  readonly token: string;
  /** `sk-...AbCd` */
  readonly key_name: string | null;
  readonly key_alias: string | null;
  readonly user_id: string | null;
  readonly team_id: string | null;
  readonly budget_id: string | null;
  readonly models: readonly string[];
  readonly allowed_routes: readonly string[];
  readonly aliases: unknown;
  readonly permissions: unknown;
  readonly model_max_budget: unknown;
  readonly blocked: boolean | null;
  readonly expires: Date | null;
  readonly created_at: Date | null;
}

export interface UserRow extends MoneyColumns {
  readonly user_id: string;
  readonly user_alias: string | null;
  readonly user_email: string | null;
  readonly user_role: string | null;
  readonly models: readonly string[];
}

export interface TeamRow extends MoneyColumns {
  readonly team_id: string;
  readonly team_alias: string | null;
  readonly organization_id: string | null;
  readonly models: readonly string[];
  readonly blocked: boolean;
}

export interface LitellmRows {
  readonly tokens: readonly TokenRow[];
  readonly users: readonly UserRow[];
  readonly teams: readonly TeamRow[];
  readonly budgets: readonly (MoneyColumns & { readonly budget_id: string })[];
  /** Tables that are counted, not taken over. */
  readonly unread: readonly { readonly path: string; readonly count: number; readonly reason: string }[];
}

export const noRows: LitellmRows = { tokens: [], users: [], teams: [], budgets: [], unread: [] };

const unreadTables: readonly (readonly [table: string, reason: string])[] = [
  ["LiteLLM_ProxyModelTable", "models in the database are encrypted with LITELLM_SALT_KEY: add them to model_list before the import"],
  ["LiteLLM_CredentialsTable", "credentials in the database are encrypted: give providers their keys in the environment"],
  ["LiteLLM_OrganizationTable", "there are no organizations"],
  ["LiteLLM_EndUserTable", "budgets of end users have no counterpart: tags of requests are counted (docs/usage.md)"],
  ["LiteLLM_TeamMembership", "budgets of a user within a team have no counterpart: set them for the user or the key"],
  ["LiteLLM_TagTable", "budgets of tags that clients send have no counterpart: tags that an admin binds have budgets"],
  ["LiteLLM_SpendLogs", "old requests are not copied: keep LiteLLM's database for reports; spent budgets are taken over"],
  ["LiteLLM_DeprecatedVerificationToken", "keys that were rotated, and still accepted, are not taken over"],
];

/** Reads users, keys, teams and budgets from LiteLLM's PostgreSQL database, in one read-only transaction. @throws Error that says what to do. */
export async function readLitellmDatabase(url: string): Promise<LitellmRows> {
  const client = new pg.Client({
    connectionString: withoutPrismaParameters(url),
    connectionTimeoutMillis: 10_000,
    statement_timeout: 60_000,
    types: { getTypeParser: parserOf },
  });
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    throw new Error(`LiteLLM's database cannot be reached: ${messageOf(error)}. Check the URL after --database.`, { cause: error });
  }
  try {
    await client.query("begin transaction isolation level repeatable read read only");
    // Rows as JSON-free columns: `select *`, as versions differ in their columns.
    const rowsOf = async <Row>(table: string): Promise<Row[]> => {
      const { rows } = await client.query<Record<string, unknown>>(`select * from "${table}"`);
      return rows.map((row) => ({ ...absent, ...row }) as Row);
    };
    if (!(await hasTable(client, "LiteLLM_VerificationToken")))
      throw new Error("There is no table LiteLLM_VerificationToken: is this LiteLLM's database?");
    const unread: { path: string; count: number; reason: string }[] = [];
    for (const [table, reason] of unreadTables) {
      if (!(await hasTable(client, table))) continue;
      const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from "${table}"`);
      unread.push({ path: table, count: rows[0]!.count, reason });
    }
    return {
      tokens: await rowsOf<TokenRow>("LiteLLM_VerificationToken"),
      users: await rowsOf<UserRow>("LiteLLM_UserTable"),
      teams: await rowsOf<TeamRow>("LiteLLM_TeamTable"),
      budgets: await rowsOf<MoneyColumns & { readonly budget_id: string }>("LiteLLM_BudgetTable"),
      unread,
    };
  } finally {
    await client.end();
  }
}

/** Columns that older versions lack. */
const absent = {
  max_budget: null,
  soft_budget: null,
  budget_duration: null,
  budget_reset_at: null,
  budget_id: null,
  rpm_limit: null,
  tpm_limit: null,
  tpd_limit: null,
  max_parallel_requests: null,
  organization_id: null,
  user_alias: null,
  models: [],
  allowed_routes: [],
  blocked: false,
} as const;

async function hasTable(client: pg.Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>("select to_regclass($1) is not null as found", [`"${name}"`]);
  return rows[0]!.found;
}

/** Prisma's URLs have parameters that PostgreSQL does not know. */
function withoutPrismaParameters(url: string): string {
  if (!URL.canParse(url)) return url;
  const parsed = new URL(url);
  for (const name of ["connection_limit", "pool_timeout", "pgbouncer", "schema", "socket_timeout", "connect_timeout"])
    parsed.searchParams.delete(name);
  return parsed.toString();
}

/** Prisma stores UTC in columns without a time zone, which the client would read as local times. */
export const parserOf: typeof pg.types.getTypeParser = ((type: Parameters<typeof pg.types.getTypeParser>[0], format?: "text") =>
  type === pg.types.builtins.TIMESTAMP
    ? (text: string): Date => new Date(`${text.replace(" ", "T")}Z`)
    : pg.types.getTypeParser(type, format)) as typeof pg.types.getTypeParser;
