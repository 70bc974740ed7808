import { isAbsolute, join, resolve } from "node:path";
import { Secret } from "../../core/index.ts";
import type { DuplicateGuard } from "../../policy/index.ts";
import type { ProviderSettings, Timeouts } from "../../upstream/index.ts";
import { isTrueText } from "./leaf-types.ts";
import { ConfigError, createToldProblem } from "./problems.ts";
import type { ProviderKeys } from "./provider-keys.ts";
import type { ParsedProvider, ParsedSettings } from "./schema.ts";
import type { DatabaseSection, PostgresqlSettings, Settings } from "./settings.ts";
import { readQuirks } from "./quirks-schema.ts";

/** Where paths start. */
export interface PathBase {
  /** "": there is none. */
  readonly homeDir: string;
  /** The configuration file's folder. */
  readonly folder: string;
}

/** Makes a path absolute: `~` is the home folder, a relative one starts at the configuration file's folder. @throws ConfigError for `~` without a home folder. */
export function resolvePath(path: string, base: PathBase): string {
  if (base.homeDir === "" && /^~(?:[/\\]|$)/.test(path)) {
    const message = `the path "${path}" begins at the home folder, and there is none (HOME is not set): give an absolute one`;
    throw new ConfigError([createToldProblem(undefined, path.endsWith("gateway.db") ? ["database", "path"] : [], message)]);
  }
  if (path === "~") return base.homeDir;
  if (/^~[/\\]/.test(path)) return join(base.homeDir, path.slice(2));
  return isAbsolute(path) ? path : resolve(base.folder, path);
}

/** From names and values as the file has them to the program's own; nothing is checked here. */
export function createSettings(parsed: ParsedSettings, keys: ReadonlyMap<string, ProviderKeys>, base: PathBase): Settings {
  const { gateway } = parsed;
  const { file } = gateway.logging;
  const timeouts: Timeouts = {
    connectMs: gateway.timeouts.connect,
    firstByteMs: gateway.timeouts.first_byte,
    idleMs: gateway.timeouts.idle,
    totalMs: gateway.timeouts.total,
    streamTotalMs: gateway.timeouts.stream_total,
  };
  return deepFreeze<Settings>({
    gateway: {
      host: gateway.host,
      port: gateway.port,
      workMode: gateway.work_mode,
      auth: gateway.auth,
      logging: { level: gateway.logging.level, ...(file === undefined ? {} : { file: resolvePath(file, base) }) },
      workers: gateway.workers,
      limits: {
        bodyBytes: gateway.limits.body,
        bodiesInFlightBytes: gateway.limits.bodies_in_flight,
        connections: gateway.limits.connections,
        values: gateway.limits.values,
      },
      timeouts: { ...timeouts, clientMs: gateway.timeouts.client },
      onLoss: gateway.on_loss,
      responses: { lifetimeMs: gateway.responses.lifetime, maxSizeBytes: gateway.responses.max_size },
      trustLoopback: gateway.trust_loopback,
      cors: gateway.cors,
    },
    database: createDatabase(parsed.database, base),
    providers: Object.entries(parsed.providers).map(([name, provider]) => createProvider(name, provider, keys.get(name), timeouts)),
    modelProviderRoutes: Object.entries(parsed.model_provider_routes).map(([pattern, to]) => [pattern, typeof to === "string" ? [to] : to]),
    modelAliases: new Map(Object.entries(parsed.model_aliases)),
    ledger: {
      durability: parsed.ledger.durability,
      unpricedCeiling: parsed.ledger.unpriced_ceiling,
      outputCeiling: parsed.ledger.output_ceiling,
      retention: {
        ...(parsed.ledger.retention.entries === undefined ? {} : { entriesMs: parsed.ledger.retention.entries }),
        journalMs: parsed.ledger.retention.journal,
      },
      bodies: {
        enabled: parsed.ledger.bodies.enabled,
        lifetimeMs: parsed.ledger.bodies.lifetime,
        maxSizeBytes: parsed.ledger.bodies.max_size,
        redact: parsed.ledger.bodies.redact,
      },
    },
    guards: { duplicateToolCalls: createGuard(parsed.guards.duplicate_tool_calls) },
    prices: parsed.prices,
  });
}

function createGuard(guard: ParsedSettings["guards"]["duplicate_tool_calls"]): DuplicateGuard {
  const { enabled, note_at: noteAt, warn_at: warnAt, refuse_at: refuseAt, exempt } = guard;
  return { enabled, noteAt, warnAt, ...(refuseAt === undefined ? {} : { refuseAt }), exempt: new Set(exempt) };
}

function createDatabase(database: ParsedSettings["database"], base: PathBase): DatabaseSection {
  const path = resolvePath(database.path, base);
  if (database.type === "sqlite") return { type: "sqlite", path };
  const tls = createTls(database.tls, base);
  const postgresql: PostgresqlSettings = {
    ...(database.url === undefined ? {} : { url: new Secret(database.url) }),
    host: database.host ?? "localhost",
    port: database.port ?? 5432,
    database: database.database ?? "tokligence",
    username: database.username ?? "tokligence",
    ...(database.password === undefined ? {} : { password: new Secret(database.password) }),
    pool: database.pool,
    ...(tls === undefined ? {} : { tls }),
  };
  return { type: "postgresql", path, postgresql };
}

function createTls(tls: ParsedSettings["database"]["tls"], base: PathBase): PostgresqlSettings["tls"] {
  if (tls === "require") return { verify: false };
  if (typeof tls !== "object") return tls === true || (typeof tls === "string" && isTrueText(tls)) ? {} : undefined;
  const { ca, cert, key } = tls;
  return {
    ...(ca === undefined ? {} : { ca: resolvePath(ca, base) }),
    ...(cert === undefined ? {} : { cert: resolvePath(cert, base) }),
    ...(key === undefined ? {} : { key: resolvePath(key, base) }),
  };
}

function createProvider(name: string, provider: ParsedProvider, keys: ProviderKeys | undefined, gateway: Timeouts): ProviderSettings {
  const { timeouts } = provider;
  const reason = keys?.disabledReason;
  return {
    name,
    enabled: provider.enabled && reason === undefined,
    ...(provider.enabled && reason !== undefined ? { disabledReason: reason } : {}),
    ...(provider.preset === undefined ? {} : { preset: provider.preset }),
    ...(provider.protocols === undefined ? {} : { protocols: provider.protocols }),
    ...(provider.base_url === undefined ? {} : { baseUrl: provider.base_url }),
    keys: keys?.keys ?? [],
    models: provider.models ?? [],
    headers: Object.entries(provider.headers ?? {}),
    query: Object.entries(provider.query ?? {}),
    timeouts: {
      connectMs: timeouts.connect ?? gateway.connectMs,
      firstByteMs: timeouts.first_byte ?? gateway.firstByteMs,
      idleMs: timeouts.idle ?? gateway.idleMs,
      totalMs: timeouts.total ?? gateway.totalMs,
      streamTotalMs: timeouts.stream_total ?? gateway.streamTotalMs,
    },
    ...(provider.key_header === undefined ? {} : { keyHeader: provider.key_header }),
    ...(provider.quirks === undefined ? {} : { quirks: readQuirks(provider.quirks) }),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
