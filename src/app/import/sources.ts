import { realpathSync } from "node:fs";
import { systemClock } from "../../core/index.ts";
import { readGoFolder } from "./go-folder.ts";
import type { AccountsPlan } from "./import-plan.ts";
import { planAccounts } from "./litellm/plan-accounts.ts";
import { planConfig, readMasterKey } from "./litellm/plan-config.ts";
import { readLitellmConfig } from "./litellm/read-config.ts";
import { noRows, readLitellmDatabase } from "./litellm/read-database.ts";
import { readOpenrouterUsage } from "./openrouter-usage.ts";
import { runImport, type ImportReport } from "./run-import.ts";

interface Target {
  /** `--config` */
  readonly path: string | undefined;
  readonly apply: boolean;
  readonly onRows?: (rows: number) => void;
}

export interface LitellmTarget extends Target {
  readonly replace: boolean;
  readonly keepConfig: boolean;
  readonly database: string | undefined;
}

export async function importLitellm(file: string, { keepConfig, database, ...target }: LitellmTarget): Promise<ImportReport> {
  const config = readLitellmConfig(file);
  const plan = planConfig(config);
  const rows = database === undefined ? noRows : await readLitellmDatabase(database);
  const accounts = planAccounts({ rows, masterKey: readMasterKey(config, process.env), nowMs: systemClock.now() });
  const unread = { path: "--database", reason: "not given: users, keys and budgets in LiteLLM's database are not taken over" };
  const notes = database === undefined ? [...accounts.notes, unread] : accounts.notes;
  return await runImport({
    ...target,
    from: realpathSync(file),
    ...(keepConfig ? {} : { config: plan }),
    accounts: { ...accounts, notes },
  });
}

export async function importTokligenceGo(folder: string, target: Target): Promise<ImportReport> {
  return await importAccounts(folder, readGoFolder(folder), target);
}

export async function importOpenrouterUsage(file: string, target: Target): Promise<ImportReport> {
  return await importAccounts(file, readOpenrouterUsage(file), target);
}

async function importAccounts(from: string, accounts: AccountsPlan, target: Target): Promise<ImportReport> {
  return await runImport({ ...target, from: realpathSync(from), accounts, replace: false });
}
