import { randomBytes } from "node:crypto";
import type { Alerts } from "../../alerts/index.ts";
import { createAccounts, createSessions, readSubjectName, type Accounts, type Sessions } from "../../accounts/index.ts";
import { messageOf, type Clock, type IdSource, type Logger } from "../../core/index.ts";
import { createBodyLog, type BodyLog } from "../../gateway/index.ts";
import {
  ChangingSink,
  createBudgetAdmin,
  createBudgets,
  createBudgetSettlement,
  createDescriptorReserve,
  createEntryBodies,
  createLedger,
  createPerformanceWatch,
  createRetention,
  createRollupStep,
  createStoreSink,
  createUnpricedStep,
  highestCostOfRow,
  type BudgetAdmin,
  type Budgets,
  type CeilingRates,
  type EntryBodies,
  type LedgerService,
  type LedgerSink,
  type PerformanceWatch,
  type PriceCatalogue,
} from "../../ledger/index.ts";
import type { LimitRemote, Limits } from "../../limits/index.ts";
import { InstallationKeys, type RedisConnection, type Store } from "../../store/index.ts";
import { secretsOf } from "../../upstream/index.ts";
import type { DatabaseSection } from "../config/index.ts";
import type { Log } from "../logging/log.ts";
import { runtimePaths } from "../paths.ts";
import { tightenAll, type OwnFiles } from "../tighten.ts";
import type { CurrentConfiguration } from "./configuration.ts";
import { composeLimits } from "./limits.ts";
import { composeAudit, type Audit } from "./audit.ts";
import { openJournal, replayLeftJournals } from "./journals.ts";
import { composeAlerts, createAlertWatch, crossingEvent, modelChangedEvent, unpricedEvent } from "./alerts.ts";
import { openStore } from "./open-store.ts";
import { PrimaryRole } from "./primary-role.ts";
import { createDatabaseLook, createSurroundings, type Surroundings } from "./surroundings.ts";

/** Everything that is stored: the database, users and keys, budgets, the ledger and its journal, stored bodies. */
export interface Records {
  readonly store: Store;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  /** What proofs of reasoning are sealed with. */
  readonly sealKeys: InstallationKeys;
  readonly audit: Audit;
  readonly budgets: Budgets;
  readonly budgetAdmin: BudgetAdmin;
  readonly limits: Limits;
  /** `undefined`: none is configured. */
  readonly redis: RedisConnection | undefined;
  readonly ledger: LedgerService;
  readonly alerts: Alerts;
  readonly performance: PerformanceWatch;
  /** Where ledger rows go: the database, or the primary process. */
  readonly sink: LedgerSink;
  /** The folder of the journals. */
  readonly directory: string;
  readonly entryBodies: EntryBodies;
  readonly bodies: BodyLog;
  readonly surroundings: Surroundings;
  /** Other processes write to the database as well. */
  readonly sharesDatabase: () => boolean;
  readonly role: PrimaryRole;
  /** Writes what dead processes have left in their journals into the database. */
  replay(): Promise<void>;
  /** Writes what is still in memory. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface RecordsDeps {
  readonly current: CurrentConfiguration;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  /** Processes that serve; 0: this one serves no requests. */
  readonly processes: number;
  /** Where ledger rows go; the database if omitted. If it is given, another process has the database to itself. */
  readonly sink?: LedgerSink | undefined;
  /** Brings rows into the database until this process is the primary: the gateway whose place this one takes. */
  readonly predecessor?: LedgerSink | undefined;
  /** Where the limits of several workers are counted; this process alone counts them if omitted. */
  readonly limitRemote?: LimitRemote | undefined;
  readonly redis?: RedisConnection | undefined;
  /** Opens the journal of this process; `openJournal` if omitted. */
  readonly openJournal?: typeof openJournal | undefined;
}

