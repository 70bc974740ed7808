import { createBoundedCache, type Logger } from "../../core/index.ts";

/** The number of models that are remembered as logged. It is limited because model names may come from clients. */
const rememberedModels = 1000;

/** Logs a model whose usage was recorded without a price (`noticed`), once per model and process. */
export function createUnpricedAlarm(logger: Logger): { noticed(provider: string, model: string): void } {
  const logged = createBoundedCache<true>(rememberedModels);
  return {
    noticed(provider, model) {
      const name = `${provider}/${model}`;
      if (logged.get(name) !== undefined) return;
      logged.set(name, true);
      logger.warn(
        { provider, model },
        "no price is known for this model: its cost is recorded as unknown, and budgets use ledger.unpriced_ceiling; set a price under prices",
      );
    },
  };
}
