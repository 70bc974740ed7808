import { createHash } from "node:crypto";
import { createBoundedCache, createTimeZone, messageOf, type Clock, type Logger, type TimeZone } from "../../core/index.ts";
import type { GatewaySnapshot } from "../../gateway/index.ts";
import {
  createPriceCatalogue,
  listedFacts,
  parseRate,
  readPriceFile,
  type PriceCatalogue,
  type PriceOverrides,
} from "../../ledger/index.ts";
import { maxOutputOf, type ModelInfo, type ModelListFacts, type ProtocolTable } from "../../protocols/index.ts";
import type { EdgeSettings, OperationAnswer } from "../../server/index.ts";
import {
  buildProviders,
  createAnnouncedModels,
  createCatalog,
  createTargetStates,
  createUpstreamClient,
  Redactor,
  type AnnouncedModels,
  type AnnouncedOptions,
  type Catalog,
  type CatalogOptions,
  type PooledUpstreamClient,
  type Provider,
  type TargetStates,
} from "../../upstream/index.ts";
import { formatDuration } from "../../settings/index.ts";
import { Firewall, type Classifier } from "../../policy/index.ts";
import type { Settings } from "../config/index.ts";
import { createClassifiers } from "./classifiers.ts";
import type { MarketLink } from "./market-link.ts";
import { suggestModel } from "./suggest-model.ts";

/** The objects of a configuration, all built before any of them is used. */
export interface Snapshot extends GatewaySnapshot {
  readonly providers: readonly Provider[];
  readonly prices: PriceCatalogue;
  readonly edge: EdgeSettings;
  /** Whose days and months budgets and reports mean. */
  readonly timeZone: TimeZone;
  /** Loads what the first requests need, and begins to ask the providers for their models. Never rejects. */
  warmUp(): Promise<void>;
  readonly client: PooledUpstreamClient;
  /** The providers' lists of models; `undefined` in a command, which does not ask for them. */
  readonly listings: AnnouncedModels | undefined;
  /** A model to try the gateway with; see `suggestModel`. Without prices nothing is loaded for it. */
  suggestModel(usePrices?: boolean): string;
  /** Called when another snapshot has replaced this one. */
  retire(): void;
  /** Ends the work in the background and, after the last call, the connections. */
  close(): Promise<void>;
}

export interface SnapshotOptions {
  readonly protocols: ProtocolTable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ask the providers in the background which models they have; a server does, a command does not. */
  readonly announced?: boolean;
  /** What is known of targets: it outlives a reload. */
  readonly states?: TargetStates;
  /** Learns what listings of models show of providers. */
  readonly listing?: Pick<AnnouncedOptions, "isIdle" | "onOutcome" | "probeMs">;
  /** What other nodes sell; nothing if omitted. */
  readonly market?: MarketLink;
  /** The one that this one replaces; its connections are taken over. */
  readonly previous?: Snapshot;
}

/** @throws ProviderSettingsError, RoutingError, RangeError if the settings contradict each other. */
export function createSnapshot(
  settings: Settings,
  { protocols, clock, logger, announced = true, states = createTargetStates(), listing = {}, previous, market }: SnapshotOptions,
): Snapshot {
  const own = buildProviders(settings.providers, settings.modelTraits, protocols);
  const providers = [...own, ...(market?.providers() ?? [])];
  const base = { ...catalogSettings(settings), providers, createdAt: Math.floor(clock.now() / 1000), states, protocols };
  let catalog = createCatalog(base);
  const outside = createClassifiers(settings.firewall.classifiers);
  const client = takeClient([...providers, ...outside.providers], previous, { protocols, clock, logger }, market);
  const redactor = new Redactor();
  const names: AnnouncedModels | undefined = announced
    ? createAnnouncedModels({
        providers: own,
        client,
        protocol: (id) => protocols.get(id),
        clock,
        logger,
        redactor,
        ...listing,
        onChange: () => {
          catalog = createCatalog({ ...base, announced: names?.names() ?? new Map<string, readonly string[]>() });
        },
      })
    : undefined;
  const prices = createPrices(settings, own, market?.prices() ?? {});
  const costOf = ({ provider, id }: ModelInfo): bigint | undefined => costOfToken(prices, provider, id, clock.now());
  return {
    ...requestRules(settings, outside.connect(client)),
    get catalog(): Catalog {
      return catalog;
    },
    get buying() {
      return market?.buying;
    },
    client,
    redactor,
    providers,
    prices,
    modelFacts: createModelFacts({ aliases: settings.modelAliases, catalog: () => catalog, prices, providers, clock }),
    timeZone: createTimeZone(settings.ledger.timeZone),
    edge: edgeSettingsOf(settings),
    listings: names,
    suggestModel: (usePrices = true) => suggestModel({ catalog, states: names?.snapshot() ?? [], costOf: usePrices ? costOf : noCost }),
    warmUp() {
      names?.start();
      return loadAhead(client, prices, logger);
    },
    retire: () => names?.stop(),
    async close() {
      names?.stop();
      await client.close();
    },
  };
}

