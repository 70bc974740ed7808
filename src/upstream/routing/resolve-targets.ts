import { compileGlob, type Glob } from "../../core/index.ts";
import type { PassedTarget, Provider, ResolvedTarget, Resolution } from "../types.ts";
import { closestNames } from "./closest-names.ts";
import { ModelResolver, RoutingError, type Note, type RoutingTable } from "./resolve-model.ts";
import { fallbackReasons, type FallbackLists, type ModelSetting, type TargetTable } from "./targets.ts";

/**
 * Finds the targets of a model: those of `models`, else what `ModelResolver` finds; and its fallbacks. A target is never looked up in `models` again. Immutable.
 */
export class TargetResolver {
  readonly #resolver: ModelResolver;
  readonly #table: TargetTable;
  readonly #fallbacks: readonly (readonly [Glob, FallbackLists])[];

  /** @throws RoutingError if a name leads to another one of `models`, hides a built-in name, or names a provider that does not exist. */
  constructor(routing: RoutingTable, table: TargetTable) {
    this.#resolver = new ModelResolver({ ...routing, ownModels: [...table.models.keys()] });
    this.#table = table;
    this.#fallbacks = table.fallbacks.map(([pattern, lists]) => [compileGlob(pattern), lists]);
    this.#check(routing);
  }

  provider(name: string): Provider | undefined {
    return this.#resolver.provider(name);
  }

  knownNames(): Iterable<string> {
    return this.#resolver.knownNames();
  }

  /** The first target of a name, without the steps. */
  firstProvider(model: string): string | undefined {
    return this.#find(model, () => undefined).targets[0]?.provider;
  }

  /** Resolves a model, with the steps in words. */
  resolve(model: string): Resolution {
    const steps: string[] = [];
    const passedOver: PassedTarget[] = [];
    const { targets, problem, setting } = this.#find(model, (step) => {
      if (typeof step === "string") steps.push(step);
      else passedOver.push(step);
    });
    const { strategy, hasAffinity } = this.#table;
    const fallbacks = this.#fallbacksOf(model, targets);
    return {
      model,
      isAlias: setting !== undefined || this.#resolver.isAlias(model),
      steps,
      targets,
      passedOver,
      strategy: setting?.strategy ?? strategy,
      hasAffinity: setting?.hasAffinity ?? hasAffinity,
      ...(setting?.hedge === undefined ? {} : { hedge: setting.hedge }),
      ...(setting?.caching === undefined ? {} : { caching: setting.caching }),
      ...(fallbacks === undefined ? {} : { fallbacks }),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  #find(
    model: string,
    note: Note,
  ): { readonly targets: readonly ResolvedTarget[]; readonly problem?: string; readonly setting?: ModelSetting } {
    const setting = this.#resolver.isPrefixed(model) ? undefined : this.#table.models.get(model);
    if (setting === undefined) return this.#resolver.find(model, note);
    const targets: ResolvedTarget[] = [];
    const problems: string[] = [];
    for (const { model: name, weight } of setting.targets) {
      const found = this.#resolver.findTarget(name, note);
      if (found.problem !== undefined) problems.push(found.problem);
      for (const target of found.targets) if (!targets.some((known) => isSame(known, target))) targets.push({ ...target, weight });
    }
    const shown = targets.map(({ provider, upstreamModel }) => `${provider}/${upstreamModel}`).join(", ");
    note(`models: ${JSON.stringify(model)} has the targets ${shown === "" ? "(none that can be asked)" : shown}`);
    if (targets.length > 0) return { targets, setting };
    return { targets, setting, problem: `None of the targets of the model ${JSON.stringify(model)} can be asked. ${problems.join(" ")}` };
  }

  /** The first pattern that fits the name asked for, else the first that fits a target's. */
  #fallbacksOf(model: string, targets: readonly ResolvedTarget[]): FallbackLists | undefined {
    const byName = this.#fallbacks.find(([glob]) => glob.matches(model));
    if (byName !== undefined) return byName[1];
    return this.#fallbacks.find(([glob]) => targets.some(({ upstreamModel }) => glob.matches(upstreamModel)))?.[1];
  }

  #check({ aliases, providers }: RoutingTable): void {
    const { models } = this.#table;
    for (const [name, { targets }] of models) {
      if (this.#resolver.isBuiltin(name)) throw wrong("models", `${quote(name)} is a name of the built-in provider; choose another`);
      if (aliases.has(name)) throw wrong("models", `${quote(name)} is in model_aliases too; write it in one of them`);
      for (const { model } of targets) {
        if (model !== name && models.has(model) && !this.#resolver.isPrefixed(model))
          throw wrong("models", `the target ${quote(model)} of ${quote(name)} is one of models itself; write its targets there`);
        this.#checkProvider("models", model, providers);
      }
    }
    for (const [alias, to] of aliases) {
      if (models.has(to))
        throw wrong("model_aliases", `${quote(alias)} stands for ${quote(to)}, which is one of models; give ${quote(alias)} targets there`);
    }
    for (const [pattern, lists] of this.#table.fallbacks) {
      for (const name of fallbackReasons.flatMap((reason) => lists[reason] ?? [])) {
        if (name === pattern) throw wrong("fallbacks", `${quote(pattern)} is its own fallback`);
        if (!models.has(name)) this.#checkProvider("fallbacks", name, providers);
      }
    }
  }

  /** Names with slashes may be announced by a provider later, so only those are refused that look like a provider's name misspelt. */
  #checkProvider(setting: RoutingError["setting"], name: string, providers: readonly Provider[]): void {
    const slash = name.indexOf("/");
    if (slash <= 0 || this.#resolver.isPrefixed(name) || this.#resolver.find(name).targets.length > 0) return;
    const prefix = name.slice(0, slash);
    const known = providers.map((provider) => provider.name);
    const [nearest] = known.includes(prefix) ? [] : closestNames(prefix, known, 1);
    if (nearest !== undefined)
      throw wrong(setting, `${quote(name)} names the provider ${quote(prefix)}, which does not exist (did you mean ${nearest}?)`);
  }
}

function isSame(one: ResolvedTarget, other: ResolvedTarget): boolean {
  return one.provider === other.provider && one.upstreamModel === other.upstreamModel;
}

function wrong(setting: RoutingError["setting"], what: string): RoutingError {
  return new RoutingError(setting, `${setting}: ${what}.`);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
