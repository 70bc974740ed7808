import { maskSettings } from "./masked.ts";
import { resolvePath, type PathBase } from "../../settings/index.ts";
import { readModelTraits, readProvider, readRouting, type ProviderKeys } from "../../upstream/index.ts";
import type { ParsedSettings } from "./schema.ts";
import { readDatabase, readRedis } from "../../store/index.ts";
import { readAlerts } from "../../alerts/index.ts";
import { readLimits } from "../../limits/index.ts";
import { readResponseCache } from "../../gateway/index.ts";
import { readGateway, readTelemetry } from "../../server/index.ts";
import { readExchange, readMarket } from "../../market/index.ts";
import { readCanaries } from "../../canaries/index.ts";
import { readAuth } from "../../sso/index.ts";
import { readAudit } from "../../audit/index.ts";
import { readFirewall, readGuards } from "../../policy/index.ts";
import { readLedger } from "../../ledger/index.ts";
import type { Settings } from "./settings.ts";

/** From names and values as the file has them to the program's own; nothing is checked here. */
export function createSettings(parsed: ParsedSettings, keys: ReadonlyMap<string, ProviderKeys>, base: PathBase): Settings {
  const gateway = readGateway(parsed.gateway, base);
  const settings: Omit<Settings, "shown"> = {
    gateway,
    database: readDatabase(parsed.database, base),
    providers: Object.entries(parsed.providers).map(([name, provider]) => readProvider(name, provider, keys.get(name), gateway.timeouts)),
    modelProviderRoutes: Object.entries(parsed.model_provider_routes).map(([pattern, to]) => [pattern, typeof to === "string" ? [to] : to]),
    modelAliases: new Map(Object.entries(parsed.model_aliases)),
    modelTraits: readModelTraits(parsed.model_traits),
    routing: readRouting(parsed),
    limits: readLimits(parsed.limits),
    responseCache: readResponseCache(parsed.response_cache),
    redis: readRedis(parsed.redis),
    ledger: readLedger(parsed.ledger),
    guards: readGuards(parsed.guards),
    firewall: readFirewall(parsed.firewall),
    alerts: readAlerts(parsed.alerts),
    canaries: readCanaries(parsed.canaries),
    auth: readAuth(parsed.auth),
    audit: readAudit(parsed.audit, base),
    telemetry: readTelemetry(parsed.telemetry),
    market: readMarket(parsed.market),
    exchange: readExchange(parsed.exchange),
    prices: parsed.prices,
    ...(parsed.prices_file === undefined ? {} : { pricesFile: resolvePath(parsed.prices_file, base) }),
  };
  return deepFreeze({ ...settings, shown: maskSettings(parsed, settings, base) });
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
