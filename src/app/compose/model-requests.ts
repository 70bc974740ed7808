import { randomBytes } from "node:crypto";
import { createSealer, systemSchedule, type Clock, type IdSource } from "../../core/index.ts";
import {
  type AnswerCache,
  AnswerStore,
  ContextCacheMemory,
  createAttemptRegistry,
  createBackgroundJobs,
  createJournaledResponses,
  createKeptProofs,
  createResponseSweep,
  createTokenCalibration,
  FirewallCounts,
  HedgeCounts,
  RedisAnswers,
  PrefixMemory,
  type GatewayDeps,
  type ObservedRequest,
  ToolSampler,
} from "../../gateway/index.ts";
import { createToolCallGuard } from "../../policy/index.ts";
import { createUnpricedAlarm } from "../../ledger/index.ts";
import type { ProtocolTable } from "../../protocols/index.ts";
import { CallerMetrics, createAccessLog, RequestMetrics, watchedKey, type MetricsSnapshot } from "../../server/index.ts";
import { createContextCacheTable, createKeptProofTable, createResponseStore } from "../../store/index.ts";
import { createAffinity, RetryBudget } from "../../upstream/index.ts";
import type { Log } from "../logging/log.ts";
import type { CurrentConfiguration } from "./configuration.ts";
import { composeTelemetry, type Telemetry } from "./telemetry.ts";
import { readHealthFacts, type HealthFacts } from "./health-facts.ts";
import type { Records } from "./records.ts";
import { limitValues, targetValues } from "./watched-values.ts";

/** What serves model requests, apart from the HTTP edge. */
export interface ModelRequests {
  readonly deps: GatewayDeps;
  readonly metrics: RequestMetrics;
  /** The counters and gauges of this process. */
  readonly ownMetrics: () => MetricsSnapshot;
  /** Ends the responses in the background, after at most `graceMs` by `terminate`. */
  closeBackground(graceMs: number, terminate: () => void): Promise<void>;
  /** Ends the sweep of responses, and sends the last traces. */
  closeSweep(): Promise<void>;
}

export interface ModelRequestsDeps {
  readonly protocols: ProtocolTable;
  readonly records: Records;
  readonly current: CurrentConfiguration;
  readonly facts: HealthFacts;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
}

export async function composeModelRequests(options: ModelRequestsDeps): Promise<ModelRequests> {
  const { protocols, records, current, facts, clock, ids, log } = options;
  const { logger } = log;
  const { store, ledger, budgets, bodies, sharesDatabase: isShared } = records;
  const lifetimeMs = (): number => current.settings.gateway.responses.lifetimeMs;
  const stored = createResponseStore(store, clock, lifetimeMs);
  const responses = createJournaledResponses({ responses: stored, ledger, lifetimeMs, clock, isShared });
  const background = createBackgroundJobs({ responses, logger });
  const responseSweep = createResponseSweep(responses, logger);
  const { metrics, telemetry, observe } = composeObservation(options);
  const deps: GatewayDeps = {
    protocols,
    sealer: createSealer(records.sealKeys, randomBytes),
    toolCallGuard: createToolCallGuard(),
    toolSampler: new ToolSampler(),
    firewallCounts: new FirewallCounts(),
    hedges: new HedgeCounts(),
    keptProofs: createKeptProofs({ store: createKeptProofTable(store, clock), ledger, clock, logger, isShared }),
    current: () => current.snapshot,
    ledger,
    budgets,
    limits: records.limits,
    responses,
    databaseProblem: () => store.problem,
    bodies,
    background,
    providerHealth: facts.providerHealth,
    keyHealth: facts.keyHealth,
    retryBudget: new RetryBudget(),
    affinity: createAffinity(),
    prefixMemory: new PrefixMemory(clock),
    contextCaches: { memory: new ContextCacheMemory(clock), table: createContextCacheTable(store, clock) },
    responseCache: createAnswerCache(records, current, clock),
    random: Math.random,
    schedule: systemSchedule,
    activeAttempts: createAttemptRegistry(clock),
    calibration: createTokenCalibration(),
    bodyCalibration: createTokenCalibration(),
    ids,
    clock,
    logger,
    observe,
    tracer: telemetry?.tracer,
  };
  metrics.watch(() => firewallValues(deps));
  return {
    deps,
    metrics,
    ownMetrics: () => ({
      ...metrics.snapshot(gaugesOf(deps, records)),
      health: readHealthFacts(facts, current.states.list(), clock.monotonic()),
    }),
    closeBackground: (graceMs, terminate) => background.close(graceMs, terminate),
    async closeSweep() {
      await responseSweep.close();
      await telemetry?.close();
    },
  };
}

