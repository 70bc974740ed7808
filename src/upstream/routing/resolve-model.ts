import { closestNames } from "./closest-names.ts";
import { compileGlob, GlobList, type Glob } from "../../core/index.ts";
import { isMarketProvider } from "./market-provider.ts";
import type { PassedTarget, Provider, ResolvedTarget } from "../types.ts";

/** A glob over models and the providers that serve them, best first. */
export type ModelRoute = readonly [pattern: string, providers: readonly string[]];

/** The data from which models are resolved. */
export interface RoutingTable {
  readonly providers: readonly Provider[];
  /** `model_provider_routes` of the configuration, in its order. */
  readonly routes: readonly ModelRoute[];
  /** `model_aliases`: the client's name → a model, or `provider/model`. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Names that providers announce, by provider. */
  readonly announced: ReadonlyMap<string, readonly string[]>;
  /** Names of `models`, which are looked up elsewhere: they are known names. */
  readonly ownModels?: readonly string[];
}

/** An invalid routing. `setting` is the key of the configuration at fault. */
export class RoutingError extends Error {
  readonly setting: "models" | "fallbacks" | "model_aliases" | "model_provider_routes";

  constructor(setting: RoutingError["setting"], message: string) {
    super(message);
    this.name = "RoutingError";
    this.setting = setting;
  }
}

interface Found {
  readonly targets: readonly ResolvedTarget[];
  readonly problem?: string;
}

/** What was checked, in words; or a target that was found and cannot be asked. */
export type Note = (step: string | PassedTarget) => void;

/** A message names at most this number of models. */
const shownNames = 6;

/**
 * Finds the providers of a model, in this order: the built-in names, an alias, the configuration's routes (the first match wins), an exact name in an
 * enabled provider's `models`, the presets' globs (only if the configuration has no routes), names that providers announce, `provider/model`.
 * The models of other gateways are found by `@name/model` only. Immutable.
 */
export class ModelResolver {
  readonly #table: RoutingTable;
  readonly #byName: ReadonlyMap<string, Provider>;
  readonly #byPrefix: ReadonlyMap<string, Provider>;
  readonly #builtin: readonly (readonly [Provider, GlobList])[];
  readonly #routes: readonly (readonly [Glob, readonly string[]])[];
  readonly #exact: ReadonlyMap<string, readonly Provider[]>;
  readonly #patterns: readonly (readonly [Provider, GlobList])[];
  readonly #announced: ReadonlyMap<string, readonly Provider[]>;
  readonly #bought: readonly Provider[];

