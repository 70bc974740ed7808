import { createBoundedCache } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { operations, protocols, type ModelInfo, type Operation, type ProtocolTable } from "../../protocols/index.ts";
import { createTargetStates, type TargetStates } from "../resilience/target-states.ts";
import { capableProtocols, choosePlan, type PlanContext } from "./plan.ts";
import type { ModelRoute } from "./resolve-model.ts";
import { TargetResolver } from "./resolve-targets.ts";
import { noTargetTable, type TargetTable } from "./targets.ts";
import type { Attempt, Plan, PlanInput, Provider, Resolution, WorkMode } from "../types.ts";

export interface CatalogOptions {
  readonly providers: readonly Provider[];
  /** `model_provider_routes` of the configuration, in order; empty if it has none. */
  readonly routes: readonly ModelRoute[];
  readonly aliases: ReadonlyMap<string, string>;
  /** `models`, `fallbacks` and what `routing` says of them; nothing if omitted. */
  readonly targets?: TargetTable;
  /** Names that providers announce, by provider: `AnnouncedModels.names()`. */
  readonly announced?: ReadonlyMap<string, readonly string[]>;
  /** All of the program's if omitted. */
  readonly protocols?: ProtocolTable;
  /** Seconds since 1970, shown as `created` of the models. */
  readonly createdAt?: number;
  /** What is known of targets; nothing if omitted. */
  readonly states?: TargetStates;
}

/** Which provider serves which model: an immutable snapshot, made again when the configuration or announced names change. */
export interface Catalog {
  readonly providers: readonly Provider[];
  provider(name: string): Provider | undefined;
  /** Never throws: a model without a provider has no targets and a `problem`. */
  resolve(model: string): Resolution;
  /** See `planModel`. */
  plan(input: PlanInput): Plan;
  /** See `listModels`. */
  models(): readonly ModelInfo[];
}

/** The most resolved names that are kept, as names come from clients, and the longest name that is kept. */
const cachedModels = 1_000;
const longestCachedName = 256;

/** @throws RoutingError if aliases or models form a chain or a cycle, or name a provider that does not exist. */
export function createCatalog(options: CatalogOptions): Catalog {
  return new ResolvedCatalog(options);
}

/**
 * The ways to serve a request, best first. Pure, and under a microsecond for a model that was planned before.
 * @throws GatewayError `model_not_found`, `work_mode_refused`, `not_served`.
 */
export function planModel(catalog: Catalog, input: PlanInput): Plan {
  return catalog.plan(input);
}

/** The attempts of the plan alone. */
export function planAttempts(catalog: Catalog, input: PlanInput): readonly Attempt[] {
  return catalog.plan(input).attempts;
}

/** Every model that can be requested by an exact name, each once: built in, aliases, configured, announced. */
export function listModels(catalog: Catalog): readonly ModelInfo[] {
  return catalog.models();
}

interface CachedModel {
  readonly resolution: Resolution;
  /** By protocol, mode and kind of operation; see `#planIndex`. */
  readonly plans: (Plan | undefined)[];
}

class ResolvedCatalog implements Catalog {
  readonly providers: readonly Provider[];
  readonly #resolver: TargetResolver;
  readonly #cache = createBoundedCache<CachedModel>(cachedModels);
  readonly #createdAt: number;
  readonly #planning: PlanContext;
  readonly #protocolIds: readonly ProtocolId[];
  #models: readonly ModelInfo[] | undefined;

  constructor(options: CatalogOptions) {
    this.providers = options.providers;
    const announced = options.announced ?? new Map<string, readonly string[]>();
    this.#resolver = new TargetResolver({ ...options, announced }, options.targets ?? noTargetTable);
    this.#createdAt = options.createdAt ?? 0;
    const table = options.protocols ?? protocols;
    this.#protocolIds = [...table.keys()];
    this.#planning = {
      provider: (name) => this.#resolver.provider(name),
      states: options.states ?? createTargetStates(),
      capable: capableProtocols(table),
    };
  }

  provider(name: string): Provider | undefined {
    return this.#resolver.provider(name);
  }

  resolve(model: string): Resolution {
    return this.#lookUp(model).resolution;
  }

  plan(input: PlanInput): Plan {
    const cached = this.#lookUp(input.model);
    const index = this.#planIndex(input);
    const known = cached.plans[index];
    if (known !== undefined) return known;
    const plan = choosePlan(cached.resolution, this.#planning, input, (model) => this.#resolver.resolve(model));
    cached.plans[index] = plan;
    return plan;
  }

  models(): readonly ModelInfo[] {
    this.#models ??= this.#listModels();
    return this.#models;
  }

  /** The index of a plan: plans of one model differ only by these. Operations outside the list (-1) share the first index. */
  #planIndex({ clientProtocol, workMode, operation }: PlanInput): number {
    const kind = specialOperations.indexOf(operation) + 1;
    return (kind * modes.length + modes.indexOf(workMode)) * this.#protocolIds.length + this.#protocolIds.indexOf(clientProtocol);
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
      // Uses the resolver itself: a long listing must not displace the cached names that are in use.
      const provider = this.#resolver.firstProvider(id);
      if (provider !== undefined) models.push({ id, provider, createdAt: this.#createdAt });
    }
    return models;
  }
}

const modes: readonly WorkMode[] = ["auto", "passthrough", "translation"];
const operationNames = Object.keys(operations) as readonly Operation[];
const specialOperations = operationNames.filter((name) => ["embeddings", "count"].includes(operations[name].translation));
