import { existsSync } from "node:fs";
import { createAccounts, createSessions } from "../accounts/index.ts";
import { createIdSource, GatewayError, silentLogger, systemClock } from "../core/index.ts";
import { createBudgetAdmin, createEntryBodies, createPerformanceReports, createReports, highestCostOfRow } from "../ledger/index.ts";
import { createLimitAdmin } from "../limits/index.ts";
import { exchangeWithout, marketWithout } from "../market/index.ts";
import { protocols } from "../protocols/index.ts";
import {
  AttemptLimit,
  auditOperations,
  createAdminClient,
  createAdminOperations,
  createLocalSender,
  localPrincipal,
  type AdminClient,
  type AdminSender,
} from "../server/index.ts";
import { createControlSender, isNobodyThere } from "./control-client.ts";
import type { DatabaseSection, LoadedSettings } from "./config/index.ts";
import { describeLedger, noLiveLedger } from "./compose/journals.ts";
import { openStore } from "./compose/open-store.ts";
import { runtimePaths } from "./paths.ts";
import { explainRoute } from "./compose/explain-route.ts";
import { composeAlerts } from "./compose/alerts.ts";
import { composeSecrets } from "./compose/secrets.ts";
import { composeAudit } from "./compose/audit.ts";
import { composePriceAdmin } from "./compose/price-admin.ts";
import { createSnapshot, describeRoutes } from "./compose/snapshot.ts";

/** The admin API, wherever it is served. */
export interface Admin {
  readonly call: AdminClient;
  close(): Promise<void>;
}

export interface AdminOptions {
  /** A database that does not exist is made at once. */
  readonly create?: boolean;
  /** Through what the calls are made, for the log and the audit trail. */
  readonly via?: "assistant" | undefined;
}

/**
 * The admin API of the running daemon over its control socket, or of the database itself if no daemon runs. A database file that does not exist is made by
 * the first call that changes something, unless `create` is set; until then everything is empty.
 */
export async function openAdmin(loaded: LoadedSettings, { create = false, via }: AdminOptions = {}): Promise<Admin> {
  const paths = runtimePaths(loaded.settings.database.path);
  const remote = createAdminClient(createControlSender(paths.socket, { via }));
  try {
    await remote("status.get");
    return { call: remote, close: () => Promise.resolve() };
  } catch (error) {
    if (!isNobodyThere(error)) throw error;
  }
  const { database } = loaded.settings;
  const isThere = create || database.type === "postgresql" || existsSync(database.path);
  const opened: (Promise<OwnAdmin> | undefined)[] = [];
  const own = (forChange: boolean): Promise<OwnAdmin> => {
    const index = isThere || forChange ? 1 : 0;
    return (opened[index] ??= openOwn(loaded, index === 1 ? database : { type: "sqlite", path: ":memory:" }, via));
  };
  if (create) await own(true);
  return {
    call: createAdminClient(async (method, target, body) =>
      (await own(method !== "GET" || opened[1] !== undefined)).send(method, target, body),
    ),
    async close() {
      for (const admin of opened) await (await admin)?.close();
    },
  };
}

/** The admin API of a database, in this process. */
interface OwnAdmin {
  readonly send: AdminSender;
  close(): Promise<void>;
}

async function openOwn(loaded: LoadedSettings, database: DatabaseSection, via?: "assistant"): Promise<OwnAdmin> {
  const { journal } = runtimePaths(loaded.settings.database.path);
  const clock = systemClock;
  const store = await openStore(database, clock);
  const ids = createIdSource(clock);
  const accounts = createAccounts({ store, clock, ids });
  const snapshot = createSnapshot(loaded.settings, { protocols, clock, logger: silentLogger, announced: false });
  const audit = composeAudit(loaded.settings, { store, clock, logger: silentLogger });
  const operations = createAdminOperations({
    audit,
    accounts,
    sessions: { sessions: createSessions({ store, clock, ids }), ...noSignIns },
    budgets: createBudgetAdmin({
      store,
      clock,
      ids,
      ceiling: () => snapshot.budget.ceiling,
      highestCost: (row) => highestCostOfRow(snapshot.prices, row),
      isAlias: (model) => snapshot.catalog.resolve(model).isAlias,
      timeZone: () => snapshot.timeZone,
    }),
    // A daemon that is started meanwhile sees the change by the revision.
    onBudgetsChanged: () => Promise.resolve(),
    limits: createLimitAdmin({ store, clock }),
    onLimitsChanged: () => Promise.resolve(),
    reports: createReports({ store }),
    performance: createPerformanceReports(store, clock),
    secrets: composeSecrets(store, audit, { clock }),
    timeZone: () => snapshot.timeZone,
    bodies: createEntryBodies(store),
    flushBodies: () => Promise.resolve(),
    alerts: composeAlerts({ store, settings: () => loaded.settings.alerts, clock, logger: silentLogger }),
    prices: composePriceAdmin(store, () => ({ snapshot, settings: loaded.settings }), clock),
    clock,
    market: marketWithout(notRunning),
    exchange: exchangeWithout(notRunning),
    system: {
      catalog: () => snapshot.catalog,
      explain: (asked) => explainRoute(snapshot, clock, asked),
      routes: () => describeRoutes(loaded.settings, snapshot),
      config: () => loaded.settings.shown,
      ledger: () => describeLedger(store, journal, loaded.settings.ledger.durability, noLiveLedger),
      health: () => Promise.reject(notRunning()),
      reload: () => Promise.reject(notRunning()),
      status: () => ({ status: "stopped" }),
      stop: () => {
        throw notRunning();
      },
    },
  });
  return {
    send: createLocalSender(auditOperations(operations, audit.log, silentLogger), localPrincipal, via),
    async close() {
      accounts.close();
      await audit.close();
      await snapshot.close();
      await store.close();
    },
  };
}

/** Browsers sign in over the port of a daemon. */
const noSignIns = {
  publicOrigin: () => undefined,
  attempts: new AttemptLimit(systemClock, 1),
  onSignIn: () => undefined,
  signOutUrl: () => Promise.resolve(undefined),
};

function notRunning(): GatewayError {
  return new GatewayError("conflict", "No daemon is running. Start one with `tokligence-daemon start --background`.");
}
