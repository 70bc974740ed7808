import type { DuplicateGuard } from "../../policy/index.ts";
import type { ProviderSettings, Timeouts } from "../../upstream/index.ts";
import { formatDuration, formatLifetime, formatSize } from "./leaf-types.ts";
import type { DatabaseSection, Settings } from "./settings.ts";
import { printQuirks } from "./quirks-schema.ts";

const masked = "[secret]";

/** The configuration as JSON, with the file's names: `{"gateway": {"port": 8081, …}, …}`. Whatever may hold a secret is `[secret]`. */
export function maskSettings(settings: Settings): Record<string, unknown> {
  const { gateway } = settings;
  return {
    gateway: {
      host: gateway.host,
      port: gateway.port,
      work_mode: gateway.workMode,
      auth: { ...gateway.auth },
      logging: { ...gateway.logging },
      workers: gateway.workers,
      limits: {
        body: formatSize(gateway.limits.bodyBytes),
        bodies_in_flight: formatSize(gateway.limits.bodiesInFlightBytes),
        connections: gateway.limits.connections,
        values: gateway.limits.values,
      },
      timeouts: { ...maskTimeouts(gateway.timeouts), client: formatDuration(gateway.timeouts.clientMs) },
      on_loss: gateway.onLoss,
      responses: { lifetime: formatLifetime(gateway.responses.lifetimeMs), max_size: formatSize(gateway.responses.maxSizeBytes) },
      trust_loopback: gateway.trustLoopback,
      cors: [...gateway.cors],
    },
    database: maskDatabase(settings.database),
    providers: Object.fromEntries(settings.providers.map((provider) => [provider.name, maskProvider(provider)])),
    model_provider_routes: Object.fromEntries(settings.modelProviderRoutes.map(([pattern, names]) => [pattern, [...names]])),
    model_aliases: Object.fromEntries(settings.modelAliases),
    ledger: {
      durability: settings.ledger.durability,
      unpriced_ceiling: { ...settings.ledger.unpricedCeiling },
      output_ceiling: settings.ledger.outputCeiling,
      retention: {
        ...(settings.ledger.retention.entriesMs === undefined ? {} : { entries: formatLifetime(settings.ledger.retention.entriesMs) }),
        journal: formatLifetime(settings.ledger.retention.journalMs),
      },
      bodies: {
        enabled: settings.ledger.bodies.enabled,
        lifetime: formatLifetime(settings.ledger.bodies.lifetimeMs),
        max_size: formatSize(settings.ledger.bodies.maxSizeBytes),
        redact: [...settings.ledger.bodies.redact],
      },
    },
    guards: { duplicate_tool_calls: maskGuard(settings.guards.duplicateToolCalls) },
    prices: structuredClone(settings.prices),
  };
}

function maskGuard({ enabled, noteAt, warnAt, refuseAt, exempt }: DuplicateGuard): Record<string, unknown> {
  return { enabled, note_at: noteAt, warn_at: warnAt, ...(refuseAt === undefined ? {} : { refuse_at: refuseAt }), exempt: [...exempt] };
}

function maskTimeouts(timeouts: Partial<Timeouts>): Record<string, string> {
  const times = {
    connect: timeouts.connectMs,
    first_byte: timeouts.firstByteMs,
    idle: timeouts.idleMs,
    total: timeouts.totalMs,
    stream_total: timeouts.streamTotalMs,
  };
  return Object.fromEntries(Object.entries(times).flatMap(([name, ms]) => (ms === undefined ? [] : [[name, formatDuration(ms)]])));
}

function maskDatabase({ type, path, postgresql }: DatabaseSection): Record<string, unknown> {
  if (postgresql === undefined) return { type, path };
  const { url, host, port, database, username, password, pool, tls } = postgresql;
  const place =
    url === undefined
      ? { host, port, database, username, ...(password === undefined ? {} : { password: masked }) }
      : { url: maskUrl(url.reveal()) };
  return { type, path, ...place, pool, tls: tls === undefined ? false : { ...tls } };
}

function maskProvider(provider: ProviderSettings): Record<string, unknown> {
  const { preset, protocols, baseUrl, keyHeader, disabledReason } = provider;
  return {
    enabled: provider.enabled,
    ...(disabledReason === undefined ? {} : { disabled_reason: disabledReason }),
    ...(preset === undefined ? {} : { preset }),
    ...(protocols === undefined ? {} : { protocols: [...protocols] }),
    ...(baseUrl === undefined ? {} : { base_url: typeof baseUrl === "string" ? maskUrl(baseUrl) : maskUrls(baseUrl) }),
    api_keys: provider.keys.map(() => masked),
    models: [...(provider.models ?? [])],
    headers: Object.fromEntries((provider.headers ?? []).map(([name]) => [name, masked])),
    query: Object.fromEntries((provider.query ?? []).map(([name]) => [name, masked])),
    timeouts: maskTimeouts(provider.timeouts ?? {}),
    ...(keyHeader === undefined ? {} : { key_header: keyHeader }),
    ...(provider.quirks === undefined ? {} : { quirks: printQuirks(provider.quirks) }),
  };
}

function maskUrls(urls: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(urls).flatMap(([protocol, url]) => (url === undefined ? [] : [[protocol, maskUrl(url)]])));
}

/** A URL whose password and query, which may hold one too, are not shown. */
function maskUrl(text: string): string {
  if (!URL.canParse(text)) return masked;
  const url = new URL(text);
  if (url.username === "" && url.password === "" && url.search === "" && url.hash === "") return text;
  const user = url.password === "" ? url.username : `${url.username}:${masked}`;
  const query = url.search === "" ? "" : `?${masked}`;
  return `${url.protocol}//${user === "" ? "" : `${user}@`}${url.host}${url.pathname}${query}`;
}
