import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { stringify } from "yaml";
import { systemClock } from "../../core/index.ts";
import { takeFileLock } from "../../store/index.ts";
import { openStore } from "../compose/open-store.ts";
import { ConfigError } from "../../settings/index.ts";
import { findPlace, loadSettings, type LoadedSettings } from "../config/load.ts";
import { createFile } from "../config/write-file.ts";
import { runtimePaths } from "../paths.ts";
import { applyAccounts, type Applied } from "./apply-accounts.ts";
import type { AccountsPlan, ConfigPlan, Note } from "./import-plan.ts";

export interface ImportInput {
  readonly from: string;
  /** `undefined`: the configuration stays as it is. */
  readonly config?: ConfigPlan;
  readonly accounts: AccountsPlan;
  readonly path: string | undefined;
  readonly apply: boolean;
  /** An existing configuration is kept under another name and replaced. */
  readonly replace: boolean;
  /** More of what was planned is in the database. */
  readonly onRows?: ((rows: number) => void) | undefined;
}

export interface ImportReport {
  readonly from: string;
  readonly applied: boolean;
  /** Where the configuration is or will be; its text with secrets masked; what happens to it. */
  readonly config: { readonly path: string; readonly state: "new" | "unchanged" | "replaced" | "kept"; readonly text: string | null };
  readonly planned: {
    readonly users: number;
    readonly keys: number;
    readonly budgets: number;
    readonly limits: number;
    readonly usage: number;
  };
  readonly added: Applied["added"] | null;
  readonly present: Applied["present"] | null;
  readonly not_taken_over: readonly Note[];
}

/** Shows what an import would do or, with `apply`, does it. @throws Error that says what to do; then nothing was changed. */
export async function runImport(input: ImportInput): Promise<ImportReport> {
  const { config, accounts, path, apply } = input;
  const place = findPlace(path === undefined ? {} : { path });
  const text = config === undefined ? undefined : renderConfig(input.from, config);
  const state = text === undefined ? "kept" : stateOf(place.path, text);
  const notes = [...(config?.notes ?? []), ...accounts.notes];
  const { loaded, problems } = loadNew(place.path, text, path);
  const { users, keys, budgets, limits, usage } = accounts;
  const report = {
    from: input.from,
    config: { path: place.path, state, text: config === undefined ? null : renderConfig(input.from, maskConfig(config)) } as const,
    planned: { users: users.length, keys: keys.length, budgets: budgets.length, limits: limits.length, usage: usage.length },
    not_taken_over: [...notes, ...problems],
  };
  if (!apply) return { ...report, applied: false, added: null, present: null };
  if (loaded === undefined) throw new Error(`The new configuration cannot be used: ${problems.map(({ reason }) => reason).join("; ")}`);
  if (state === "replaced" && !input.replace) {
    throw new Error(
      `${place.path} is there already, with other content. Give --replace (it is kept as ${place.path}.before-import), --keep-config, or another --config.`,
    );
  }
  const applied = await applyLocked(accounts, loaded, input.onRows);
  if (text !== undefined) writeConfig(place.path, text, state);
  return { ...report, applied: true, ...applied };
}

async function applyLocked(accounts: AccountsPlan, { settings }: LoadedSettings, onRows: ImportInput["onRows"]): Promise<Applied> {
  const lock = settings.database.type === "sqlite" ? takeLock(settings.database.path) : undefined;
  try {
    const store = await openStore(settings.database, systemClock);
    try {
      return await applyAccounts(accounts, { store, settings, clock: systemClock, onRows: onRows ?? (() => {}) });
    } finally {
      await store.close();
    }
  } finally {
    lock?.release();
  }
}

function takeLock(path: string): { release(): void } {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = takeFileLock(runtimePaths(path).lock);
  if (lock === undefined) throw new Error("The gateway is running on this database. Stop it first: tokligence stop");
  return lock;
}

function renderConfig(from: string, { tree }: ConfigPlan): string {
  return `# Made by \`tokligence import\` from ${from}. Keys of providers come from the environment, as before.\n${stringify(tree, { lineWidth: 0 })}`;
}

/** As the report shows it: keys, headers and passwords that are written out, not as a variable, are `[secret]`. */
function maskConfig({ tree, notes }: ConfigPlan): ConfigPlan {
  return { tree: maskSecrets(tree) as ConfigPlan["tree"], notes };
}

function maskSecrets(value: unknown, isSecret = false): unknown {
  if (typeof value === "string") {
    if (isSecret && !/^\$\{\w+\}$/.test(value)) return "[secret]";
    return value.replace(/^([a-z+]+:\/\/)[^@/]*@/i, "$1[secret]@");
  }
  if (Array.isArray(value)) return value.map((each) => maskSecrets(each, isSecret));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, maskSecrets(each, isSecret || name === "api_key" || name === "headers")]),
  );
}

function stateOf(path: string, text: string): "new" | "unchanged" | "replaced" {
  if (!existsSync(path)) return "new";
  return readFileSync(path, "utf8") === text ? "unchanged" : "replaced";
}

/** The settings with the new text, before it is written. */
function loadNew(
  path: string,
  text: string | undefined,
  given: string | undefined,
): { readonly loaded: LoadedSettings | undefined; readonly problems: readonly Note[] } {
  try {
    const loaded = loadSettings({
      ...(given === undefined && text === undefined ? {} : { path }),
      ...(text === undefined ? {} : { text }),
    });
    return { loaded, problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { loaded: undefined, problems: error.problems.map(({ message }) => ({ path: "the new configuration", reason: message })) };
  }
}

function writeConfig(path: string, text: string, state: ImportReport["config"]["state"]): void {
  if (state === "unchanged") return;
  if (state === "replaced") renameSync(path, freeName(`${path}.before-import`));
  createFile(path, text);
}

/** What an earlier import kept is not overwritten: `….before-import-2`. */
function freeName(wanted: string): string {
  let name = wanted;
  for (let count = 2; existsSync(name); count++) name = `${wanted}-${count}`;
  return name;
}
