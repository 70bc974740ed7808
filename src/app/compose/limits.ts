import { randomUUID } from "node:crypto";
import type { Clock, Logger } from "../../core/index.ts";
import {
  createLimits,
  PostgresRemote,
  RedisRemote,
  type ConfiguredLimits,
  type LimitRemote,
  type Limits,
  type LimitStoreKind,
} from "../../limits/index.ts";
import type { RedisConnection, Store } from "../../store/index.ts";
import type { Settings } from "../config/index.ts";

/** What the configuration says of limits, for the limits in use. */
export function configuredLimits({ limits, providers }: Pick<Settings, "limits" | "providers">): ConfiguredLimits {
  return {
    default: limits.default,
    providers: providers.flatMap(({ name, limits: values }) =>
      values === undefined ? [] : [{ subject: { kind: "provider", name }, values }],
    ),
  };
}

export interface ComposeLimitsDeps {
  readonly settings: Settings;
  readonly store: Store;
  /** `undefined`: none is configured. */
  readonly redis: RedisConnection | undefined;
  /** The primary process, for a worker. */
  readonly primary: LimitRemote | undefined;
  readonly isServing: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The limits of this process, counted where `limits.store` says. */
export async function composeLimits(deps: ComposeLimitsDeps): Promise<Limits> {
  const { settings, store, isServing, clock, logger } = deps;
  const remote = isServing ? remoteOf(settings.limits.store, deps) : undefined;
  const limits = await createLimits({ store, clock, logger, configured: configuredLimits(settings), remote });
  const started = limits.start();
  // A worker reads what its primary answers only after it has been made.
  if (remote !== deps.primary) await started;
  return limits;
}

function remoteOf(
  kind: LimitStoreKind,
  { store, redis, primary, logger }: Pick<ComposeLimitsDeps, "store" | "redis" | "primary" | "logger">,
): LimitRemote | undefined {
  // A name that no other process has, on any machine and after any restart.
  const node = randomUUID();
  switch (kind) {
    case "memory":
      return primary;
    case "redis":
      // The configuration has been checked.
      return new RedisRemote(redis!, node);
    case "postgresql":
      return new PostgresRemote(store, node, logger);
  }
}
