import { flushCompileCache } from "node:module";
import type { Logger } from "../../core/index.ts";
import type { DatabaseSection, LoadedSettings, Settings } from "../config/index.ts";
import { createTargetStates, type TargetStates } from "../../upstream/index.ts";
import { createSnapshot, type Snapshot, type SnapshotOptions } from "./snapshot.ts";

/** The configuration in use and what is built from it. Other parts read it at each use, as a reload replaces all of it. */
export interface CurrentConfiguration {
  readonly settings: Settings;
  readonly snapshot: Snapshot;
  /** What is known of targets. */
  readonly states: TargetStates;
  /** Applies a new configuration. The log names settings that need a restart. */
  apply(loaded: LoadedSettings): void;
  /** Makes the snapshot again from the same settings: what other nodes sell has changed. */
  refresh(): void;
  /** Loads what the first requests need, and asks the providers for their models. Resolves when it is loaded; never rejects. */
  warmUp(): Promise<void>;
  close(): Promise<void>;
}

type SnapshotDeps = Pick<SnapshotOptions, "protocols" | "clock" | "logger" | "listing" | "market">;

export function createCurrentConfiguration(loaded: LoadedSettings, deps: SnapshotDeps): CurrentConfiguration {
  const { logger } = deps;
  let { settings } = loaded;
  const states = createTargetStates();
  let snapshot = createSnapshot(settings, { ...deps, states });
  let isWarm = false;
  const replace = (next: Settings): void => {
    const old = snapshot;
    snapshot = createSnapshot(next, { ...deps, states, previous: old });
    settings = next;
    if (isWarm) void snapshot.warmUp();
    old.retire();
  };
  return {
    get settings() {
      return settings;
    },
    get snapshot() {
      return snapshot;
    },
    states,
    apply(next) {
      warnOfRestart(settings, next.settings, logger);
      replace(next.settings);
    },
    refresh() {
      replace(settings);
    },
    async warmUp() {
      isWarm = true;
      await snapshot.warmUp();
      // Written now, so that the next start finds the compiled code even if this process is killed.
      flushCompileCache();
    },
    close: () => snapshot.close(),
  };
}

/** A running process cannot change these. */
function warnOfRestart(old: Settings, next: Settings, logger: Logger): void {
  const fixed = (settings: Settings): object => {
    const { host, port, workers, logging } = settings.gateway;
    return {
      gateway: { host, port, workers, logging },
      database: placeOf(settings.database),
      durability: settings.ledger.durability,
      traces: [settings.telemetry.otlp, settings.telemetry.content],
      limits: settings.limits.store,
      answers: settings.responseCache?.store ?? "memory",
      redis: settings.redis.url?.reveal(),
    };
  };
  if (JSON.stringify(fixed(old)) !== JSON.stringify(fixed(next))) {
    logger.warn(
      {},
      "gateway.host, port, workers, logging, database, redis, limits.store, response_cache.store, ledger.durability, telemetry.otlp and telemetry.content take effect at the next start",
    );
  }
}

/** With its secrets, which are only compared. */
function placeOf({ type, path, postgresql }: DatabaseSection): object {
  return { type, path, ...postgresql, url: postgresql?.url?.reveal(), password: postgresql?.password?.reveal() };
}
