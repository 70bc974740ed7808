import { exchangeWithout, marketWithout } from "../../market/index.ts";
import type { TestContext } from "node:test";
import type { Accounts, ApiKey, User } from "../../accounts/index.ts";
import { GatewayError, systemClock, utcZone } from "../../core/index.ts";
import type { Reports } from "../../ledger/index.ts";
import { createCatalog, buildProviders } from "../../upstream/index.ts";
import { AttemptLimit } from "../http/attempt-limit.ts";
import { keys, startEdge, type TestEdge } from "../testing.ts";
import { adminRoutes, type AdminOperation } from "./api.ts";
import { createAdminOperations } from "./operations.ts";
import type { SystemDeps } from "./system.ts";

export const alice: User = {
  id: "usr_1",
  username: "alice",
  email: null,
  role: "user",
  created_at: "2026-01-01T00:00:00Z",
  disabled_at: null,
  tags: [],
};

export const keyOf = (id: string, userId: string): ApiKey => ({
  id,
  user_id: userId,
  username: "alice",
  name: null,
  role: "user",
  prefix: "tok_abcd",
  created_at: "2026-01-01T00:00:00Z",
  revoked_at: null,
  expires_at: null,
  models: null,
  parent_id: null,
  disabled_at: null,
  previous_until: null,
  tags: [],
  cache: "off" as const,
  market: "peers" as const,
});

export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Accounts and reports that note what they are asked, and know two keys of two users. */
export function fakes(): { calls: Call[]; accounts: Accounts; reports: Reports } {
  const calls: Call[] = [];
  const noted = <T>(name: string, answer: (...args: never[]) => T): ((...args: unknown[]) => Promise<T>) => {
    return async (...args) => {
      calls.push({ name, args });
      return answer(...(args as never[]));
    };
  };
  const owned = new Map([
    ["key_1", "usr_1"],
    ["key_2", "usr_2"],
  ]);
  const accounts = {
    authenticate: (key: string) => keys.get(key),
    createUser: noted("createUser", () => alice),
    listUsers: noted("listUsers", () => [alice]),
    getUser: noted("getUser", (ref: string) => {
      if (ref !== "usr_1" && ref !== "alice") throw new GatewayError("not_found", `No user "${ref}".`);
      return alice;
    }),
    createKey: noted("createKey", () => ({ ...keyOf("key_3", "usr_1"), key: "tok_shown_once" })),
    getKey: noted("getKey", (id: string) => keyOf(id, "usr_1")),
    listKeys: noted("listKeys", () => [keyOf("key_1", "usr_1")]),
    readNames: () => Promise.resolve({ users: new Map(), keys: new Map() }),
    revokeKey: noted("revokeKey", (id: string, filter?: { user?: string }) => {
      const owner = owned.get(id);
      if (owner === undefined || (filter?.user !== undefined && filter.user !== owner)) throw new GatewayError("not_found", "No such key.");
      return keyOf(id, owner);
    }),
    close() {},
  } as unknown as Accounts;
  const reports = {
    usage: noted("usage", () => ({ rows: [] })),
    entries: noted("entries", () => ({ entries: [], next: null })),
  } as unknown as Reports;
  return { calls, accounts, reports };
}

const system: SystemDeps = {
  catalog: () => createCatalog({ providers: buildProviders([]), routes: [], aliases: new Map() }),
  explain: ({ model, dialect }) => ({
    model,
    dialect,
    steps: [],
    attempts: [],
    strategy: "priority",
    affinity: true,
    hedge: "off",
    targets: [],
  }),
  routes: () => ({ model_provider_routes: [], model_aliases: {}, models: {}, fallbacks: {}, providers: [] }),
  config: () => ({ providers: { openai: { api_key: "[secret]" } } }),
  reload: () => Promise.reject(new GatewayError("invalid_request", "config.yaml:3: gateway.port must be a number.")),
  health: () => Promise.reject(new GatewayError("internal_error", "not asked here")),
  status: () => ({ status: "running" }),
  ledger: () => Promise.reject(new GatewayError("internal_error", "not asked here")),
  stop: () => {},
};

export interface Started extends TestEdge {
  readonly calls: Call[];
  readonly operations: readonly AdminOperation[];
  /** Status and body of a call with a key. */
  readonly ask: (method: string, path: string, body?: unknown, key?: string) => Promise<[number, Record<string, unknown>]>;
}

/** Budgets have tests of their own, with a database; here only the access to them is tested. */
const refuse = (): Promise<never> => Promise.reject(new GatewayError("not_found", "There is no such budget."));

export function operationsOver(accounts: Accounts, reports: Reports, changes: Partial<SystemDeps> = {}): AdminOperation[] {
  return createAdminOperations({
    accounts,
    alerts: { test: () => Promise.resolve([]) },
    audit: {
      trail: {
        list: refuse,
        verify: refuse,
        prove: refuse,
        exportLines: () => {
          throw new Error("not asked here");
        },
      },
      flush: refuse,
      publishedHead: () => undefined,
    },
    sessions: {
      sessions: { create: refuse, authenticate: refuse, list: refuse, end: refuse },
      publicOrigin: () => undefined,
      attempts: new AttemptLimit(systemClock, 20),
      onSignIn: () => undefined,
      signOutUrl: () => Promise.resolve(undefined),
    },
    budgets: { set: refuse, list: refuse, remove: refuse, realign: refuse },
    onBudgetsChanged: refuse,
    limits: { set: refuse, list: refuse, remove: refuse },
    onLimitsChanged: refuse,
    reports,
    timeZone: () => utcZone,
    bodies: { read: refuse },
    flushBodies: refuse,
    prices: {
      sources: () => ({ sources: [] }),
      show: (model) => ({ model, as_of: "2026-01-01T00:00:00.000Z", prices: [] }),
      check: refuse,
      reprice: refuse,
    },
    secrets: { rotateSealingKey: refuse, rotateAuditKey: refuse },
    performance: { list: () => Promise.resolve([]), history: () => Promise.resolve([]) },
    clock: systemClock,
    market: marketWithout(() => new GatewayError("not_found", "There is no market.")),
    exchange: exchangeWithout(() => new GatewayError("not_found", "There is no exchange.")),
    system: { ...system, ...changes },
  });
}

export async function start(t: TestContext, changes: Partial<SystemDeps> = {}): Promise<Started> {
  const { calls, accounts, reports } = fakes();
  const operations = operationsOver(accounts, reports, changes);
  const edge = await startEdge(t, adminRoutes(operations), { accounts });
  return {
    ...edge,
    calls,
    operations,
    async ask(method, path, body, key = "tok_admin") {
      const answer = await fetch(`${edge.origin}${path}`, {
        method,
        headers: { "x-api-key": key },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return [answer.status, (await answer.json()) as Record<string, unknown>];
    },
  };
}
