import { accountContracts } from "./accounts.ts";
import { alertContracts } from "./alerts.ts";
import { auditContracts } from "./audit.ts";
import { budgetContracts } from "./budgets.ts";
import type { AnswerOfContract, InputOfContract } from "./contract.ts";
import { exchangeContracts } from "./exchange.ts";
import { limitContracts } from "./limits.ts";
import { marketAutomaticContracts } from "./market-automatic.ts";
import { marketContracts } from "./market.ts";
import { performanceContracts } from "./performance.ts";
import { priceContracts } from "./prices.ts";
import { secretsContracts } from "./secrets.ts";
import { sessionContracts } from "./sessions.ts";
import { systemContracts } from "./system.ts";
import { usageContracts } from "./usage.ts";

/** Every operation of the admin API by its name. */
export const adminContracts = {
  ...accountContracts,
  ...sessionContracts,
  ...budgetContracts,
  ...limitContracts,
  ...usageContracts,
  ...alertContracts,
  ...priceContracts,
  ...marketContracts,
  ...marketAutomaticContracts,
  ...exchangeContracts,
  ...systemContracts,
  ...auditContracts,
  ...secretsContracts,
  ...performanceContracts,
} as const;

export type AdminContracts = typeof adminContracts;
export type OperationName = keyof AdminContracts;
export type OperationInput<N extends OperationName> = InputOfContract<AdminContracts[N]>;
export type OperationAnswer<N extends OperationName> = AnswerOfContract<AdminContracts[N]>;

export type { OperationContract } from "./contract.ts";
