import { createBoundedCache, messageOf } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { protocolIds } from "../../ir/index.ts";
import { operations, type ModelInfo, type Operation } from "../../protocols/index.ts";
import { chooseAttempts } from "./plan.ts";
import type { ModelRoute } from "./resolve-model.ts";
import { ModelResolver } from "./resolve-model.ts";
import type { Attempt, Lane, PlanInput, Provider, Resolution, WorkMode } from "../types.ts";

export interface CatalogOptions {
  readonly providers: readonly Provider[];
  /** `model_provider_routes` as the file has them, in order; empty where it has none. */
  readonly routes: readonly ModelRoute[];
  readonly aliases: ReadonlyMap<string, string>;
  /** Names that providers announce, by provider: `AnnouncedModels.names()`. */
  readonly announced?: ReadonlyMap<string, readonly string[]>;
  /** Seconds since 1970, shown as `created` of the models. */
  readonly createdAt?: number;
}

/** Who serves what: an immutable snapshot, made anew when configuration or announced names change. */
export interface Catalog {
  readonly providers: readonly Provider[];
  provider(name: string): Provider | undefined;
  /** Never throws: a model that nobody serves has no targets and a `problem`. */
  resolve(model: string): Resolution;
  /** See `planAttempts`. */
  plan(input: PlanInput): readonly Attempt[];
  /** See `listModels`. */
  models(): readonly ModelInfo[];
}

/** Names come from clients: so many resolved ones are kept, none longer than this. */
const cachedModels = 1_000;
const longestCachedName = 256;

/** @throws RoutingError where aliases form a chain or a cycle. */
export function createCatalog(options: CatalogOptions): Catalog {
  return new ResolvedCatalog(options);
}

/**
 * The ways to serve a request, best first. Pure, and under a microsecond for a model seen before.
 * @throws GatewayError `model_not_found`, `work_mode_refused`, `not_served`.
 */
export function planAttempts(catalog: Catalog, input: PlanInput): readonly Attempt[] {
  return catalog.plan(input);
}

/** Every model that can be called by an exact name, each once: built in, aliases, configured, announced. */
export function listModels(catalog: Catalog): readonly ModelInfo[] {
  return catalog.models();
}

/** How a model would be served, for people: `tokligence route explain`. */
export interface ModelExplanation {
  readonly model: string;
  readonly dialect: ProtocolId;
  /** What was looked at, in order, each with its outcome. */
  readonly steps: readonly string[];
  readonly attempts: readonly { readonly provider: string; readonly model: string; readonly protocol: ProtocolId; readonly lane: Lane }[];
  /** Why there is no attempt. */
  readonly problem?: string;
}

export function explainModel(catalog: Catalog, model: string, dialect: ProtocolId, workMode: WorkMode = "auto"): ModelExplanation {
  const { steps } = catalog.resolve(model);
  try {
    const attempts = catalog.plan({ model, clientProtocol: dialect, operation: "generate", workMode });
    return {
      model,
      dialect,
      steps,
      attempts: attempts.map(({ provider, upstreamModel, protocol, lane }) => ({
        provider: provider.name,
        model: upstreamModel,
        protocol,
        lane,
      })),
    };
  } catch (error) {
    return { model, dialect, steps, attempts: [], problem: messageOf(error) };
  }
}

interface CachedModel {
  readonly resolution: Resolution;
  /** By protocol, mode and kind of operation; see `planIndex`. */
  readonly plans: (readonly Attempt[] | undefined)[];
}

class ResolvedCatalog implements Catalog {
  readonly providers: readonly Provider[];
  readonly #resolver: ModelResolver;
  readonly #cache = createBoundedCache<CachedModel>(cachedModels);
  readonly #createdAt: number;
  #models: readonly ModelInfo[] | undefined;

  constructor(options: CatalogOptions) {
    this.providers = options.providers;
    this.#resolver = new ModelResolver({ ...options, announced: options.announced ?? new Map<string, readonly string[]>() });
    this.#createdAt = options.createdAt ?? 0;
  }

  provider(name: string): Provider | undefined {
    return this.#resolver.provider(name);
  }

  resolve(model: string): Resolution {
    return this.#lookUp(model).resolution;
  }

  plan(input: PlanInput): readonly Attempt[] {
    const cached = this.#lookUp(input.model);
    const index = planIndex(input);
    const known = cached.plans[index];
    if (known !== undefined) return known;
    const attempts = chooseAttempts(cached.resolution, (name) => this.#resolver.provider(name), input);
    cached.plans[index] = attempts;
    return attempts;
  }

  models(): readonly ModelInfo[] {
    this.#models ??= this.#listModels();
    return this.#models;
  }

  #lookUp(model: string): CachedModel {
    const known = this.#cache.get(model);
    if (known !== undefined) return known;
    const made: CachedModel = { resolution: this.#resolver.resolve(model), plans: [] };
    if (model.length <= longestCachedName) this.#cache.set(model, made);
    return made;
  }

  #listModels(): ModelInfo[] {
    const models: ModelInfo[] = [];
    for (const id of new Set(this.#resolver.knownNames())) {
      // Asked of the resolver itself: a long listing must not push what is in use out of the cache.
      const target = this.#resolver.find(id).targets[0];
      if (target !== undefined) models.push({ id, provider: target.provider, createdAt: this.#createdAt });
    }
    return models;
  }
}

const modes: readonly WorkMode[] = ["auto", "passthrough", "translation"];
const operationNames = Object.keys(operations) as readonly Operation[];
const specialOperations = operationNames.filter((name) => ["embeddings", "count"].includes(operations[name].translation));

/** Plans differ by nothing else. Operations outside the list (-1) share the first place. */
function planIndex({ clientProtocol, workMode, operation }: PlanInput): number {
  const kind = specialOperations.indexOf(operation) + 1;
  return (kind * modes.length + modes.indexOf(workMode)) * protocolIds.length + protocolIds.indexOf(clientProtocol);
}
