import { createAccounts, type Accounts } from "../accounts/index.ts";
import { createIdSource, GatewayError, systemClock, type Clock, type Logger } from "../core/index.ts";
import { createStreamRegistry, type GatewayDeps, type GatewaySnapshot, type ObservedRequest } from "../gateway/index.ts";
import { createLedger, createReports, createStoreSink, type LedgerService, type LedgerSink } from "../ledger/index.ts";
import { protocols, upstreamProtocols } from "../protocols/index.ts";
import {
  accountOperations,
  adminRoutes,
  createAccessLog,
  createEdge,
  createRouteTable,
  healthRoutes,
  metricsRoute,
  modelRoutes,
  RequestMetrics,
  systemOperations,
  usageOperations,
  type AdminOperation,
  type Edge,
  type EdgeDeps,
  type MetricsSnapshot,
  type RouteTable,
} from "../server/index.ts";
import { createResponseOwners, createSqliteStore, type Store } from "../store/index.ts";
import { createProviderHealth, type Catalog, type Provider } from "../upstream/index.ts";
import { maskSettings, type LoadedSettings, type Settings } from "./config/index.ts";
import type { Log } from "./logging/log.ts";
import { createSnapshot, describeRoutes } from "./snapshot.ts";
import { readVersion } from "./version.ts";

/** What differs between a gateway in one process and a worker among several. */
export interface ComposeOptions {
  readonly loaded: LoadedSettings;
  readonly log: Log;
  readonly clock?: Clock;
  /** Where ledger rows go; by default into the database. */
  readonly sink?: LedgerSink;
  /** Counters of all processes; by default this one's. */
  readonly collectMetrics?: (own: () => MetricsSnapshot) => Promise<MetricsSnapshot>;
  /** Re-reads the configuration everywhere. */
  readonly reload: () => Promise<unknown>;
  readonly status: () => unknown;
  readonly stop: () => void;
}

/** A gateway, built and not yet listening. */
export interface Gateway {
  readonly edge: Edge;
  /** For another edge over the same gateway: the control socket. */
  readonly edgeDeps: EdgeDeps;
  readonly table: RouteTable;
  readonly operations: readonly AdminOperation[];
  readonly accounts: Accounts;
  readonly metrics: () => MetricsSnapshot;
  readonly ledger: LedgerService;
  /** Where ledger rows go: the database, or the primary. */
  readonly sink: LedgerSink;
  readonly providers: () => readonly Provider[];
  readonly catalog: () => Catalog;
  /** Swaps a new configuration in; what needs a restart is named in the log. */
  apply(loaded: LoadedSettings): void;
  setServing(serving: boolean): void;
  /** Drains, flushes the ledger and lets go of everything. */
  close(graceMs: number): Promise<void>;
}

/** Builds everything from configuration; the one place where the rooms meet. */
export async function composeGateway(options: ComposeOptions): Promise<Gateway> {
  const { log, clock = systemClock } = options;
  const { logger } = log;
  let { loaded } = options;
  const version = readVersion();
  const ids = createIdSource(clock);
  const store = await openStore(loaded.settings, clock);
  const accounts = createAccounts({ store, clock, ids });
  const sink = options.sink ?? createStoreSink(store);
  const ledger = createLedger({
    sink,
    prices: () => current.prices,
    clock,
    logger,
  });
  if (loaded.settings.ledger.durability !== ledger.status().durability) {
    logger.warn(
      { asked: loaded.settings.ledger.durability, has: ledger.status().durability },
      "ledger.durability: this version keeps entries in memory until the database has them, some 20 ms; a crash loses those",
    );
  }
  const reports = createReports({ store });
  const providerHealth = createProviderHealth({ clock });
  const streams = createStreamRegistry(clock);
  const metrics = new RequestMetrics();
  const writeAccessLine = createAccessLog(log.lines, clock, process.pid);
  let current = createSnapshot(loaded.settings, { clock, logger });
  let serving = false;

  const deps: GatewayDeps = {
    protocols,
    upstreamProtocols,
    current: (): GatewaySnapshot => current,
    ledger,
    responses: createResponseOwners(store, clock),
    providerHealth,
    streams,
    ids,
    clock,
    logger,
    observe(request: ObservedRequest) {
      metrics.observe(request);
      writeAccessLine(request);
    },
  };
  const ownMetrics = (): MetricsSnapshot =>
    metrics.snapshot({
      active_streams: streams.size,
      ledger_queued_records: ledger.status().queued,
      ledger_healthy: ledger.healthy() ? 1 : 0,
      workers: 1,
    });
  const operations = [
    ...accountOperations(accounts),
    ...usageOperations(reports, accounts),
    ...systemOperations({
      catalog: () => current.catalog,
      routes: () => describeRoutes(loaded.settings, current),
      config: () => maskSettings(loaded.settings),
      reload: options.reload,
      status: options.status,
      stop: options.stop,
    }),
  ];
  const table = createRouteTable([
    ...modelRoutes(deps),
    ...adminRoutes(operations),
    ...healthRoutes({
      version,
      startedMs: clock.monotonic(),
      now: () => clock.monotonic(),
      pingDatabase: () => store.ping(),
      journal: () => ({ healthy: ledger.healthy(), message: ledger.status().lastError ?? null }),
      providerHealth,
      providers: () => current.providers,
      serving: () => serving,
    }),
    metricsRoute(() => options.collectMetrics?.(ownMetrics) ?? ownMetrics()),
  ]);
  const edgeDeps: EdgeDeps = {
    routes: table,
    protocols,
    accounts,
    settings: () => current.edge,
    clock,
    ids,
    logger,
    onRefused: (code) => {
      metrics.refused(code);
    },
  };
  const edge = createEdge(edgeDeps);

  return {
    edge,
    edgeDeps,
    table,
    operations,
    accounts,
    metrics: ownMetrics,
    ledger,
    sink,
    providers: () => current.providers,
    catalog: () => current.catalog,
    apply(next) {
      const old = current;
      current = createSnapshot(next.settings, { clock, logger, previous: old });
      warnOfRestart(loaded, next, logger);
      loaded = next;
      old.retire();
    },
    setServing(value) {
      serving = value;
      // What the first requests would wait for is loaded while nobody waits.
      setImmediate(() => {
        current.warmUp();
      });
    },
    async close(graceMs) {
      serving = false;
      await edge.close(graceMs, () => {
        streams.terminateAll(new GatewayError("shutting_down", "The gateway is shutting down. Send the request again."));
      });
      streams.close();
      await ledger.stop();
      accounts.close();
      await current.close();
      await store.close();
      log.flush();
    },
  };
}

/** @throws Error that says what to do. */
async function openStore(settings: Settings, clock: Clock): Promise<Store> {
  if (settings.database.type === "postgresql") {
    throw new Error("database.type: postgresql is not supported by this version yet. Use sqlite.");
  }
  return await createSqliteStore({ path: settings.database.path, clock });
}

/** What a running process cannot change. */
function warnOfRestart(old: LoadedSettings, next: LoadedSettings, logger: Logger): void {
  const fixed = (settings: Settings): object => {
    const { host, port, workers, logging } = settings.gateway;
    return { gateway: { host, port, workers, logging }, database: { type: settings.database.type, path: settings.database.path } };
  };
  if (JSON.stringify(fixed(old.settings)) !== JSON.stringify(fixed(next.settings))) {
    logger.warn({}, "gateway.host, port, workers, logging and database take effect at the next start");
  }
}
