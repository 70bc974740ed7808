import { randomBytes } from "node:crypto";
import { flushCompileCache } from "node:module";
import { createAccounts, type Accounts } from "../accounts/index.ts";
import { createIdSource, createSealer, messageOf, shuttingDown, systemClock, type Clock, type Logger } from "../core/index.ts";
import {
  createAttemptRegistry,
  createBodyLog,
  createBackgroundJobs,
  createJournaledResponses,
  createKeptProofs,
  createResponseSweep,
  createTokenCalibration,
  createToolCallGuard,
  type GatewayDeps,
  type GatewaySnapshot,
  type ObservedRequest,
} from "../gateway/index.ts";
import {
  createBudgetAdmin,
  createBudgets,
  createEntryBodies,
  createBudgetSettlement,
  highestCostOfRow,
  type UsageRow,
  type Budgets,
  type CeilingRates,
  createLedger,
  createReports,
  createUnpricedAlarm,
  createRetention,
  createRollupStep,
  createStoreSink,
  type LedgerService,
  type LedgerSink,
  type PriceCatalogue,
} from "../ledger/index.ts";
import { protocols, upstreamProtocols } from "../protocols/index.ts";
import {
  adminRoutes,
  createAccessLog,
  createAdminOperations,
  createEdge,
  createRouteTable,
  healthRoutes,
  metricsRoute,
  modelRoutes,
  RequestMetrics,
  type AdminOperation,
  type Edge,
  type EdgeDeps,
  type MetricsSnapshot,
  type RouteTable,
  type SystemDeps,
} from "../server/index.ts";
import { createKeptProofTable, createResponseStore, readInstallationKeys } from "../store/index.ts";
import { createProviderHealth, secretsOf, type Catalog, type Provider } from "../upstream/index.ts";
import { maskSettings, type DatabaseSection, type LoadedSettings, type Settings } from "./config/index.ts";
import type { Log } from "./logging/log.ts";
import { openStore } from "./open-store.ts";
import { describeLedger, liveLedger, openJournal, replayLeftJournals, type LiveLedger } from "./journals.ts";
import { runtimePaths } from "./paths.ts";
import { createSnapshot, describeRoutes } from "./snapshot.ts";
import { createDatabaseLook, createSurroundings, type Surroundings } from "./surroundings.ts";
import { tightenAll } from "./tighten.ts";
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
  /** Processes that serve; 1 where left out, 0: this one serves nobody. */
  readonly processes?: number;
  /** Whether the configuration file as it is now cannot be used. */
  readonly configurationFailed?: () => boolean;
  /** Re-reads the configuration everywhere. */
  readonly reload: SystemDeps["reload"];
  readonly status: SystemDeps["status"];
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
  readonly budgets: Budgets;
  /** Brings into the database what dead processes have left in their journals. */
  readonly replay: () => Promise<void>;
  /** Where ledger rows go: the database, or the primary. */
  readonly sink: LedgerSink;
  /** Looks at files and sockets about every second: others may watch theirs with it. */
  readonly surroundings: Surroundings;
  readonly providers: () => readonly Provider[];
  readonly catalog: () => Catalog;
  /** Swaps a new configuration in; what needs a restart is named in the log. */
  apply(loaded: LoadedSettings): void;
  setServing(serving: boolean): void;
  /** Loads what the first requests would wait for, and asks the providers which models they have. Called once the port answers: a start waits for none of it. */
  warmUp(): void;
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
  const store = await openStore(loaded.settings.database, clock);
  const budgets = await createBudgets({ store, clock, logger });
  const accounts = createAccounts({ store, clock, ids, logger, onChange: () => budgets.refresh() });
  const ceiling = (): CeilingRates => current.budget.ceiling;
  const highestCost = (row: UsageRow): bigint | undefined => highestCostOfRow(current.prices, row);
  const sink =
    options.sink ??
    createStoreSink(store, { clock, steps: [createRollupStep(store), createBudgetSettlement({ ceiling, highestCost, logger })] });
  const {
    durability,
    retention: { journalMs: keepMs },
  } = loaded.settings.ledger;
  const { journal: directory } = runtimePaths(loaded.settings.database.path);
  let current = createSnapshot(loaded.settings, { clock, logger });
  const prices = (): PriceCatalogue => current.prices;
  const replay = (alone: boolean): Promise<void> => replayLeftJournals({ directory, keepMs, store, sink, prices, clock, logger }, alone);
  // Before the journal of this process is there. In a worker it is the primary that has done it.
  if (options.sink === undefined) await replay(true);
  const journal = openJournal({ directory, durability, processes: options.processes ?? 1, keepMs, clock, logger });
  const sharesDatabase = (options.processes ?? 1) > 1 || store.dialect === "postgresql";
  const ledger = createLedger({ sink, journal, prices, clock, logger, sharesDatabase });
  const surroundings = createSurroundings(logger);
  surroundings.watch(() => {
    ledger.inspect();
  });
  surroundings.watch(createDatabaseLook(store, logger));
  const ownFiles = { database: loaded.settings.database.path, journal: directory, log: log.file };
  surroundings.watch(() => {
    tightenAll(ownFiles, logger);
  });
  surroundings.look();
  const reports = createReports({ store });
  // Where a sink is given, another process has the database to itself.
  const retention =
    options.sink === undefined
      ? createRetention({
          store,
          entriesMs: () => loaded.settings.ledger.retention.entriesMs,
          bodiesMs: () => loaded.settings.ledger.bodies.lifetimeMs,
          clock,
          logger,
        })
      : undefined;
  const providerHealth = createProviderHealth({ clock });
  const underWay = createAttemptRegistry(clock);
  const metrics = new RequestMetrics();
  const unpriced = createUnpricedAlarm(logger);
  const writeAccessLine = createAccessLog(log.lines, clock, process.pid);
  let serving = false;
  let isWarm = false;
  const lifetimeMs = (): number => loaded.settings.gateway.responses.lifetimeMs;
  const responses = createJournaledResponses({
    responses: createResponseStore(store, clock, lifetimeMs),
    ledger,
    lifetimeMs,
    clock,
    isShared: sharesDatabase,
  });
  const background = createBackgroundJobs({ responses, logger });
  const responseSweep = createResponseSweep(responses, logger);
  const entryBodies = createEntryBodies(store);
  const bodies = createBodyLog({
    bodies: entryBodies,
    settings: () => loaded.settings.ledger.bodies,
    secrets: () => [...loaded.settings.providers.flatMap(secretsOf), ...secretsOfDatabase(loaded.settings.database)],
    clock,
    logger,
  });
  const toolCallGuard = createToolCallGuard();
  const deps: GatewayDeps = {
    protocols,
    sealer: createSealer(await readInstallationKeys(store, clock, randomBytes), randomBytes),
    toolCallGuard,
    keptProofs: createKeptProofs({ store: createKeptProofTable(store, clock), ledger, clock, logger, isShared: sharesDatabase }),
    upstreamProtocols,
    current: (): GatewaySnapshot => current,
    ledger,
    budgets,
    responses,
    databaseProblem: () => store.problem,
    bodies,
    background,
    providerHealth,
    underWay,
    calibration: createTokenCalibration(),
    bodyCalibration: createTokenCalibration(),
    ids,
    clock,
    logger,
    observe(request: ObservedRequest) {
      const { costNanoUsd, attempts, usage, provider, modelServed } = request;
      if (costNanoUsd === undefined && attempts > 0 && (usage.input ?? usage.output) !== undefined) unpriced.noticed(provider, modelServed);
      metrics.observe(request);
      writeAccessLine(request);
    },
  };
  const ownMetrics = (): MetricsSnapshot =>
    metrics.snapshot({
      active_streams: underWay.countStreams(),
      ledger_queued_records: ledger.status().queued,
      ledger_open_attempts: ledger.status().open,
      ledger_healthy: ledger.healthy() ? 1 : 0,
      workers: 1,
      duplicate_tool_calls_noted_total: toolCallGuard.counts().noted,
      duplicate_tool_calls_refused_total: toolCallGuard.counts().refused,
      budget_warned_requests_total: budgets.counts().warned,
      budget_refused_requests_total: budgets.counts().refused,
      bodies_dropped_total: bodies.counts().dropped,
    });
  const live = async (): Promise<LiveLedger> => {
    if (options.collectMetrics === undefined) return liveLedger(ledger.status());
    const {
      workers,
      ledger_healthy: healthy,
      ledger_queued_records: queued,
      ledger_open_attempts: open,
    } = (await options.collectMetrics(ownMetrics)).gauges;
    const ok = healthy === workers;
    return {
      healthy: ok,
      problem: ok ? null : "a worker's journal takes no entries; the log says why",
      queued: queued ?? 0,
      lag_ms: null,
      open_attempts: open ?? 0,
    };
  };
  const operations = createAdminOperations({
    accounts,
    budgets: createBudgetAdmin({ store, clock, ids, ceiling }),
    onBudgetsChanged: () => budgets.refresh(),
    reports,
    bodies: entryBodies,
    flushBodies: () => bodies.flush(),
    system: {
      catalog: () => current.catalog,
      routes: () => describeRoutes(loaded.settings, current),
      config: () => maskSettings(loaded.settings),
      ledger: async () => describeLedger(store, directory, durability, await live()),
      reload: options.reload,
      status: options.status,
      stop: options.stop,
    },
  });
  const table = createRouteTable([
    ...modelRoutes(deps),
    ...adminRoutes(operations),
    ...healthRoutes({
      version,
      startedMs: clock.monotonic(),
      now: () => clock.monotonic(),
      pingDatabase: () => store.ping(),
      configurationFailed: () => options.configurationFailed?.() === true,
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
    budgets,
    replay: () => replay(false),
    sink,
    surroundings,
    providers: () => current.providers,
    catalog: () => current.catalog,
    apply(next) {
      const old = current;
      current = createSnapshot(next.settings, { clock, logger, previous: old });
      warnOfRestart(loaded, next, logger);
      loaded = next;
      if (isWarm) void current.warmUp();
      old.retire();
    },
    setServing(value) {
      serving = value;
    },
    warmUp() {
      isWarm = true;
      // The next start finds all of it compiled, however this process ends.
      void current.warmUp().then(flushCompileCache);
    },
    async close(graceMs) {
      serving = false;
      surroundings.close();
      const terminate = (): void => {
        underWay.terminateAll(shuttingDown());
      };
      await Promise.all([edge.close(graceMs, terminate), background.close(graceMs, terminate)]);
      underWay.close();
      await responseSweep.close();
      await retention?.close();
      await bodies.close();
      // What is kept or lost then has been told; all the rest is closed in any case.
      await ledger.stop().catch((error: unknown) => {
        logger.error({ error: messageOf(error) }, "the ledger could not be written to its end");
      });
      accounts.close();
      budgets.close();
      await current.close();
      await store.close();
      log.flush();
    },
  };
}

/** What a running process cannot change. */
function warnOfRestart(old: LoadedSettings, next: LoadedSettings, logger: Logger): void {
  const fixed = (settings: Settings): object => {
    const { host, port, workers, logging } = settings.gateway;
    return { gateway: { host, port, workers, logging }, database: placeOf(settings.database), durability: settings.ledger.durability };
  };
  if (JSON.stringify(fixed(old.settings)) !== JSON.stringify(fixed(next.settings))) {
    logger.warn({}, "gateway.host, port, workers, logging, database and ledger.durability take effect at the next start");
  }
}

function secretsOfDatabase({ postgresql }: DatabaseSection): readonly string[] {
  return [postgresql?.url, postgresql?.password].flatMap((secret) => (secret === undefined ? [] : [secret.reveal()]));
}

/** With its secrets, which are compared and not shown. */
function placeOf({ type, path, postgresql }: DatabaseSection): object {
  return { type, path, ...postgresql, url: postgresql?.url?.reveal(), password: postgresql?.password?.reveal() };
}