// One sequence: each part needs what the ones before have opened.
// oxlint-disable-next-line max-lines-per-function
export async function openRecords(deps: RecordsDeps): Promise<Records> {
  const { current, clock, ids, log, processes } = deps;
  const { logger } = log;
  const { database, ledger: options } = current.settings;
  const store = await openStore(database, clock);
  const audit = composeAudit(current.settings, { store, clock, logger });
  const budgets = await createBudgets({ store, clock, logger, timeZone: () => current.snapshot.timeZone });
  const budgetAdmin = openBudgetAdmin(store, deps);
  const limits = await openLimits(store, deps);
  const sealKeys = await InstallationKeys.open(store, clock, randomBytes);
  const onChange = async (): Promise<void> => {
    await Promise.all([budgets.refresh(), limits.refresh(), sealKeys.refresh()]);
  };
  const accounts = createAccounts({ store, clock, ids, logger, onChange });
  const alerts = composeAlerts({ store, settings: () => current.settings.alerts, clock, logger });
  const sink = new ChangingSink(deps.sink ?? deps.predecessor ?? createDatabaseSink(store, deps, alerts));
  const { journal: directory } = runtimePaths(database.path);
  const keepMs = options.retention.journalMs;
  const prices = (): PriceCatalogue => current.snapshot.prices;
  const replay = (alone: boolean): Promise<void> => replayLeftJournals({ directory, keepMs, store, sink, prices, clock, logger }, alone);
  const role = new PrimaryRole({
    isPrimary: deps.sink === undefined && deps.predecessor === undefined,
    isSuccessor: deps.predecessor !== undefined,
    sink,
    createDatabaseSink: () => createDatabaseSink(store, deps, alerts),
    replay,
    budgetAdmin,
    startRetention: () => {
      audit.log?.start();
      return startRetention(store, deps);
    },
  });
  // Before the journal of this process is there.
  await role.begin();
  const reserve = createDescriptorReserve();
  const { durability } = options;
  const journal = (deps.openJournal ?? openJournal)({ directory, durability, processes, keepMs, clock, logger, reserve });
  const sharesDatabase = (): boolean => role.isShared || processes > 1 || store.dialect === "postgresql";
  const ledger = createLedger({ sink, journal, prices, clock, logger, sharesDatabase });
  const surroundings = watchSurroundings({ store, ledger, log, clock }, { database: database.path, journal: directory, log: log.file });
  surroundings.watch(() => {
    reserve.refill();
  });
  const watch = createAlertWatch({
    store,
    settings: () => current.settings.alerts,
    clock,
    logger,
    alerts,
    ledger,
    timeZone: () => current.snapshot.timeZone,
    isPrimary: () => role.isPrimary,
  });
  const performance = createPerformanceWatch({
    store,
    clock,
    ids,
    logger,
    isPrimary: () => role.isPrimary,
    onChange: (change) => alerts.raise(modelChangedEvent(change)),
  });
  performance.start();
  const entryBodies = createEntryBodies(store);
  const bodies = openBodyLog(entryBodies, deps);
  return {
    store,
    accounts,
    sessions: createSessions({ store, clock, ids }),
    sealKeys,
    audit,
    budgets,
    budgetAdmin,
    limits,
    redis: deps.redis,
    ledger,
    alerts,
    performance,
    sink,
    directory,
    entryBodies,
    bodies,
    surroundings,
    sharesDatabase,
    role,
    replay: () => replay(false),
    async flush() {
      await role.close();
      await bodies.close();
      await stopLedger(ledger, logger);
      await watch.stop();
      await performance.stop();
      alerts.close();
      await alerts.flush();
    },
    async close() {
      await audit.close();
      for (const part of [accounts, budgets, limits, deps.redis]) part?.close();
      await store.close();
      reserve.close();
    },
  };
}

/** The log has named what is kept in the journal or lost; everything else is closed in any case. */
async function stopLedger(ledger: LedgerService, logger: Logger): Promise<void> {
  try {
    await ledger.stop();
  } catch (error) {
    logger.error({ error: messageOf(error) }, "the ledger could not be written to its end");
  }
}

/** A process that serves no requests has no part of the limits. */
function openLimits(store: Store, { current, clock, log, processes, limitRemote, redis }: RecordsDeps): Promise<Limits> {
  const { settings } = current;
  return composeLimits({ settings, store, redis, primary: limitRemote, isServing: processes > 0, clock, logger: log.logger });
}

function openBudgetAdmin(store: Store, { current, clock, ids }: RecordsDeps): BudgetAdmin {
  const ceiling = (): CeilingRates => current.snapshot.budget.ceiling;
  return createBudgetAdmin({
    store,
    clock,
    ids,
    ceiling,
    highestCost: (row) => highestCostOfRow(current.snapshot.prices, row),
    isAlias: (model) => current.snapshot.catalog.resolve(model).isAlias,
    timeZone: () => current.snapshot.timeZone,
  });
}

function createDatabaseSink(store: Store, { current, clock, log }: RecordsDeps, alerts: Alerts): LedgerSink {
  const settlement = createBudgetSettlement({
    ceiling: () => current.snapshot.budget.ceiling,
    timeZone: () => current.snapshot.timeZone,
    highestCost: (row) => highestCostOfRow(current.snapshot.prices, row),
    isAlias: (model) => current.snapshot.catalog.resolve(model).isAlias,
    readName: readSubjectName,
    logger: log.logger,
    onCrossing: (crossing) => alerts.raise(crossingEvent(crossing)),
  });
  const unpriced = createUnpricedStep((provider, model, timeMs) => {
    alerts.raise(unpricedEvent(provider, model, current.snapshot.timeZone.startOf("day", timeMs)));
  });
  return createStoreSink(store, { clock, steps: [createRollupStep(store), settlement, unpriced] });
}

interface Watched {
  readonly store: Store;
  readonly ledger: LedgerService;
  readonly log: Log;
  readonly clock: Clock;
}

function watchSurroundings({ store, ledger, log, clock }: Watched, ownFiles: OwnFiles): Surroundings {
  const { logger } = log;
  const surroundings = createSurroundings(logger, clock);
  surroundings.watch(() => {
    ledger.inspect();
  });
  surroundings.watch(createDatabaseLook(store, logger));
  surroundings.watch(() => {
    tightenAll(ownFiles, logger);
  });
  surroundings.watch(() => {
    if (log.reopenIfMoved())
      surroundings.report(`the log file ${log.file} was removed or moved by somebody else; the log goes on in a new one`);
  });
  surroundings.look();
  return surroundings;
}

function startRetention(store: Store, { current, clock, log: { logger } }: RecordsDeps): ReturnType<typeof createRetention> {
  return createRetention({
    store,
    entriesMs: () => current.settings.ledger.retention.entriesMs,
    bodiesMs: () => current.settings.ledger.bodies.lifetimeMs,
    clock,
    logger,
  });
}

function openBodyLog(bodies: EntryBodies, { current, clock, log: { logger } }: RecordsDeps): BodyLog {
  return createBodyLog({
    bodies,
    settings: () => current.settings.ledger.bodies,
    secrets: () => [...current.settings.providers.flatMap(secretsOf), ...secretsOfDatabase(current.settings.database)],
    clock,
    logger,
  });
}

function secretsOfDatabase({ postgresql }: DatabaseSection): readonly string[] {
  return [postgresql?.url, postgresql?.password].flatMap((secret) => (secret === undefined ? [] : [secret.reveal()]));
}
