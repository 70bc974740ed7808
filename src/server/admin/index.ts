export { accountOperations } from "./accounts.ts";
export { adminRoutes, createLocalCaller, type AdminCaller, type AdminOperation } from "./api.ts";
export { bodyOperations } from "./bodies.ts";
export { budgetOperations } from "./budgets.ts";
export { ledgerOperations } from "./ledger.ts";
export { systemOperations, type SystemDeps } from "./system.ts";
export { usageOperations } from "./usage.ts";
