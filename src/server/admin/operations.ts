import type { Accounts } from "../../accounts/index.ts";
import type { Clock, TimeZone } from "../../core/index.ts";
import type { Alerts } from "../../alerts/index.ts";
import type { LimitAdmin } from "../../limits/index.ts";
import type { BudgetAdmin, EntryBodies, PerformanceReports, PriceAdmin, Reports } from "../../ledger/index.ts";
import type { ExchangeAdmin, MarketAdmin } from "../../market/index.ts";
import { accountHandlers } from "./accounts.ts";
import { auditHandlers, type AuditDeps } from "./audit.ts";
import { operationsOf, type AdminOperation } from "./api.ts";
import { bodyHandlers } from "./bodies.ts";
import { budgetHandlers } from "./budgets.ts";
import { adminContracts } from "./contracts/index.ts";
import { exchangeHandlers } from "./exchange.ts";
import { limitHandlers } from "./limits.ts";
import { marketAutomaticHandlers } from "./market-automatic.ts";
import { marketHandlers } from "./market.ts";
import { performanceHandlers } from "./performance.ts";
import { priceHandlers } from "./prices.ts";
import { secretsHandlers, type SecretsDeps } from "./secrets.ts";
import { sessionHandlers, type SessionHandlerDeps } from "./sessions.ts";
import { systemHandlers, type SystemDeps } from "./system.ts";
import { usageHandlers } from "./usage.ts";

export interface AdminDeps {
  readonly accounts: Accounts;
  readonly sessions: SessionHandlerDeps;
  readonly budgets: BudgetAdmin;
  /** Budgets have changed. */
  readonly onBudgetsChanged: () => Promise<void>;
  readonly limits: LimitAdmin;
  /** Limits have changed. */
  readonly onLimitsChanged: () => Promise<void>;
  readonly reports: Reports;
  /** Of days in reports, if a request names none. */
  readonly timeZone: () => TimeZone;
  readonly bodies: Pick<EntryBodies, "read">;
  /** Writes the bodies that this process still has in memory. */
  readonly flushBodies: () => Promise<void>;
  readonly prices: PriceAdmin;
  readonly alerts: Pick<Alerts, "test">;
  readonly market: MarketAdmin;
  readonly exchange: ExchangeAdmin;
  readonly audit: AuditDeps;
  readonly secrets: SecretsDeps;
  readonly performance: PerformanceReports;
  readonly clock: Clock;
  readonly system: SystemDeps;
}

/** Every operation of the admin API, for a server, the control socket, and commands without a daemon. */
export function createAdminOperations(deps: AdminDeps): AdminOperation[] {
  const providers = (): string[] => deps.system.catalog().providers.map(({ name }) => name);
  return operationsOf(adminContracts, {
    ...accountHandlers(deps.accounts),
    ...sessionHandlers(deps.sessions, deps.accounts),
    ...budgetHandlers({
      budgets: deps.budgets,
      accounts: deps.accounts,
      onChange: deps.onBudgetsChanged,
      providers,
    }),
    ...limitHandlers({ limits: deps.limits, accounts: deps.accounts, onChange: deps.onLimitsChanged, providers }),
    ...usageHandlers(deps.reports, deps.accounts, deps.timeZone),
    ...bodyHandlers(deps.bodies, deps.flushBodies),
    ...priceHandlers(deps),
    "alerts.test": async () => ({ deliveries: await deps.alerts.test() }),
    ...systemHandlers(deps.system, deps.accounts),
    ...marketHandlers(deps.market),
    ...marketAutomaticHandlers(deps.market.automatic),
    ...exchangeHandlers(deps.exchange),
    ...auditHandlers(deps.audit),
    ...secretsHandlers(deps.secrets),
    ...performanceHandlers(deps.performance),
  });
}