/** Where `response_cache.store` says, as it was at the start. */
function createAnswerCache({ redis }: Records, { settings }: CurrentConfiguration, clock: Clock): AnswerCache {
  const isInRedis = settings.responseCache?.store === "redis" && redis !== undefined;
  return isInRedis ? new RedisAnswers({ redis, clock, schedule: systemSchedule }) : new AnswerStore();
}

/** What learns of requests when they are over. */
function composeObservation({ current, log, clock }: Pick<ModelRequestsDeps, "current" | "log" | "clock">): {
  readonly metrics: RequestMetrics;
  readonly telemetry: Telemetry | undefined;
  readonly observe: GatewayDeps["observe"];
} {
  const metrics = new RequestMetrics();
  const callers = createCallerMetrics(current);
  const telemetry = composeTelemetry(current.settings.telemetry, { clock, logger: log.logger });
  metrics.watch(() => callers.read());
  metrics.watch(() => targetValues(current.snapshot.providers, current.states.list(), clock.monotonic()));
  metrics.watch(() => ({ traces_dropped_total: telemetry?.dropped() ?? 0 }));
  return { metrics, telemetry, observe: createObserver([metrics, callers], log, clock) };
}

function firewallValues({ firewallCounts }: GatewayDeps): Readonly<Record<string, number>> {
  return Object.fromEntries([
    ...firewallCounts.rules.map(({ rule, action, direction, requests }) => [
      watchedKey("firewall_found_total", rule, action, direction),
      requests,
    ]),
    ...[...firewallCounts.unjudged].map(([classifier, times]) => [watchedKey("firewall_unjudged_total", classifier), times]),
  ]);
}

function createCallerMetrics(current: Pick<CurrentConfiguration, "settings">): CallerMetrics {
  return new CallerMetrics(() => {
    const { labels, maxLabelValues } = current.settings.telemetry;
    return { user: labels.includes("user"), key: labels.includes("key"), mostValues: maxLabelValues };
  });
}

/** Counts each finished request, writes its log line, and reports a model without a price. */
function createObserver(
  metrics: readonly { observe(request: ObservedRequest): void }[],
  log: Log,
  clock: Clock,
): (request: ObservedRequest) => void {
  const unpriced = createUnpricedAlarm(log.logger);
  const writeAccessLine = createAccessLog(log.lines, clock, process.pid);
  return (request) => {
    const { costNanoUsd, attempts, usage, provider, modelServed } = request;
    if (costNanoUsd === undefined && attempts > 0 && (usage.input ?? usage.output) !== undefined) unpriced.noticed(provider, modelServed);
    for (const each of metrics) each.observe(request);
    writeAccessLine(request);
  };
}

function gaugesOf(
  { activeAttempts, toolCallGuard, firewallCounts, hedges, responseCache }: GatewayDeps,
  { ledger, budgets, limits, bodies }: Records,
): Readonly<Record<string, number>> {
  const { queued, open, lagMs } = ledger.status();
  const { noted, refused } = toolCallGuard.counts();
  return {
    active_streams: activeAttempts.countStreams(),
    ledger_queued_records: queued,
    ledger_open_attempts: open,
    journal_lag_seconds: lagMs / 1000,
    ledger_healthy: ledger.healthy() ? 1 : 0,
    workers: 1,
    response_cache_hits_total: responseCache.hits,
    response_cache_bytes: responseCache.sizeBytes,
    duplicate_tool_calls_noted_total: noted,
    duplicate_tool_calls_refused_total: refused,
    firewall_observed_requests_total: firewallCounts.observed,
    firewall_masked_requests_total: firewallCounts.masked,
    firewall_blocked_requests_total: firewallCounts.blocked,
    hedged_requests_total: hedges.asked,
    hedges_won_total: hedges.won,
    hedge_lost_cost_usd_total: Number(hedges.lostNanoUsd) / 1e9,
    budget_warned_requests_total: budgets.counts().warned,
    budget_refused_requests_total: budgets.counts().refused,
    ...limitValues(limits),
    bodies_dropped_total: bodies.counts().dropped,
  };
}
