import { createHash } from "node:crypto";
import { isTag } from "../../../core/index.ts";
import { nanoOfNumber } from "../../../ledger/index.ts";
import {
  takeName,
  usernameOf,
  type AccountsPlan,
  type ImportedBudget,
  type ImportedKey,
  type ImportedLimits,
  type ImportedSubject,
  type ImportedUser,
  type Note,
} from "../import-plan.ts";
import type { LitellmRows, MoneyColumns, TeamRow, TokenRow, UserRow } from "./read-database.ts";

/** Who owns keys that name no user. */
const nobody = "litellm";
/** A shorter master key can be guessed. */
const shortestMasterKey = 16;
/** LiteLLM's names of sets of routes with which a key may call models in each way. */
const modelRoutes = new Set(["llm_api_routes", "openai_routes", "/*", "*"]);

export interface AccountsInput {
  readonly rows: LitellmRows;
  readonly masterKey: string | undefined;
  readonly nowMs: number;
}

/** Users, keys, budgets and limits from the rows of LiteLLM's database. Pure. */
export function planAccounts({ rows, masterKey, nowMs }: AccountsInput): AccountsPlan {
  const notes: Note[] = [];
  const money: Money = { budgets: [], limits: [], notes, nowMs };
  const { users, nameOf } = planUsers(rows, money);
  const tagOf = planTeams(rows.teams, money);
  const teams = new Map(rows.teams.map((team) => [team.team_id, team]));
  const owners = new Map(rows.users.map((user) => [user.user_id, user]));
  const budgets = new Map(rows.budgets.map((budget) => [budget.budget_id, budget]));
  const keys: ImportedKey[] = [];
  for (const row of rows.tokens) {
    const path = `LiteLLM_VerificationToken ${row.key_alias ?? row.key_name ?? row.token.slice(0, 8)}`;
    if (!/^[0-9a-f]{64}$/.test(row.token)) {
      notes.push({ path, reason: "it is not stored as a SHA-256: make a new key" });
      continue;
    }
    if (row.allowed_routes.length > 0 && !row.allowed_routes.some((route) => modelRoutes.has(route))) {
      notes.push({
        path: `${path}.allowed_routes`,
        reason: "keys are not limited to routes, so the key would get more rights: make a new key",
      });
      continue;
    }
    const team = row.team_id === null ? undefined : teams.get(row.team_id);
    const shared = row.budget_id === null ? undefined : budgets.get(row.budget_id);
    const key = planKey(row, {
      path,
      shared,
      team,
      owner: owners.get(row.user_id ?? ""),
      username: nameOf(row.user_id),
      tag: tagOf.get(row.team_id ?? ""),
      notes,
    });
    keys.push(key);
    addMoney({ kind: "key", name: row.token }, { ...withShared(row, shared), path }, money);
  }
  addMasterKey(masterKey, keys, users, notes);
  const isUsed = keys.some(({ username }) => username === nobody);
  if (isUsed && !users.some(({ username }) => username === nobody))
    users.push({ username: nobody, email: null, role: "user", isDisabled: false });
  for (const { path, count, reason } of rows.unread) if (count > 0) notes.push({ path: `${path} (${count})`, reason });
  return { users, keys, budgets: money.budgets, limits: money.limits, usage: [], notes };
}

interface Money {
  readonly budgets: ImportedBudget[];
  readonly limits: ImportedLimits[];
  readonly notes: Note[];
  readonly nowMs: number;
}

function planUsers(rows: LitellmRows, money: Money): { readonly users: ImportedUser[]; readonly nameOf: (id: string | null) => string } {
  const taken = new Set<string>([nobody]);
  const names = new Map<string, string>();
  const users = rows.users.map((row): ImportedUser => {
    const username = takeName(usernameOf(row.user_alias ?? row.user_email ?? row.user_id), taken);
    names.set(row.user_id, username);
    const path = `LiteLLM_UserTable ${row.user_id}`;
    addMoney({ kind: "user", name: username }, { ...row, path }, money);
    if (row.models.length > 0)
      money.notes.push({
        path: `${path}.models`,
        reason: "they limit the user's old keys that have no team; for new keys: tokligence apikey create --models",
      });
    const isAdmin = row.user_role === "proxy_admin";
    if (isAdmin)
      money.notes.push({
        path: `${path}.user_role`,
        reason: "the user becomes an admin, the old keys do not: tokligence apikey create makes an admin's key",
      });
    const isDisabled = refusesAll(row);
    if (isDisabled)
      money.notes.push({ path, reason: "it has a limit of 0, with which LiteLLM refuses every request: tokligence user enable undoes it" });
    return { username, email: isEmail(row.user_email) ? row.user_email : null, role: isAdmin ? "admin" : "user", isDisabled };
  });
  // Keys may name users that have no row.
  for (const { user_id: id } of rows.tokens) {
    if (id === null || names.has(id)) continue;
    const username = takeName(usernameOf(id), taken);
    names.set(id, username);
    users.push({ username, email: null, role: "user", isDisabled: false });
  }
  return { users, nameOf: (id) => (id === null ? nobody : (names.get(id) ?? nobody)) };
}

