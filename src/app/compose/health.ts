import type { Clock } from "../../core/index.ts";
import { createHealthReader, type HealthReport, type MetricsSnapshot, type PartHealth, type ProviderFacts } from "../../server/index.ts";
import { readVersion } from "../self.ts";
import type { CurrentConfiguration } from "./configuration.ts";
import type { ProcessDeps } from "./http.ts";
import type { ModelRequests } from "./model-requests.ts";
import type { Records } from "./records.ts";

/** What other processes know of providers is asked for at most this often. */
const factsMs = 2000;

interface HealthSources {
  readonly records: Records;
  readonly models: ModelRequests;
  readonly current: CurrentConfiguration;
  readonly process: ProcessDeps;
  readonly clock: Clock;
}

/** The health of the gateway, for HTTP and for commands. */
export function composeHealth({ records, models, current, process, clock }: HealthSources): () => Promise<HealthReport> {
  const { store, ledger, surroundings } = records;
  return createHealthReader({
    version: readVersion(),
    startedMs: clock.monotonic(),
    now: () => clock.monotonic(),
    wallClock: () => clock.now(),
    pingDatabase: () => store.ping(),
    configurationFailed: () => process.configurationFailed?.() === true,
    files: () => surroundings.recent(),
    journal: () => ({ healthy: ledger.healthy(), message: ledger.status().lastError ?? null }),
    shared: () => sharedHealth(records),
    providerFacts: createFactsReader(models.ownMetrics, process.collectMetrics, clock),
    providers: () => current.snapshot.providers,
    serving: process.isServing,
  });
}

/** Without Redis, and with limits that are not shared, the gateway serves: it is degraded. */
function sharedHealth({ redis, limits }: Pick<Records, "redis" | "limits">): readonly PartHealth[] {
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
    message: message ?? null,
  }));
}

const noFacts: ProviderFacts = { providers: [], keys: [], blocks: [] };

function createFactsReader(
  own: () => MetricsSnapshot,
  collect: ProcessDeps["collectMetrics"],
  clock: Clock,
): () => ProviderFacts | Promise<ProviderFacts> {
  if (collect === undefined) return () => own().health ?? noFacts;
  let known = noFacts;
  let knownUntilMs = -Infinity;
  return async () => {
    if (clock.monotonic() < knownUntilMs) return known;
    known = (await collect(own)).health ?? noFacts;
    knownUntilMs = clock.monotonic() + factsMs;
    return known;
  };
}
