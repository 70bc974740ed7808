import { messageOf } from "../../core/index.ts";
import type { Route, RouteContext } from "../route-table.ts";
import type { HttpExchange } from "../http/exchange.ts";
import type { DependencyHealth, HealthReport, PartHealth } from "./health-report.ts";
import type { ProviderFacts } from "../observe/provider-facts.ts";
import { reportProviders, type ConfiguredProvider } from "./provider-report.ts";
import { defaultDialect } from "../../protocols/index.ts";

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
  /** What gateways and workers share, such as Redis, and how it is. What is down makes the gateway degraded, not unavailable. */
  readonly shared?: () => readonly PartHealth[];
  /** What all processes know of providers. */
  readonly providerFacts: () => ProviderFacts | Promise<ProviderFacts>;
  readonly providers: () => readonly ConfiguredProvider[];
  /** Milliseconds since 1970. */
  readonly wallClock?: () => number;
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
const configurationDegraded: PartHealth = {
  name: "configuration",
  state: "degraded",
  message: "The configuration file cannot be used as it is now; the settings read before stay in use. `tokligence-daemon status` says why.",
};

/** @returns a function that reads the health of all parts, with at most one query to the database at a time. */
export function createHealthReader(deps: HealthDeps): () => Promise<HealthReport> {
  const probe = createDatabaseProbe(deps);
  const wallClock = deps.wallClock ?? Date.now;
  const memory = new StateMemory(wallClock);
  return async () => {
    const parts = [await probe(), ...ownStates(deps)];
    const further = deps.shared?.() ?? [];
    const isReady = deps.serving() && parts.every((part) => part.state !== "down");
    const isWhole = [...parts, ...further].every((part) => part.state === "up");
    return {
      status: isReady ? statusOf(isWhole) : "unavailable",
      version: deps.version,
      uptime_seconds: Math.round((deps.now() - deps.startedMs) / 1000),
      dependencies: [...parts, ...further].map((part) => memory.remember(part)),
      providers: reportProviders(deps.providers(), await deps.providerFacts(), wallClock()),
    };
  };
}

function statusOf(isWhole: boolean): HealthReport["status"] {
  return isWhole ? "ok" : "degraded";
}

interface Remembered {
  readonly state: PartHealth["state"];
  readonly sinceMs: number;
  readonly error: string | undefined;
  readonly errorAtMs: number | undefined;
}

/** Remembers since when parts are in their states, and what was last wrong with them: as of the questions about the health. */
class StateMemory {
  readonly #known = new Map<string, Remembered>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  remember({ name, state, latencyMs, message }: PartHealth): DependencyHealth {
    const before = this.#known.get(name);
    const nowMs = this.#now();
    const isWrong = state !== "up";
    const now: Remembered = {
      state,
      sinceMs: before?.state === state ? before.sinceMs : nowMs,
      error: isWrong ? (message ?? undefined) : before?.error,
      errorAtMs: isWrong ? nowMs : before?.errorAtMs,
    };
    this.#known.set(name, now);
    return {
      name,
      state,
      latency_ms: latencyMs === undefined ? null : round(latencyMs),
      message,
      since: new Date(now.sinceMs).toISOString(),
      last_error: now.error ?? null,
      last_error_at: now.errorAtMs === undefined ? null : new Date(now.errorAtMs).toISOString(),
    };
  }
}

function ownStates(deps: HealthDeps): PartHealth[] {
  const journal = deps.journal();
  const own: PartHealth[] = [{ name: "journal", state: stateOf(journal), message: journal.message }];
  if (deps.configurationFailed?.() === true) own.push(configurationDegraded);
  const files = deps.files?.();
  if (files !== undefined) own.push({ name: "files", state: "degraded", message: files });
  return own;
}

/** Keys, latencies, times and messages are for admins, and for callers on the gateway's own machine; all others see the states. */
function seenBy({ principal, isLocal }: Pick<RouteContext, "principal" | "isLocal">, report: HealthReport): HealthReport {
  if (isLocal || principal.role === "admin") return report;
  const stateOnly = ({ name, state }: DependencyHealth): DependencyHealth => ({ name, state, ...nothing });
  const providers = report.providers.map((provider) => ({ ...stateOnly(provider), keys: [] }));
  return { ...report, dependencies: report.dependencies.map(stateOnly), providers };
}

const nothing = { latency_ms: null, message: null, since: null, last_error: null, last_error_at: null } as const;

function answerHealth(exchange: HttpExchange, report: HealthReport, whole: boolean): void {
  const { providers, ...body } = report;
  answer(exchange, report.status === "unavailable" ? 503 : 200, whole ? { ...body, providers } : body);
}

type DatabaseProbe = () => Promise<PartHealth>;

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

async function databaseHealth(asked: Promise<number>, timeoutMs: number): Promise<PartHealth> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer in ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    const latencyMs = await Promise.race([asked, late]);
    return { name: "database", state: "up", latencyMs, message: null };
  } catch (error) {
    return { name: "database", state: "down", message: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function answer(exchange: HttpExchange, status: number, body: object): void {
  exchange.json(status, ["content-type", "application/json", "cache-control", "no-store"], `${JSON.stringify(body)}\n`);
}

function stateOf({ healthy, message }: ReturnType<HealthDeps["journal"]>): PartHealth["state"] {
  if (!healthy) return "down";
  return message === null ? "up" : "degraded";
}
