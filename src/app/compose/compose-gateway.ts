import type { Accounts } from "../../accounts/index.ts";
import { createIdSource, messageOf, shuttingDown, systemClock, type Clock, type Logger } from "../../core/index.ts";
import type { Budgets, LedgerService, LedgerSink } from "../../ledger/index.ts";
import { protocols as allProtocols, type ProtocolTable } from "../../protocols/index.ts";
import {
  createEdge,
  LoadWatch,
  type AdminOperation,
  type Edge,
  type EdgeDeps,
  type MetricsSnapshot,
  type RouteTable,
  type SystemDeps,
} from "../../server/index.ts";
import { createProviderHealth, type AnnouncedModels, type Catalog, type Provider } from "../../upstream/index.ts";
import type { LimitRemote } from "../../limits/index.ts";
import { connectRedis, type RedisConnection, type Store } from "../../store/index.ts";
import type { LoadedSettings } from "../config/index.ts";
import type { Log } from "../logging/log.ts";
import { composeCanaries } from "./canaries.ts";
import { createCurrentConfiguration, type CurrentConfiguration } from "./configuration.ts";
import { composeHttp } from "./http.ts";
import { MarketLink } from "./market-link.ts";
import { composeMarket } from "./market.ts";
import { composeModelRequests, type ModelRequests } from "./model-requests.ts";
import { configuredLimits } from "./limits.ts";
import { openRecords, type Records, type RecordsDeps } from "./records.ts";
import type { PrimaryRole } from "./primary-role.ts";
import { composeHealth } from "./health.ts";
import { createHealthFacts, type HealthFacts } from "./health-facts.ts";
import { composeSso } from "./sso.ts";
import { createSignIns } from "./sign-ins.ts";
import type { SnapshotOptions } from "./snapshot.ts";
import { composeSharedStates, type SharedStates } from "./shared-states.ts";
import type { Surroundings } from "./surroundings.ts";
import { changeValues, loadValues } from "./watched-values.ts";

/** How long the end of a process waits for the database; longer than the ledger does. */
const databaseMs = 11_000;

/** The options that differ between a gateway in one process and a worker among several. */
export interface ComposeOptions {
  readonly loaded: LoadedSettings;
  readonly log: Log;
  readonly clock?: Clock;
  /** All of the program's if omitted. */
  readonly protocols?: ProtocolTable;
  /** Where ledger rows go; by default into the database. */
  readonly sink?: LedgerSink;
  /** Where ledger rows go until this gateway takes the place of the one before it. */
  readonly predecessor?: LedgerSink | undefined;
  /** Tells the primary what this process has learned of targets; for a worker. */
  readonly toPrimary?: (news: string) => void;
  /** Where limits are counted, if not in this process alone; for a worker. */
  readonly limitRemote?: LimitRemote;
  /** Opens the journal of this process; in the folder beside the database if omitted. */
  readonly openJournal?: RecordsDeps["openJournal"];
  /** Counters of all processes; by default this one's. */
  readonly collectMetrics?: (own: () => MetricsSnapshot) => Promise<MetricsSnapshot>;
  /** Processes that serve; 1 if omitted, 0: this one serves no requests. */
  readonly processes?: number;
  /** Whether the configuration file as it is now cannot be used. */
  readonly configurationFailed?: () => boolean;
  /** Re-reads the configuration everywhere. */
  readonly reload: SystemDeps["reload"];
  readonly status: SystemDeps["status"];
  /** What is known of the load of this process; it is watched if omitted. */
  readonly load?: Pick<LoadWatch, "share" | "reason" | "delayMs" | "stop">;
  readonly stop: () => void;
  /** Without it, this gateway cannot be replaced by another one. */
  readonly restart?: SystemDeps["restart"];
}