const noCost = (): undefined => undefined;

/** A reload keeps the connections that it can still use, and requests to a former provider go on. */
function takeClient(
  providers: readonly Provider[],
  previous: Snapshot | undefined,
  { protocols, clock, logger }: Pick<SnapshotOptions, "protocols" | "clock" | "logger">,
  market: MarketLink | undefined,
): PooledUpstreamClient {
  if (previous !== undefined) {
    previous.client.configure(providers);
    return previous.client;
  }
  const client = createUpstreamClient({
    providers,
    clock,
    logger,
    proxyEnv: process.env,
    credentialHeader: (protocol, key) => protocols.get(protocol)!.credentialHeader(key),
  });
  return market?.wrap(client) ?? client;
}

/** What a token of the prompt and one of the answer cost together, in the unit of the rates; `undefined` if the price is not known. */
function costOfToken(prices: PriceCatalogue, provider: string, model: string, timeMs: number): bigint | undefined {
  const rates = prices.rates(provider, model, timeMs, 0);
  return rates?.input === undefined || rates.output === undefined ? undefined : rates.input + rates.output;
}

async function loadAhead(client: PooledUpstreamClient, prices: PriceCatalogue, logger: Logger): Promise<void> {
  try {
    await client.warmUp();
    prices.warm();
  } catch (error) {
    logger.warn({ error: messageOf(error) }, "what the first requests need could not be loaded ahead");
  }
}

function budgetCeilingsOf({ ledger: { unpricedCeiling, outputCeiling } }: Settings): Snapshot["budget"] {
  return {
    ceiling: { input: parseRate(unpricedCeiling.input)!, output: parseRate(unpricedCeiling.output)! },
    outputTokens: outputCeiling,
  };
}

/** What the configuration says of requests. */
function requestRules(
  settings: Settings,
  classifiers: readonly Classifier[],
): Pick<
  Snapshot,
  | "workMode"
  | "onLoss"
  | "duplicateGuard"
  | "firewall"
  | "earlyHeadMs"
  | "maxStoredBytes"
  | "maxValues"
  | "resilience"
  | "responseCache"
  | "budget"
> {
  const { limits, workMode, onLoss, responses, earlyHeadMs } = settings.gateway;
  return {
    workMode,
    onLoss,
    duplicateGuard: settings.guards.duplicateToolCalls,
    firewall: settings.firewall.rules.length === 0 ? undefined : new Firewall(settings.firewall.rules, classifiers),
    earlyHeadMs,
    maxStoredBytes: responses.maxSizeBytes,
    maxValues: limits.values,
    resilience: settings.routing.resilience,
    responseCache: responseCacheOf(settings),
    budget: budgetCeilingsOf(settings),
  };
}

function responseCacheOf({ responseCache, shown }: Settings): Snapshot["responseCache"] {
  if (responseCache === undefined) return undefined;
  return { ...responseCache, configuration: createHash("sha256").update(JSON.stringify(shown)).digest("base64url") };
}

function edgeSettingsOf({
  auth: { oidc },
  gateway: { auth, limits, timeouts, cors, trustLoopback },
  limits: { maxInFlight },
  market,
}: Settings): EdgeSettings {
  return {
    authEnabled: auth.enabled,
    keylessScope: market.buy.keyless,
    maxBodyBytes: limits.bodyBytes,
    maxBodyBytesInFlight: limits.bodiesInFlightBytes,
    maxConnections: limits.connections,
    maxInFlight,
    slowClientMs: timeouts.clientMs,
    cors,
    publicOrigin: oidc === undefined ? undefined : new URL(oidc.publicUrl).origin,
    trustLoopback,
  };
}

function catalogSettings(settings: Settings): Pick<CatalogOptions, "routes" | "aliases" | "targets"> {
  return { routes: settings.modelProviderRoutes, aliases: settings.modelAliases, targets: settings.routing.targets };
}

