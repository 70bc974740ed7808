import { accountsAndUsage } from "./0001-accounts-and-usage.ts";
import type { Migration } from "./migration.ts";

export type { Migration } from "./migration.ts";

/** All steps, in order. */
export const migrations: readonly Migration[] = [accountsAndUsage];