/** How a gateway ends. */
export interface Drain {
  /** Active answers get this time to end. */
  readonly graceMs: number;
  /** See `Edge.close`. */
  readonly lingerMs?: number | undefined;
  /** Another gateway serves in its place already: this one does not say of itself that it is about to end. */
  readonly isReplaced?: boolean;
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
  /** Writes what dead processes have left in their journals into the database. */
  readonly replay: () => Promise<void>;
  /** Where ledger rows go: the database, or the primary. */
  readonly sink: LedgerSink;
  /** Checks files and sockets about every second; other parts may add theirs. */
  readonly surroundings: Surroundings;
  readonly sharedStates: SharedStates;
  readonly providers: () => readonly Provider[];
  readonly catalog: () => Catalog;
  /** The providers' lists of models. */
  readonly listings: () => AnnouncedModels | undefined;
  /** A model to try the gateway with; see `suggestModel`. Without prices nothing is loaded for it. */
  readonly suggestModel: (usePrices?: boolean) => string;
  /** Applies a new configuration. The log names settings that need a restart. */
  apply(loaded: LoadedSettings): void;
  setServing(serving: boolean): void;
  /**
   * Loads what the first requests need, and asks the providers for their models. Called once the port answers, so that a start does not wait for it. Resolves when
   * it is loaded; never rejects.
   */
  warmUp(): Promise<void>;
  /** What one process does for all that serve the database. */
  readonly role: PrimaryRole;
  /** Checks users at the identity provider now; see `createRecheck`. */
  readonly recheck: () => Promise<void>;
  /** Asks the canaries that are due. */
  readonly askCanaries: () => Promise<void>;
  /** Counts what models did, and compares it with earlier weeks. */
  readonly lookAtModels: () => Promise<void>;
  /** Drains, flushes the ledger and releases everything. */
  close(drain: Drain): Promise<void>;
  /** Shortens the grace of a `close` under way. */
  hurry(graceMs: number): void;
}

/** Builds everything from configuration; the one place where the rooms meet. */
// One sequence: each part needs those before it.
// oxlint-disable-next-line max-lines-per-function
export async function composeGateway(options: ComposeOptions): Promise<Gateway> {
  const { loaded, log, clock = systemClock, processes = 1, protocols = allProtocols } = options;
  const { logger } = log;
  const ids = createIdSource(clock);
  const facts = createHealthFacts(clock, createProviderHealth({ clock }), createProviderHealth({ clock }));
  const link = new MarketLink();
  const current = createCurrentConfiguration(loaded, { protocols, clock, logger, listing: probesOf(facts, processes), market: link });
  const redis = await openRedis(loaded.settings, logger);
  const records = await openRecords({ ...options, current, clock, ids, processes, redis });
  if (records.role.isPrimary) records.audit.configured(loaded.settings);
  const models = await composeModelRequests({ protocols, records, current, facts, clock, ids, log });
  const sharedStates = composeSharedStates({ states: current.states, redis, toPrimary: options.toPrimary, clock, logger });
  let serving = false;
  const load = options.load ?? new LoadWatch({ now: () => clock.monotonic(), logger });
  const process = { ...options, isServing: () => serving };
  const sources = { records, models, current, process, clock };
  const signIns = createSignIns(clock);
  const { signIn, recheck } = composeSso({ ...sources, signIns, ids, logger });
  const market = composeMarket({ ...sources, link, processes, ids, logger });
  const canaries = composeCanaries({ ...sources, ids, logger });
  const { edgeDeps, operations } = composeHttp({
    ...sources,
    market,
    load,
    readHealth: composeHealth(sources),
    signIns,
    signIn,
    ids,
    logger,
  });
  // Also in the primary of several workers, which never warms up: it alone checks.
  recheck.start();
  const edge = createEdge(edgeDeps);
  models.metrics.watch(() => ({ ...loadValues(edge, load), ...signIns.values() }));
  models.metrics.watch(() => changeValues(records.performance));
  models.metrics.watch(() => market.values());
  const { accounts, ledger, budgets, surroundings } = records;
  return {
    edge,
    edgeDeps,
    table: edgeDeps.routes,
    operations,
    accounts,
    metrics: models.ownMetrics,
    ledger,
    budgets,
    replay: () => records.replay(),
    sink: records.sink,
    surroundings,
    sharedStates,
    providers: () => current.snapshot.providers,
    catalog: () => current.snapshot.catalog,
    listings: () => current.snapshot.listings,
    suggestModel: (usePrices) => current.snapshot.suggestModel(usePrices),
    apply: (next) => applySettings(current, records, next, logger),
    setServing(value) {
      serving = value;
    },
    async warmUp() {
      await current.warmUp();
      market.start();
      canaries.start();
    },
    role: records.role,
    recheck: () => recheck.runNow(),
    askCanaries: () => canaries.runNow(),
    lookAtModels: () => records.performance.runNow(),
    hurry: (graceMs) => void drain(edge, models, { graceMs }),
    async close(how) {
      serving = how.isReplaced === true;
      await canaries.stop();
      await drain(edge, models, how);
      await market.close();
      await recheck.stop();
      sharedStates.close();
      load.stop();
      await closeParts({ records, models, current, log });
    },
  };
}