function isEmail(text: string | null): text is string {
  return text !== null && text.length <= 254 && /^[^\s@]+@[^\s@]+$/.test(text);
}

/** A team is a tag on its keys: budgets and limits of the tag hold for all of them. @returns the tag of each team. */
function planTeams(teams: readonly TeamRow[], money: Money): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  return new Map(
    teams.map((team) => {
      const tag = tagOfTeam(team, taken);
      const path = `LiteLLM_TeamTable ${team.team_alias ?? team.team_id}`;
      addMoney({ kind: "tag", name: tag }, { ...team, path }, money);
      if (team.organization_id !== null)
        money.notes.push({
          path: `${path}.organization_id`,
          reason: "there are no organizations: budgets are for users, keys, tags, models and providers",
        });
      return [team.team_id, tag];
    }),
  );
}

const longestTag = 50;

/** `team:search`; one that is too long, or that another team has, ends in a part of the digest of the team's id. */
function tagOfTeam({ team_alias: alias, team_id: id }: TeamRow, taken: Set<string>): string {
  const name = `team:${usernameOf(alias ?? id).toLowerCase()}`;
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 8);
  const isFree = name.length <= longestTag && isTag(name) && !taken.has(name);
  const cut = name.slice(0, longestTag - digest.length - 1).replaceAll(/[^a-z0-9:._-]|[._-]+$/g, "");
  const tag = isFree ? name : `${cut}-${digest}`;
  taken.add(tag);
  return tag;
}

interface KeyContext {
  readonly path: string;
  readonly shared: MoneyColumns | undefined;
  readonly team: TeamRow | undefined;
  readonly owner: UserRow | undefined;
  readonly username: string;
  readonly tag: string | undefined;
  readonly notes: Note[];
}

function planKey(row: TokenRow, { path, team, owner, username, tag, shared, notes }: KeyContext): ImportedKey {
  const isRefused = refusesAll(withShared(row, shared)) || refusesAll(team);
  if (isRefused)
    notes.push({ path, reason: "it, or its team, has a limit of 0, with which LiteLLM refuses every request: the key is revoked" });
  for (const [column, isSet] of Object.entries({
    aliases: hasFields(row.aliases),
    permissions: hasFields(row.permissions),
    model_max_budget: hasFields(row.model_max_budget),
  })) {
    if (isSet) notes.push({ path: `${path}.${column}`, reason: "no counterpart for a key" });
  }
  return {
    username,
    name: (row.key_alias ?? "").slice(0, 100) || null,
    hash: row.token,
    prefix: `sk-…${/[\w-]{4}$/.exec(row.key_name ?? "")?.[0] ?? row.token.slice(0, 4)}`,
    role: "user",
    createdMs: row.created_at?.getTime() ?? null,
    expiresMs: row.expires?.getTime() ?? null,
    isRevoked: row.blocked === true || team?.blocked === true || isRefused,
    models: modelsOf(row, team?.models ?? (row.team_id === null ? owner?.models : undefined) ?? [], path, notes),
    tags: tag !== undefined && isTag(tag) ? [tag] : [],
  };
}

/**
 * The models of a key that also its team allows or, if it has none, its user. LiteLLM's words for sets of models; an empty list is all models. A key for which
 * none is left gets a name that no model has.
 */
function modelsOf(row: TokenRow, others: readonly string[], path: string, notes: Note[]): readonly string[] | null {
  const own = setOf(row.models.includes("all-team-models") ? [] : row.models);
  const outer = setOf(others);
  const both = own === null || outer === null ? (own ?? outer) : sharedModels(own, outer);
  if (both === null) return null;
  if (both.length > 100) {
    notes.push({ path: `${path}.models`, reason: "a key has at most 100 patterns: those after the first 100 are not taken over" });
  }
  return both.length === 0 ? [noModels] : both.slice(0, 100);
}

const noModels = "no-default-models";

/** `null`: all models. */
function setOf(models: readonly string[]): readonly string[] | null {
  if (models.includes(noModels)) return [];
  return models.length === 0 || models.includes("all-proxy-models") || models.includes("*") ? null : models;
}

/** What both lists allow: names or patterns of one that the other one has, or that fit a pattern of it. */
function sharedModels(one: readonly string[], other: readonly string[]): readonly string[] {
  const fits = (name: string, patterns: readonly string[]): boolean =>
    patterns.some((pattern) => pattern === name || (pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1))));
  return [...new Set([...one.filter((name) => fits(name, other)), ...other.filter((name) => fits(name, one))])];
}

