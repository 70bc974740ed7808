import { messageOf } from "../../core/index.ts";
import type { ProviderHealth } from "../../upstream/index.ts";
import type { Route, RouteContext } from "../route-table.ts";
import type { HttpExchange } from "../http/exchange.ts";
import { defaultDialect } from "../../protocols/index.ts";

/** One dependency as `/health` shows it. */
export interface DependencyHealth {
  readonly name: string;
  /** `idle`: a provider that has not been asked yet. `degraded`: it serves, and its message says what is about to go wrong. */
  readonly state: "up" | "degraded" | "down" | "idle" | "disabled";
  readonly latency_ms: number | null;
  readonly message: string | null;
}

export interface HealthDeps {
  readonly version: string;
  readonly startedMs: number;
  readonly now: () => number;
  /** Milliseconds of one small read. @throws if the database does not answer. */
  readonly pingDatabase: () => Promise<number>;
  /** Whether the configuration file as it is now cannot be used, so that settings read before stay in use. */
  readonly configurationFailed?: () => boolean;
  /** A file of the gateway that another program removed a short while ago, and that was made again. */
  readonly files?: () => string | undefined;
  readonly journal: () => { readonly healthy: boolean; readonly message: string | null };
  /** What gateways and workers share, and how it is. */
  readonly shared?: () => readonly DependencyHealth[];
  readonly providerHealth: ProviderHealth;
  readonly providers: () => readonly { readonly name: string; readonly enabled: boolean; readonly disabledReason?: string }[];
  /** Serving has begun and no shutdown is under way. */
  readonly serving: () => boolean;
  /** A database that does not answer in this time counts as down; 2 s by default. */
  readonly pingTimeoutMs?: number;
}

const defaultPingTimeoutMs = 2000;

/**
 * `/health` shows all dependencies; `/health/ready` is 200 when configuration, database and journal are in order, or only degraded (a provider that is down is shown,
 * not a reason); `/health/live` is 200 as long as the process answers. Basis: the contract's section 1.
 */
export function healthRoutes(read: () => Promise<HealthReport>): Route[] {
  const common = { access: "public", dialect: defaultDialect } as const;
  const health: Pick<Route, "path" | "handle">[] = [
    { path: "/health", handle: async (exchange, context) => answerHealth(exchange, seenBy(context, await read()), true) },
    { path: "/health/ready", handle: async (exchange, context) => answerHealth(exchange, seenBy(context, await read()), false) },
    { path: "/health/live", handle: (exchange) => answer(exchange, 200, { status: "live" }) },
  ];
  const bases = ["/v1", "/v1beta", "/anthropic", "/anthropic/v1", "/v1beta/openai"];
  return [
    // node:http omits the body of an answer to HEAD.
    ...health.flatMap((route): Route[] => [
      { ...common, ...route, method: "GET" },
      { ...common, ...route, method: "HEAD" },
    ]),
    ...bases.map((path): Route => ({ ...common, method: "HEAD", path, handle: (exchange) => exchange.json(200, [], "") })),
  ];
}

/** The reason is for operators only: it quotes the file. */
const configurationDegraded: DependencyHealth = {
  name: "configuration",
  state: "degraded",
  latency_ms: null,
  message: "The configuration file cannot be used as it is now; the settings read before stay in use. `tokligence-daemon status` says why.",
};

/** What `/health` shows. */
export interface HealthReport {
  readonly status: "ok" | "degraded" | "unavailable";
  readonly version: string;
  readonly uptime_seconds: number;
  readonly dependencies: readonly DependencyHealth[];
  readonly providers: readonly DependencyHealth[];
}

/** @returns a function that reads the health of all parts, with at most one query to the database at a time. */
export function createHealthReader(deps: HealthDeps): () => Promise<HealthReport> {
  const probe = createDatabaseProbe(deps);
  return async () => {
    const dependencies = [await probe(), ...ownStates(deps)];
    const isReady = deps.serving() && dependencies.every((dependency) => dependency.state !== "down");
    const readyStatus = dependencies.some((dependency) => dependency.state === "degraded") ? "degraded" : "ok";
    return {
      status: isReady ? readyStatus : "unavailable",
      version: deps.version,
      uptime_seconds: Math.round((deps.now() - deps.startedMs) / 1000),
      dependencies,
      providers: providerStates(deps),
    };
  };
}

function ownStates(deps: HealthDeps): DependencyHealth[] {
  const journal = deps.journal();
  const own: DependencyHealth[] = [
    {
      name: "journal",
      state: stateOf(journal),
      latency_ms: null,
      message: journal.message,
    },
  ];
  own.push(...(deps.shared?.() ?? []));
  if (deps.configurationFailed?.() === true) own.push(configurationDegraded);
  const files = deps.files?.();
  if (files !== undefined) own.push({ name: "files", state: "degraded", latency_ms: null, message: files });
  return own;
}

/** Latencies and messages are for admins, and for callers on the gateway's own machine; all others see the states. */
function seenBy({ principal, isLocal }: Pick<RouteContext, "principal" | "isLocal">, report: HealthReport): HealthReport {
  if (isLocal || principal.role === "admin") return report;
  const stateOnly = ({ name, state }: DependencyHealth): DependencyHealth => ({ name, state, latency_ms: null, message: null });
  return { ...report, dependencies: report.dependencies.map(stateOnly), providers: report.providers.map(stateOnly) };
}

function answerHealth(exchange: HttpExchange, report: HealthReport, whole: boolean): void {
  const { providers, ...body } = report;
  answer(exchange, report.status === "unavailable" ? 503 : 200, whole ? { ...body, providers } : body);
}

type DatabaseProbe = () => Promise<DependencyHealth>;

/** Asks the database once at a time: callers share the answer, so that a stuck database does not collect queries. */
function createDatabaseProbe(deps: HealthDeps): DatabaseProbe {
  let asked: Promise<number> | undefined;
  return async () => {
    asked ??= Promise.resolve()
      .then(() => deps.pingDatabase())
      .finally(() => {
        asked = undefined;
      });
    return await databaseHealth(asked, deps.pingTimeoutMs ?? defaultPingTimeoutMs);
  };
}

async function databaseHealth(asked: Promise<number>, timeoutMs: number): Promise<DependencyHealth> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer in ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    const latency = await Promise.race([asked, late]);
    return { name: "database", state: "up", latency_ms: round(latency), message: null };
  } catch (error) {
    return { name: "database", state: "down", latency_ms: null, message: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

function providerStates(deps: HealthDeps): DependencyHealth[] {
  const seen = new Map(deps.providerHealth.snapshot().map((state) => [state.provider, state]));
  return deps.providers().map((provider) => {
    if (!provider.enabled) return { name: provider.name, state: "disabled", latency_ms: null, message: provider.disabledReason ?? null };
    const state = seen.get(provider.name);
    if (state === undefined) return { name: provider.name, state: "idle", latency_ms: null, message: null };
    return { name: provider.name, state: state.ok ? "up" : "down", latency_ms: round(state.latencyMs), message: state.message ?? null };
  });
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function answer(exchange: HttpExchange, status: number, body: object): void {
  exchange.json(status, ["content-type", "application/json", "cache-control", "no-store"], `${JSON.stringify(body)}\n`);
}

function stateOf({ healthy, message }: ReturnType<HealthDeps["journal"]>): DependencyHealth["state"] {
  if (!healthy) return "down";
  return message === null ? "up" : "degraded";
}
