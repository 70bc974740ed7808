import { createCanaries, type Canaries } from "../../canaries/index.ts";
import type { Clock, IdSource, Logger } from "../../core/index.ts";
import type { CurrentConfiguration } from "./configuration.ts";
import type { ModelRequests } from "./model-requests.ts";
import type { Records } from "./records.ts";

interface CanaryParts {
  readonly records: Records;
  readonly models: ModelRequests;
  readonly current: CurrentConfiguration;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

export function composeCanaries({ records, models, current, clock, ids, logger }: CanaryParts): Canaries {
  const { store, accounts, budgets, budgetAdmin } = records;
  return createCanaries({
    store,
    accounts,
    budgets: budgetAdmin,
    onBudgetsChanged: () => budgets.refresh(),
    gateway: models.deps,
    states: current.states,
    settings: () => current.settings.canaries,
    clock,
    ids,
    logger,
  });
}