/** The most models whose facts are kept. */
const maxListedModels = 5000;

interface FactSources {
  readonly aliases: Settings["modelAliases"];
  readonly catalog: () => Catalog;
  readonly prices: PriceCatalogue;
  readonly providers: readonly Provider[];
  readonly clock: Clock;
}

/** What lists of models say beside names: kept, as a list has hundreds and agents ask for it often; prices change with the day. */
function createModelFacts({ aliases, catalog, prices, providers, clock }: FactSources): Snapshot["modelFacts"] {
  // Other names are those of their providers: to resolve them all would displace the catalog's names that are in use.
  const targetOf = (id: string, provider: string): Target | undefined =>
    aliases.has(id)
      ? catalog().resolve(id).targets[0]
      : { provider, upstreamModel: id.startsWith(`${provider}/`) ? id.slice(provider.length + 1) : id };
  const known = createBoundedCache<{ readonly day: number; readonly facts: ModelListFacts | undefined }>(maxListedModels);
  return ({ id, provider }) => {
    const nowMs = clock.now();
    const day = Math.floor(nowMs / 86_400_000);
    const found = known.get(id);
    if (found?.day === day) return found.facts;
    const target = targetOf(id, provider);
    const sheet = target && prices.sheet(target.provider, target.upstreamModel, nowMs);
    const facts = withLimit(sheet && listedFacts(sheet, nowMs), target && limitOf(providers, target));
    known.set(id, { day, facts });
    return facts;
  };
}

interface Target {
  readonly provider: string;
  readonly upstreamModel: string;
}

/** The output limit that the gateway sends at most (`model_traits`). */
function limitOf(providers: readonly Provider[], target: Target): number | undefined {
  const provider = providers.find(({ name }) => name === target.provider);
  const [protocol] = provider?.protocols ?? [];
  if (provider === undefined || protocol === undefined) return undefined;
  return provider.quirks.maxOutputTokens ?? maxOutputOf(provider.traits, protocol, target.upstreamModel);
}

function withLimit(facts: ModelListFacts | undefined, limit: number | undefined): ModelListFacts | undefined {
  if (limit === undefined || (facts?.maxOutputTokens ?? Infinity) <= limit) return facts;
  return { ...facts, maxOutputTokens: limit };
}

function createPrices(settings: Settings, providers: readonly Provider[], ofNodes: PriceOverrides): PriceCatalogue {
  return createPriceCatalogue({
    overrides: { ...settings.prices, ...ofNodes },
    file: settings.pricesFile === undefined ? undefined : readPriceFile(settings.pricesFile),
    describe: (name) => factsOf(providers, settings, name),
  });
}

function factsOf(
  providers: readonly Provider[],
  settings: Settings,
  name: string,
): { preset?: string; baseUrls: readonly string[]; builtin: boolean; reportsDollars: boolean } | undefined {
  const provider = providers.find((candidate) => candidate.name === name);
  if (provider === undefined) return undefined;
  const preset = settings.providers.find((candidate) => candidate.name === name)?.preset;
  return {
    ...(preset === undefined ? {} : { preset }),
    baseUrls: Object.values(provider.baseUrls),
    builtin: provider.builtin,
    reportsDollars: provider.quirks.reportsDollars === true,
  };
}

/** The current routes, aliases and providers, for people. */
export function describeRoutes(settings: Settings, snapshot: Snapshot): OperationAnswer<"routes.list"> {
  const table = settings.routing.targets;
  return {
    model_provider_routes: settings.modelProviderRoutes.map(([pattern, targets]) => ({ pattern, providers: targets })),
    model_aliases: Object.fromEntries(settings.modelAliases),
    models: Object.fromEntries(
      [...table.models].map(([name, { targets, strategy = table.strategy, hasAffinity = table.hasAffinity, hedge = "off" }]) => [
        name,
        { targets, strategy, affinity: hasAffinity, hedge: typeof hedge === "number" ? formatDuration(hedge) : hedge },
      ]),
    ),
    fallbacks: Object.fromEntries(table.fallbacks),
    providers: snapshot.providers.map((provider) => ({
      name: provider.name,
      enabled: provider.enabled,
      ...(provider.disabledReason === undefined ? {} : { disabled_reason: provider.disabledReason }),
      protocols: provider.protocols,
      models: provider.models,
      patterns: provider.modelPatterns,
    })),
  };
}
