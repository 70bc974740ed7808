import type { Clock, IdSource, Logger } from "../../core/index.ts";
import { readVersion } from "../self.ts";
import { createLimitAdmin } from "../../limits/index.ts";
import { createPerformanceReports, createReports } from "../../ledger/index.ts";
import {
  adminRoutes,
  auditOperations,
  createAdminOperations,
  createRouteTable,
  healthRoutes,
  docsRoutes,
  homeRoutes,
  metricsRoute,
  modelRoutes,
  ssoRoutes,
  type AdminOperation,
  type EdgeDeps,
  type HealthReport,
  type Load,
  type MetricsSnapshot,
  type SystemDeps,
} from "../../server/index.ts";
import { composeSecrets } from "./secrets.ts";
import type { CurrentConfiguration } from "./configuration.ts";
import { explainRoute } from "./explain-route.ts";
import { describeLedger, liveLedger, type LiveLedger } from "./journals.ts";
import { limitConnections } from "./open-files.ts";
import type { ComposedMarket } from "./market.ts";
import type { ModelRequests } from "./model-requests.ts";
import type { SignIn } from "../../sso/index.ts";
import type { SignIns } from "./sign-ins.ts";
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
  readonly readHealth: () => Promise<HealthReport>;
  readonly records: Records;
  readonly models: ModelRequests;
  readonly market: Pick<ComposedMarket, "admin" | "exchange">;
  readonly current: CurrentConfiguration;
  readonly signIns: SignIns;
  readonly signIn: SignIn;
  readonly process: ProcessDeps;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

/** The edge and the admin API's operations, over one gateway. */
export function composeHttp(deps: HttpDeps): { readonly edgeDeps: EdgeDeps; readonly operations: readonly AdminOperation[] } {
  const operations = composeOperations(deps);
  return { edgeDeps: composeEdge(deps, operations), operations };
}

/** The admin API's operations, over this process's own parts. */
function composeOperations({
  records,
  models,
  market,
  current,
  process,
  readHealth,
  signIns,
  signIn,
  clock,
  logger,
}: HttpDeps): AdminOperation[] {
  const { store, audit, accounts, sessions, budgets, budgetAdmin, limits, bodies, entryBodies, directory } = records;
  const { durability } = current.settings.ledger;
  const operations = createAdminOperations({
    audit,
    accounts,
    sessions: {
      sessions,
      publicOrigin: () => current.snapshot.edge.publicOrigin,
      attempts: signIns.attempts,
      onSignIn: () => signIns.count("key", "ok"),
      signOutUrl: () => signIn.signOutUrl(),
    },
    budgets: budgetAdmin,
    onBudgetsChanged: () => budgets.refresh(),
    limits: createLimitAdmin({ store, clock }),
    onLimitsChanged: () => limits.refresh(),
    reports: createReports({ store: { dialect: store.dialect, db: store.reader } }),
    performance: createPerformanceReports(store, clock),
    secrets: composeSecrets(store, audit, { clock, onSealingKey: () => records.sealKeys.refresh() }),
    timeZone: () => current.snapshot.timeZone,
    bodies: entryBodies,
    flushBodies: () => bodies.flush(),
    alerts: records.alerts,
    prices: composePriceAdmin(store, () => current, clock),
    clock,
    market: market.admin,
    exchange: market.exchange,
    system: {
      catalog: () => current.snapshot.catalog,
      explain: (asked) => explainRoute(current.snapshot, clock, asked),
      routes: () => describeRoutes(current.settings, current.snapshot),
      config: () => current.settings.shown,
      ledger: async () => describeLedger(store, directory, durability, await readLiveLedger(records, models, process)),
      health: readHealth,
      reload: process.reload,
      status: process.status,
      restart: process.restart,
      stop: process.stop,
    },
  });
  return auditOperations(operations, audit.log, logger);
}

/** The edge over one route table: models, admin API, health, metrics. */
function composeEdge(deps: HttpDeps, operations: readonly AdminOperation[]): EdgeDeps {
  const { records, models, current, process, load, readHealth, signIns, signIn, clock, ids, logger } = deps;
  const { accounts } = records;
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
      hasSingleSignOn: () => signIn.isConfigured,
      suggestModel: () => current.snapshot.suggestModel(),
    }),
    ...ssoRoutes({ signIn, attempts: signIns.attempts }),
    ...docsRoutes({
      readDocs: async () => (await import("../assistant/documentation.ts")).readDocumentation(),
      version: readVersion(),
    }),
    metricsRoute(collectAll),
  ]);
  return {
    routes,
    protocols: models.deps.protocols,
    accounts,
    sessions: records.sessions,
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
