import type { Clock, IdSource, Logger } from "../../core/index.ts";
import { createLimitAdmin } from "../../limits/index.ts";
import { createReports } from "../../ledger/index.ts";
import {
  adminRoutes,
  createAdminOperations,
  createHealthReader,
  createRouteTable,
  healthRoutes,
  homeRoutes,
  metricsRoute,
  modelRoutes,
  type AdminOperation,
  type DependencyHealth,
  type EdgeDeps,
  type Load,
  type MetricsSnapshot,
  type SystemDeps,
} from "../../server/index.ts";
import { readVersion } from "../version.ts";
import type { CurrentConfiguration } from "./configuration.ts";
import { explainRoute } from "./explain-route.ts";
import { describeLedger, liveLedger, type LiveLedger } from "./journals.ts";
import { limitConnections } from "./open-files.ts";
import type { ModelRequests } from "./model-requests.ts";
import type { Records } from "./records.ts";
import { composePriceAdmin } from "./price-admin.ts";
import { describeRoutes } from "./snapshot.ts";
import { createBudgetValues } from "./watched-values.ts";

/** What the HTTP side needs from its process. */
export interface ProcessDeps extends Pick<SystemDeps, "reload" | "status" | "stop" | "restart"> {
  /** Counters of all processes; this one's if omitted. */
  readonly collectMetrics?: ((own: () => MetricsSnapshot) => Promise<MetricsSnapshot>) | undefined;
  /** Whether the configuration file as it is now cannot be used. */
  readonly configurationFailed?: (() => boolean) | undefined;
  /** Serving has begun and no shutdown is under way. */
  readonly isServing: () => boolean;
}

export interface HttpDeps {
  readonly load: Load;
  readonly records: Records;
  readonly models: ModelRequests;
  readonly current: CurrentConfiguration;
  readonly process: ProcessDeps;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

/** The admin API's operations, over this process's own parts. */
export function composeOperations({ records, models, current, process, clock }: HttpDeps): AdminOperation[] {
  const { store, accounts, budgets, budgetAdmin, limits, bodies, entryBodies, directory } = records;
  const { durability } = current.settings.ledger;
  return createAdminOperations({
    accounts,
    budgets: budgetAdmin,
    onBudgetsChanged: () => budgets.refresh(),
    limits: createLimitAdmin({ store, clock }),
    onLimitsChanged: () => limits.refresh(),
    reports: createReports({ store }),
    timeZone: () => current.snapshot.timeZone,
    bodies: entryBodies,
    flushBodies: () => bodies.flush(),
    prices: composePriceAdmin(store, () => current, clock),
    clock,
    system: {
      catalog: () => current.snapshot.catalog,
      explain: (model, dialect) => explainRoute(current.snapshot, clock, { model, dialect }),
      routes: () => describeRoutes(current.settings, current.snapshot),
      config: () => current.settings.shown,
      ledger: async () => describeLedger(store, directory, durability, await readLiveLedger(records, models, process)),
      reload: process.reload,
      status: process.status,
      restart: process.restart,
      stop: process.stop,
    },
  });
}

/** The edge over one route table: models, admin API, health, metrics. */
export function composeEdge(deps: HttpDeps, operations: readonly AdminOperation[]): EdgeDeps {
  const { records, models, current, process, load, clock, ids, logger } = deps;
  const { store, ledger, accounts, surroundings } = records;
  const readHealth = createHealthReader({
    version: readVersion(),
    startedMs: clock.monotonic(),
    now: () => clock.monotonic(),
    pingDatabase: () => store.ping(),
    configurationFailed: () => process.configurationFailed?.() === true,
    files: () => surroundings.recent(),
    journal: () => ({ healthy: ledger.healthy(), message: ledger.status().lastError ?? null }),
    shared: () => sharedHealth(records),
    providerHealth: models.deps.providerHealth,
    providers: () => current.snapshot.providers,
    serving: process.isServing,
  });
  const readBudgets = createBudgetValues(records.budgetAdmin, () => current.settings.telemetry, clock);
  const collectAll = async (): Promise<MetricsSnapshot> => {
    const all = await (process.collectMetrics?.(models.ownMetrics) ?? models.ownMetrics());
    return { ...all, gauges: { ...all.gauges, ...(await readBudgets()) } };
  };
  const routes = createRouteTable([
    ...modelRoutes(models.deps),
    ...adminRoutes(operations),
    ...healthRoutes(readHealth),
    ...homeRoutes({
      readHealth,
      authEnabled: () => current.snapshot.edge.authEnabled,
      suggestModel: () => current.snapshot.suggestModel(),
    }),
    metricsRoute(collectAll),
  ]);
  return {
    routes,
    protocols: models.deps.protocols,
    accounts,
    settings: () => current.snapshot.edge,
    mostConnections: limitConnections(current.settings.gateway.limits.connections, logger),
    load,
    clock,
    ids,
    logger,
    onRefused: (code) => {
      models.metrics.refused(code);
    },
  };
}

async function readLiveLedger({ ledger }: Records, { ownMetrics }: ModelRequests, { collectMetrics }: ProcessDeps): Promise<LiveLedger> {
  if (collectMetrics === undefined) return liveLedger(ledger.status());
  const { gauges } = await collectMetrics(ownMetrics);
  const healthy = gauges["ledger_healthy"] === gauges["workers"];
  return {
    healthy,
    problem: healthy ? null : "a worker's journal takes no entries; the log says why",
    queued: gauges["ledger_queued_records"] ?? 0,
    lag_ms: null,
    open_attempts: gauges["ledger_open_attempts"] ?? 0,
  };
}

/** Without Redis, and with limits that are not shared, the gateway serves: it is degraded. */
function sharedHealth({ redis, limits }: Pick<Records, "redis" | "limits">): readonly DependencyHealth[] {
  const states: (readonly [name: string, message: string | undefined])[] = [];
  if (redis !== undefined) states.push(["redis", redis.problem]);
  const sharing = limits.sharing();
  if (sharing !== undefined) {
    const { title, problem } = sharing;
    states.push([
      "limits",
      problem === undefined ? undefined : `not shared over ${title} (${problem}): each process has its own part of them`,
    ]);
  }
  return states.map(([name, message]) => ({
    name,
    state: message === undefined ? "up" : "degraded",
    latency_ms: null,
    message: message ?? null,
  }));
}