  /** @throws RoutingError if aliases form a chain or a cycle, or hide a built-in name. */
  constructor(table: RoutingTable) {
    this.#table = table;
    this.#byName = new Map(table.providers.map((provider) => [provider.name, provider]));
    this.#byPrefix = indexByPrefix(table.providers);
    const withPatterns = table.providers.map((provider) => [provider, new GlobList(provider.modelPatterns)] as const);
    this.#builtin = withPatterns.filter(([provider]) => provider.builtin);
    this.#patterns = withPatterns.filter(([provider]) => !provider.builtin && provider.modelPatterns.length > 0);
    this.#routes = table.routes.map(([pattern, names]) => [compileGlob(pattern), names]);
    const isOwn = ({ name }: Provider): boolean => !isMarketProvider(name);
    this.#exact = indexByModel(table.providers.filter(isOwn).map((provider) => [provider, provider.models]));
    this.#bought = table.providers.filter(({ name }) => isMarketProvider(name));
    this.#announced = indexByModel(
      table.providers.filter((provider) => provider.enabled).map((provider) => [provider, table.announced.get(provider.name) ?? []]),
    );
    this.#checkAliases();
  }

  provider(name: string): Provider | undefined {
    return this.#byName.get(name);
  }

  /** Whether the name is one of `model_aliases`. */
  isAlias(model: string): boolean {
    return this.#table.aliases.has(model);
  }

  /** Every model with a known exact name: built in, aliases, configured, announced, and those of other gateways as `@name/model`. May repeat names. */
  *knownNames(): Iterable<string> {
    for (const [provider] of this.#builtin) yield* provider.models;
    yield* this.#table.ownModels ?? [];
    yield* this.#table.aliases.keys();
    yield* this.#exact.keys();
    yield* this.#announced.keys();
    for (const { name, models } of this.#bought) for (const model of models) yield `${name}/${model}`;
  }

  /** Whether it is `provider/model` of a provider that exists. */
  isPrefixed(model: string): boolean {
    return this.#prefixOf(model) !== undefined;
  }

  isBuiltin(model: string): boolean {
    return this.#builtin.some(([, patterns]) => patterns.match(model) !== undefined);
  }

  find(model: string, note: Note = () => {}): Found {
    const alias = this.#table.aliases.get(model);
    if (alias === undefined) return this.#findBuiltin(model, note) ?? this.#findModel(model, model, note);
    note(`model_aliases: ${quote(model)} stands for ${quote(alias)}`);
    // An alias to `provider/model` chooses the provider, so no glob may choose another one.
    const direct = this.#prefixOf(alias) === undefined ? undefined : this.#findPrefixed(alias, model, note);
    return direct ?? this.#findBuiltin(alias, note) ?? this.#findModel(alias, model, note);
  }

  /** The same for a target of `models`: `provider/model` chooses the provider, as in an alias. */
  findTarget(name: string, note: Note): Found {
    const direct = this.#prefixOf(name) === undefined ? undefined : this.#findPrefixed(name, name, note);
    return direct ?? this.find(name, note);
  }

  #findBuiltin(model: string, note: Note): Found | undefined {
    const builtin = this.#builtin.find(([, patterns]) => patterns.match(model) !== undefined);
    if (builtin === undefined) return undefined;
    note(`built in: ${quote(model)} is a name of the provider ${builtin[0].name}`);
    return { targets: targetsOf([builtin[0]], model) };
  }

  /** `model` is the name to find, `asked` is the name that the client sent. */
  #findModel(model: string, asked: string, note: Note): Found {
    const unserved: string[] = [];
    return (
      this.#findRouted(model, asked, note) ??
      this.#findExact(model, note, unserved) ??
      this.#findByPreset(model, note, unserved) ??
      this.#findAnnounced(model, note) ??
      this.#findPrefixed(model, asked, note) ?? { targets: [], problem: this.#unknown(model, asked, unserved) }
    );
  }

  #findRouted(model: string, asked: string, note: Note): Found | undefined {
    const route = this.#routes.find(([glob]) => glob.matches(model));
    if (route === undefined) {
      note(this.#routes.length === 0 ? "model_provider_routes: the file has none" : `model_provider_routes: none matches ${quote(model)}`);
      return undefined;
    }
    const [glob, names] = route;
    const targets: ResolvedTarget[] = [];
    const reasons: string[] = [];
    for (const name of new Set(names)) {
      const reason = this.#whyNot(name);
      if (reason === undefined) targets.push({ provider: name, upstreamModel: model });
      else {
        reasons.push(reason);
        note({ provider: name, upstreamModel: model, reason });
      }
    }
    note([`model_provider_routes: ${quote(glob.pattern)} matches and names ${names.join(", ") || "no provider"}`, ...reasons].join("; "));
    if (targets.length > 0) return { targets };
    const because = reasons.length === 0 ? "that route names no provider" : reasons.join("; ");
    return {
      targets,
      problem: `The model ${quote(asked)} is routed by model_provider_routes ${quote(glob.pattern)}, but no provider can serve it: ${because}.`,
    };
  }

  #findExact(model: string, note: Note, unserved: string[]): Found | undefined {
    const providers = this.#exact.get(model);
    if (providers === undefined) {
      note(`models: no provider lists ${quote(model)}`);
      return undefined;
    }
    note(`models: listed by ${names(providers)}`);
    return this.#enabledOf(providers, model, note, unserved);
  }

  #findByPreset(model: string, note: Note, unserved: string[]): Found | undefined {
    if (this.#routes.length > 0) {
      note("presets: not used, as the file has model_provider_routes");
      return undefined;
    }
    const matching = this.#patterns.flatMap(([provider, patterns]) => {
      const pattern = patterns.match(model);
      return pattern === undefined ? [] : [{ provider, pattern }];
    });
    if (matching.length === 0) {
      note(`presets: no pattern matches ${quote(model)}`);
      return undefined;
    }
    note(`presets: ${matching.map(({ provider, pattern }) => `${quote(pattern)} of ${provider.name}`).join(", ")} matches`);
    return this.#enabledOf(
      matching.map(({ provider }) => provider),
      model,
      note,
      unserved,
    );
  }

  #findAnnounced(model: string, note: Note): Found | undefined {
    const providers = this.#announced.get(model);
    if (providers === undefined) {
      note(`announced models: no provider announces ${quote(model)}`);
      return undefined;
    }
    note(`announced models: announced by ${names(providers)}`);
    return { targets: targetsOf(providers, model) };
  }

  #findPrefixed(model: string, asked: string, note: Note): Found | undefined {
    const provider = this.#prefixOf(model);
    if (provider === undefined) {
      note(`provider/model: ${quote(model)} does not begin with a provider's name`);
      return undefined;
    }
    const upstreamModel = model.slice(model.indexOf("/") + 1);
    const reason = this.#whyNot(provider.name);
    note(`provider/model: names provider ${provider.name}${reason === undefined ? "" : `; ${reason}`}`);
    if (reason === undefined) return { targets: [{ provider: provider.name, upstreamModel }] };
    note({ provider: provider.name, upstreamModel, reason });
    return { targets: [], problem: `The model ${quote(asked)} cannot be served: ${reason}.` };
  }

  #prefixOf(model: string): Provider | undefined {
    const slash = model.indexOf("/");
    const provider = slash > 0 && slash < model.length - 1 ? this.#byPrefix.get(model.slice(0, slash)) : undefined;
    return provider?.builtin === true ? undefined : provider;
  }

  #enabledOf(providers: readonly Provider[], model: string, note: Note, unserved: string[]): Found | undefined {
    const enabled: Provider[] = [];
    for (const provider of providers) {
      const reason = this.#whyNot(provider.name);
      if (reason === undefined) {
        enabled.push(provider);
      } else {
        note(reason);
        note({ provider: provider.name, upstreamModel: model, reason });
        if (!unserved.includes(reason)) unserved.push(reason);
      }
    }
    return enabled.length === 0 ? undefined : { targets: targetsOf(enabled, model) };
  }

  /** Why a provider cannot be a target, or `undefined` if it can. */
  #whyNot(name: string): string | undefined {
    const provider = this.#byName.get(name);
    if (provider === undefined) return `there is no provider ${quote(name)}`;
    if (provider.builtin) return `the provider ${name} answers only for ${provider.modelPatterns.join(" and ")}`;
    if (!provider.enabled) return `the provider ${name} is disabled: ${provider.disabledReason ?? "no reason is given"}`;
    return undefined;
  }

  #unknown(model: string, asked: string, unserved: readonly string[]): string {
    const name = model === asked ? quote(model) : `${quote(asked)} (${quote(model)})`;
    if (unserved.length > 0) return `The model ${name} cannot be served: ${unserved.join("; ")}.`;
    return `No provider serves the model ${name}. ${this.#offer(model)} \`tokligence route explain MODEL\` shows how a name is looked up.`;
  }

  /** What the client can write instead. */
  #offer(model: string): string {
    const slash = model.indexOf("/");
    const prefix = closestNames(model.slice(0, Math.max(slash, 0)), this.#byPrefix.keys(), 1).map((name) => `${name}${model.slice(slash)}`);
    const close = [...new Set([...closestNames(model, this.knownNames(), 3), ...prefix])];
    if (close.length > 0) return `Did you mean ${close.join(" or ")}?`;
    const known = [...new Set(this.knownNames())];
    const some = known.slice(0, shownNames).map(shorten).join(", ");
    const models = known.length > shownNames ? `There are ${known.length} models, among them ${some}` : `There are the models ${some}`;
    const enabled = this.#table.providers.filter((provider) => provider.enabled && !provider.builtin);
    const direct = enabled.length === 0 ? "" : `, and PROVIDER/MODEL with one of the providers ${names(enabled)}`;
    return `${models}${direct}; GET /v1/models lists them.`;
  }

  #checkAliases(): void {
    for (const [name, target] of this.#table.aliases) {
      if (this.isBuiltin(name)) {
        throw new RoutingError("model_aliases", `model_aliases: ${quote(name)} is a name of the built-in provider; choose another.`);
      }
      const next = this.#table.aliases.get(target);
      if (next === undefined) continue;
      const cycle = name === target || next === name;
      throw new RoutingError(
        "model_aliases",
        cycle
          ? `model_aliases: ${quote(name)} and ${quote(target)} stand for each other; let an alias name a model or PROVIDER/MODEL.`
          : `model_aliases: ${quote(name)} stands for ${quote(target)}, which is an alias itself; write ${quote(next)} there.`,
      );
    }
  }
}

