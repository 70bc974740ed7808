import type { Store } from "../../store/index.ts";
import type { BuyPolicy, BuySettings } from "./buy-section.ts";

/** When a model is bought. */
export interface ModelPolicy {
  readonly model: string;
  readonly policy: BuyPolicy;
  /** Nano-credits a million tokens: no rate of an offer may be above it. */
  readonly maxPrice: bigint | undefined;
  /** What `cheaper` must save, from 0 to 1; `undefined`: as the configuration says. */
  readonly minSaving: number | undefined;
  /** Set by a command, or by the configuration. */
  readonly source: "command" | "configuration";
}

/** For every model that has no policy of its own. */
const others = "*";

interface PoliciesDeps {
  readonly store: Pick<Store, "db">;
  readonly settings: () => BuySettings;
  readonly now: () => number;
}

/** The policies of models: those that commands have set are in the database, and count more than those of the configuration. */
export class Policies {
  readonly #deps: PoliciesDeps;
  #stored: ReadonlyMap<string, ModelPolicy> = new Map();

  constructor(deps: PoliciesDeps) {
    this.#deps = deps;
  }

  /** Other processes may have changed them. */
  async load(): Promise<void> {
    const rows = await this.#deps.store.db.selectFrom("market_policies").selectAll().orderBy("model").execute();
    this.#stored = new Map(
      rows.map(({ model, policy, max_price: maxPrice, min_saving: minSaving }) => [
        model,
        {
          model,
          policy,
          maxPrice: maxPrice === null ? undefined : BigInt(maxPrice),
          minSaving: minSaving === null ? undefined : minSaving / 10_000,
          source: "command" as const,
        },
      ]),
    );
  }

  /** No model is bought by a policy. */
  get isEmpty(): boolean {
    return this.#stored.size === 0 && this.#deps.settings().policies.size === 0;
  }

  of(model: string): ModelPolicy | undefined {
    return this.#exact(model) ?? this.#exact(others);
  }

  #exact(model: string): ModelPolicy | undefined {
    const stored = this.#stored.get(model);
    if (stored !== undefined) return stored;
    const { policies, maxPrices } = this.#deps.settings();
    const policy = policies.get(model);
    if (policy === undefined) return undefined;
    return { model, policy, maxPrice: maxPrices.get(model) ?? maxPrices.get(others), minSaving: undefined, source: "configuration" };
  }

  list(): readonly ModelPolicy[] {
    const models = new Set([...this.#stored.keys(), ...this.#deps.settings().policies.keys()]);
    return [...models].toSorted().map((model) => this.#exact(model)!);
  }

  async set({ model, policy, maxPrice, minSaving }: Omit<ModelPolicy, "source">): Promise<void> {
    const values = {
      policy,
      max_price: maxPrice === undefined ? null : String(maxPrice),
      min_saving: minSaving === undefined ? null : Math.round(minSaving * 10_000),
      set_ms: this.#deps.now(),
    };
    await this.#deps.store.db
      .insertInto("market_policies")
      .values({ model, ...values })
      .onConflict((oc) => oc.column("model").doUpdateSet(values))
      .execute();
    await this.load();
  }

  /** What the configuration says is in force again. @returns whether there was one. */
  async remove(model: string): Promise<boolean> {
    const gone = await this.#deps.store.db.deleteFrom("market_policies").where("model", "=", model).returning("model").execute();
    await this.load();
    return gone.length > 0;
  }
}