function hasFields(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function withShared(row: TokenRow, shared: MoneyColumns | undefined): MoneyColumns {
  if (shared === undefined) return row;
  const own = Object.entries(row).filter(([, value]) => value !== null);
  return { ...shared, ...(Object.fromEntries(own) as unknown as MoneyColumns) };
}

/** `30d`, `1mo`, … as one of the gateway's periods, if it has it. */
function periodOf(duration: string | null): ImportedBudget["period"] | undefined {
  if (duration === null) return "total";
  if (/^(?:1d|24h|daily)$/.test(duration)) return "day";
  return /^(?:30d|31d|1mo|monthly)$/.test(duration) ? "month" : undefined;
}

function addMoney(subject: ImportedSubject, row: MoneyColumns & { readonly path: string }, { budgets, limits, notes, nowMs }: Money): void {
  const { path, budget_duration: duration } = row;
  const stop = amountOfMoney(row.max_budget, `${path}.max_budget`, notes);
  const warn = amountOfMoney(row.soft_budget ?? null, `${path}.soft_budget`, notes);
  const period = periodOf(duration);
  if (stop !== null && period === undefined) {
    notes.push({
      path: `${path}.budget_duration`,
      reason: `budgets are for a day, a month or in total, not ${duration}: tokligence budget set`,
    });
  } else if (period !== undefined && (stop !== null || warn !== null)) {
    if (period === "month") notes.push({ path: `${path}.budget_duration`, reason: `${duration} becomes a month of the calendar` });
    const isOver = row.budget_reset_at !== null && row.budget_reset_at.getTime() <= nowMs;
    budgets.push({
      subject,
      period,
      stopNanoUsd: stop === null ? null : nanoOfNumber(stop),
      warnNanoUsd: warn === null || (stop !== null && warn > stop) ? null : nanoOfNumber(warn),
      spentNanoUsd: isOver || period === "day" ? 0n : nanoOfNumber(amountOfMoney(row.spend ?? null, `${path}.spend`, notes) ?? 0),
    });
  }
  const amounts = {
    requests_per_minute: amountOf(row.rpm_limit),
    tokens_per_minute: amountOf(row.tpm_limit),
    tokens_per_day: amountOf(row.tpd_limit),
    concurrent: amountOf(row.max_parallel_requests),
  };
  if (Object.values(amounts).some((amount) => amount !== undefined)) limits.push({ subject, limits: amounts });
}

/** A database has `Infinity` and `NaN` as well, and a spend below 0 after a correction. `null`: none. */
function amountOfMoney(value: number | null, path: string, notes: Note[]): number | null {
  if (value === null || (Number.isFinite(value) && value >= 0)) return value;
  if (value !== Infinity) notes.push({ path, reason: `${value} is no amount of money: it is left out` });
  return null;
}

/**
 * LiteLLM refuses every request of a key, user or team with a limit of 0 (`parallel_request_limiter_v3.py`: any limit that is not None is compared; its older
 * limiter took 0 for none). Limits begin at 1 here, so that its keys are taken over as refused.
 */
function refusesAll(row: Partial<MoneyColumns> | undefined): boolean {
  if (row === undefined) return false;
  return [row.rpm_limit, row.tpm_limit, row.tpd_limit, row.max_parallel_requests].some(
    (limit) => limit !== null && limit !== undefined && Number(limit) === 0,
  );
}

function amountOf(value: string | number | null | undefined): number | undefined {
  const amount = Number(value ?? 0);
  return Number.isSafeInteger(amount) && amount > 0 ? amount : undefined;
}

function addMasterKey(masterKey: string | undefined, keys: ImportedKey[], users: ImportedUser[], notes: Note[]): void {
  const path = "general_settings.master_key";
  if (masterKey === undefined) {
    notes.push({ path, reason: "its value is not known here (set the variable that it names): clients that use it get 401" });
    return;
  }
  if (!masterKey.startsWith("sk-") || masterKey.length < shortestMasterKey) {
    notes.push({
      path,
      reason: `it is shorter than ${shortestMasterKey} characters, or does not begin with sk-, so it is not taken over: make an admin's key with tokligence apikey create`,
    });
    return;
  }
  const username = "litellm-admin";
  if (!users.some((user) => user.username === username)) users.push({ username, email: null, role: "admin", isDisabled: false });
  const hash = createHash("sha256").update(masterKey).digest("hex");
  const prefix = `sk-…${masterKey.slice(-4)}`;
  const rest = { createdMs: null, expiresMs: null, isRevoked: false, models: null, tags: [] };
  keys.push({ username, name: "LiteLLM master key", hash, prefix, role: "admin", ...rest });
  notes.push({ path, reason: `it works as an admin's key of ${username}: revoke it when no client uses it any more` });
}