function indexByModel(entries: readonly (readonly [Provider, readonly string[]])[]): Map<string, Provider[]> {
  const index = new Map<string, Provider[]>();
  for (const [provider, models] of entries) {
    if (provider.builtin) continue;
    for (const model of models) {
      const providers = index.get(model);
      if (providers === undefined) index.set(model, [provider]);
      else providers.push(provider);
    }
  }
  return index;
}

/** What may stand before the slash of `provider/model`: a provider's name or, if no provider has that name, one of its preset. */
function indexByPrefix(providers: readonly Provider[]): Map<string, Provider> {
  const index = new Map<string, Provider>();
  // Later entries win: names before other names, enabled providers before others, the first of the configuration before the next.
  const order = [...providers.filter(({ enabled }) => enabled), ...providers.filter(({ enabled }) => !enabled)].toReversed();
  for (const provider of order) for (const name of provider.otherNames ?? []) index.set(name, provider);
  for (const provider of providers) index.set(provider.name, provider);
  return index;
}

function targetsOf(providers: readonly Provider[], upstreamModel: string): ResolvedTarget[] {
  return providers.map((provider) => ({ provider: provider.name, upstreamModel }));
}

function names(providers: readonly Provider[]): string {
  return providers.map((provider) => provider.name).join(", ");
}

/** Names come from clients: they are quoted, and truncated if they are too long. */
function quote(text: string): string {
  return JSON.stringify(shorten(text));
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