interface ClosedParts {
  readonly records: Records;
  readonly models: ModelRequests;
  readonly current: CurrentConfiguration;
  readonly log: Log;
}

/** Everything that no request uses any more. */
async function closeParts({ records, models, current, log }: ClosedParts): Promise<void> {
  records.surroundings.close();
  models.deps.activeAttempts.close();
  const cancelAbort = abortLater(records.store, log.logger);
  await models.closeSweep();
  await records.flush();
  await current.close();
  await records.close();
  cancelAbort();
  log.flush();
}

function applySettings(current: CurrentConfiguration, records: Records, next: LoadedSettings, logger: Logger): void {
  const { timeZone } = current.settings.ledger;
  current.apply(next);
  records.limits.configure(configuredLimits(next.settings));
  if (records.role.isPrimary) records.audit.configured(next.settings);
  if (records.role.isPrimary && next.settings.ledger.timeZone !== timeZone) void realignBudgets(records, logger);
}

async function openRedis({ redis: { url } }: LoadedSettings["settings"], logger: Logger): Promise<RedisConnection | undefined> {
  return url === undefined ? undefined : await connectRedis(url, logger);
}

/** Of several processes each probes in its turn, so that a provider is asked about once a minute. */
function probesOf({ onOutcome, isIdle }: HealthFacts, processes: number): NonNullable<SnapshotOptions["listing"]> {
  return processes === 0 ? { onOutcome } : { onOutcome, isIdle, probeMs: 60_000 * processes };
}

/** Resolves when the last answer has ended, or was ended. */
async function drain(edge: Edge, models: ModelRequests, { graceMs, lingerMs }: Drain): Promise<void> {
  const terminate = (): void => {
    models.deps.activeAttempts.terminateAll(shuttingDown());
  };
  await Promise.all([edge.close(graceMs, terminate, lingerMs), models.closeBackground(graceMs, terminate)]);
  // What the gateway asks for itself after an answer, as a cache of its prompt, has no client that waits for it.
  terminate();
}

/** A database that does not answer must not keep the process from ending: what is not written by then is in the journal. @returns cancels it. */
function abortLater(store: Pick<Store, "abort">, logger: Logger): () => void {
  const limit = setTimeout(() => {
    logger.error({}, "the database does not answer: the gateway ends without it");
    store.abort();
  }, databaseMs);
  return () => {
    clearTimeout(limit);
  };
}

/** Budgets go on with what has been spent in the days and months of another time zone. */
async function realignBudgets({ budgetAdmin }: Records, logger: Logger): Promise<void> {
  try {
    await budgetAdmin.realign();
  } catch (error) {
    logger.error(
      { error: messageOf(error) },
      "budgets do not know yet what was spent in the periods of the new time zone; a restart tries it again",
    );
  }
}
