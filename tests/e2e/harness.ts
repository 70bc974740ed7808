import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { NewApiKey, User } from "../../src/accounts/index.ts";
import type { ComposeOptions, Gateway } from "../../src/app/compose/compose-gateway.ts";
import { composeGateway } from "../../src/app/compose/compose-gateway.ts";
import { loadSettings } from "../../src/app/config/index.ts";
import { openLog } from "../../src/app/logging/log.ts";
import type { Clock } from "../../src/core/index.ts";
import type { UsageRow } from "../../src/ledger/index.ts";
import type { ProtocolTable } from "../../src/protocols/index.ts";
import type { ProviderSettings } from "../../src/upstream/index.ts";
import { makeMigratedSqlite } from "../testbed/migrated-sqlite.ts";

/** What a gateway of the tests is made from. */
export interface GatewayOptions {
  /** The configuration file, YAML. Database and log lie in a folder of their own; the port is a free one. */
  readonly config: string;
  /** The environment that `${…}` and `TOKLIGENCE_…` are read from; the process's own is not looked at. */
  readonly env?: Readonly<Record<string, string>>;
  /** The system's if omitted. */
  readonly clock?: Clock;
  /** In place of a journal on the machine's disk. */
  readonly openJournal?: NonNullable<ComposeOptions["openJournal"]>;
  /** The database of another gateway, to be shared with it. */
  readonly database?: string;
  /** Processes that the gateway is told of; 2 if omitted and the database is another gateway's. */
  readonly processes?: number;
  /** Other protocols than the program's. */
  readonly protocols?: ProtocolTable;
  /** Providers that the configuration file cannot name, beside its own. */
  readonly providers?: readonly ProviderSettings[];
  /** `debug` if omitted. */
  readonly logLevel?: string;
}

/** A user and a key of that user. */
export interface Caller {
  readonly user: User;
  readonly key: string;
  readonly keyId: string;
}

