import { createBoundedCache, type Logger } from "../../core/index.ts";

/** So many models are remembered to have been told of; names of models may come from anywhere. */
const rememberedModels = 1000;

/** Tells of a model whose usage was recorded without a price, with `noticed`: in the log once a model and process. */
export function createUnpricedAlarm(logger: Logger): { noticed(provider: string, model: string): void } {
  const told = createBoundedCache<true>(rememberedModels);
  return {
    noticed(provider, model) {
      const name = `${provider}/${model}`;
      if (told.get(name) !== undefined) return;
      told.set(name, true);
      logger.warn(
        { provider, model },
        "no price is known for this model: its cost is recorded as unknown, and budgets reckon with ledger.unpriced_ceiling; prices sets one",
      );
    },
  };
}