/** A gateway that listens on 127.0.0.1. */
export interface TestGateway {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  readonly gateway: Gateway;
  /** The database's file. */
  readonly database: string;
  readonly admin: Caller;
  readonly adminKey: string;
  /** A key for the user of that name, who is created if there is none; a new user without a name. */
  createKey(username?: string): Promise<Caller>;
  /** All entries of the ledger, the oldest first, after all that is over has been written. */
  rows(): Promise<UsageRow[]>;
  /** Runs one statement on the database, as another program would. */
  sql(text: string, ...values: readonly string[]): Promise<Record<string, unknown>[]>;
  logText(): Promise<string>;
  /** Closes the gateway as the daemon does at its end; its database is still there. */
  drain(graceMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Many gateways of tests share one process, which is busy with the tests themselves. */
const noLoad = { share: 0, reason: "event_loop", delayMs: 0, stop: () => undefined } as const;

/** Starts the gateway as the daemon does, in this process. */
export async function startGateway(options: GatewayOptions): Promise<TestGateway> {
  const { config, env = {}, clock, openJournal, database: shared, protocols, providers = [] } = options;
  const folder = await mkdtemp(join(tmpdir(), "tokligence-e2e-"));
  const path = join(folder, "config.yaml");
  const database = shared ?? join(folder, "gateway.db");
  const logFile = join(folder, "gateway.log");
  await writeFile(path, config);
  if (shared === undefined) await makeMigratedSqlite(database);
  const loaded = loadSettings({ path, env: { HOME: folder, TOKLIGENCE_DATABASE_PATH: database, ...env } });
  const log = openLog({ level: options.logLevel ?? "debug", file: logFile });
  const { settings } = loaded;
  const gateway = await composeGateway({
    loaded: { ...loaded, settings: { ...settings, providers: [...settings.providers, ...providers] } },
    log,
    reload: () => Promise.resolve({ status: "reloaded" }),
    status: () => ({ status: "running" }),
    stop: () => undefined,
    load: noLoad,
    ...(clock === undefined ? {} : { clock }),
    ...(protocols === undefined ? {} : { protocols }),
    ...(openJournal === undefined ? {} : { openJournal }),
    ...(shared === undefined ? {} : { processes: options.processes ?? 2 }),
  });
  const port = await gateway.edge.listen("127.0.0.1", 0);
  gateway.setServing(true);
  void gateway.warmUp();

  const entries = new EntryReader(database);
  let drained: Promise<void> | undefined;
  const drain = (graceMs: number): Promise<void> => (drained ??= gateway.close({ graceMs }));
  let users = 0;
  const callerOf = (user: User, made: NewApiKey): Caller => ({ user, key: made.key, keyId: made.id });
  const known = (await gateway.accounts.listUsers()).find((user) => user.username === "root");
  const root = known ?? (await gateway.accounts.createUser({ username: "root", role: "admin" }));
  const admin = callerOf(root, await gateway.accounts.createKey({ user: root.id }));
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    gateway,
    database,
    admin,
    adminKey: admin.key,
    async createKey(username = `user-${++users}`) {
      const known = (await gateway.accounts.listUsers()).find((user) => user.username === username);
      const user = known ?? (await gateway.accounts.createUser({ username }));
      return callerOf(user, await gateway.accounts.createKey({ user: user.id }));
    },
    async rows() {
      await gateway.ledger.flush();
      return entries.read();
    },
    sql(text, ...values) {
      const handle = new DatabaseSync(database);
      try {
        return Promise.resolve(handle.prepare(text).all(...values) as Record<string, unknown>[]);
      } finally {
        handle.close();
      }
    },
    async logText() {
      log.flush();
      return readFile(logFile, "utf8");
    },
    drain(graceMs) {
      entries.close();
      return drain(graceMs);
    },
    async stop() {
      entries.close();
      await drain(1000);
      log.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Reads the entries of a ledger. An entry never changes, so each is read once: many tests read all of them after each request. */
class EntryReader {
  readonly #path: string;
  /** Open while the gateway runs: opening it reads its whole schema. */
  #database: DatabaseSync | undefined;
  #rows: UsageRow[] = [];
  #lastId = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** All entries, the oldest first. */
  read(): UsageRow[] {
    const database = (this.#database ??= new DatabaseSync(this.#path, { readOnly: true }));
    const { count, last } = database.prepare("select count(*) as count, max(rowid) as last from usage_entries").get() as {
      readonly count: number;
      readonly last: number | null;
    };
    const added = readBetween(database, this.#lastId, last ?? 0);
    // If there are fewer than were known, some have been deleted.
    const isWhole = this.#rows.length + added.length === count;
    this.#rows = isWhole ? [...this.#rows, ...added] : readBetween(database, 0, last ?? 0);
    this.#lastId = last ?? 0;
    if (added.length > 0) this.#rows.sort(byTime);
    return [...this.#rows];
  }

  /** The gateway as the last one that has the database open removes the files beside it. Entries may be read afterwards. */
  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}

function readBetween(database: DatabaseSync, after: number, last: number): UsageRow[] {
  const rows = database.prepare("select * from usage_entries where rowid > ? and rowid <= ? order by time_ms, request_id, attempt");
  return rows.all(after, last) as unknown as UsageRow[];
}

/** As `order by time_ms, request_id, attempt` of the database. */
function byTime(a: UsageRow, b: UsageRow): number {
  if (a.time_ms !== b.time_ms) return a.time_ms - b.time_ms;
  if (a.request_id !== b.request_id) return a.request_id < b.request_id ? -1 : 1;
  return a.attempt - b.attempt;
}

/** The keys that the mock upstream lets in, one a provider. */
export const providerKeys = {
  openai: "sk-upstream-openai",
  anthropic: "sk-ant-upstream",
  google: "AIza-upstream-google",
  local: "sk-upstream-local",
} as const;

/**
 * A configuration whose providers of all four protocols are one mock upstream: `openai` (Responses and Chat), `anthropic`, `google`, and `local`,
 * which speaks Chat only and has models with slashes in their names. Nothing is sent twice, unless `more` says so, which is YAML that is put at the end.
 */
export function withMockUpstream(mockUrl: string, more = ""): string {
  return `
gateway: { work_mode: auto }
providers:
  openai: { api_key: ${providerKeys.openai}, base_url: "${mockUrl}/v1", models: [gpt-mock, text-embedding-mock] }
  anthropic: { api_key: ${providerKeys.anthropic}, base_url: "${mockUrl}", models: [claude-mock] }
  google: { api_key: ${providerKeys.google}, base_url: "${mockUrl}", models: [gemini-mock, gemini-embedding-mock] }
  local:
    protocols: [openai-chat]
    api_key: ${providerKeys.local}
    base_url: "${mockUrl}/v1"
    models: [org/local-model, local-embedding]
model_provider_routes:
  "gpt-*": openai
  "text-embedding-*": openai
  "claude-*": anthropic
  "gemini-*": google
model_aliases:
  fast: openai/gpt-mock
  clever: claude-mock
  quick: gemini-mock
  nearby: org/local-model
${more.includes("routing:") ? "" : "routing: { retries: 0 }"}
${more}`;
}
