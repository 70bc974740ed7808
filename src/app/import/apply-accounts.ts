import { createHash } from "node:crypto";
import { createIdSource, createTimeZone, type Clock } from "../../core/index.ts";
import { createBudgetAdmin, createRollupStep, createStoreSink, parseRate, type BudgetAdmin } from "../../ledger/index.ts";
import { createLimitAdmin } from "../../limits/index.ts";
import type { Store } from "../../store/index.ts";
import type { Settings } from "../config/index.ts";
import type { AccountsPlan, ImportedKey, ImportedSubject, ImportedUsage } from "./import-plan.ts";

/** How many rows were added, and how many were there before. */
export interface Applied {
  readonly added: Counts;
  readonly present: Counts;
}

export interface Counts {
  users: number;
  keys: number;
  budgets: number;
  limits: number;
  usage: number;
}

const none = (): Counts => ({ users: 0, keys: 0, budgets: 0, limits: 0, usage: 0 });

interface ApplyDeps {
  readonly store: Store;
  readonly settings: Pick<Settings, "ledger">;
  readonly clock: Clock;
  readonly onRows?: (rows: number) => void;
}

/** Writes users, keys, budgets, limits and usage. What is there already stays as it is, so that a second import adds nothing. */
export async function applyAccounts(plan: AccountsPlan, deps: ApplyDeps): Promise<Applied> {
  const applied: Applied = { added: none(), present: none() };
  const ids = createIdSource(deps.clock);
  const userIds = await addUsers(plan, { ...deps, ids, applied });
  const keyIds = await addKeys(plan.keys, userIds, { ...deps, ids, applied });
  const find = ({ kind, name }: ImportedSubject): string | undefined => {
    if (kind === "user") return userIds.get(name.toLowerCase());
    return kind === "key" ? keyIds.get(name) : name;
  };
  await addBudgets(plan, find, { ...deps, ids, applied });
  await addLimits(plan, find, { ...deps, applied });
  await addUsage(plan.usage, userIds, keyIds, { ...deps, applied });
  return applied;
}

interface Working extends ApplyDeps {
  readonly applied: Applied;
}
interface WithIds extends Working {
  readonly ids: ReturnType<typeof createIdSource>;
}

function count({ applied, onRows }: Working, what: keyof Counts, isNew: boolean): void {
  (isNew ? applied.added : applied.present)[what] += 1;
  onRows?.(1);
}

/** @returns the id of each username, in lower case. */
async function addUsers({ users }: AccountsPlan, working: WithIds): Promise<ReadonlyMap<string, string>> {
  const { store, ids, clock, applied } = working;
  return await store.db.transaction().execute(async (transaction) => {
    const rows = await transaction.selectFrom("users").select(["id", "username"]).execute();
    const found = new Map(rows.map((row) => [row.username.toLowerCase(), row.id]));
    for (const { username, email, role, isDisabled } of users) {
      const isNew = !found.has(username.toLowerCase());
      count(working, "users", isNew);
      if (!isNew) continue;
      const id = ids.next("usr");
      const nowMs = clock.now();
      await transaction
        .insertInto("users")
        .values({ id, username, email, role, created_ms: nowMs, disabled_ms: isDisabled ? nowMs : null, tags: null })
        .execute();
      found.set(username.toLowerCase(), id);
    }
    if (applied.added.users > 0) await store.bumpRevision(transaction);
    return found;
  });
}

/** @returns the id of each key by its hash. */
async function addKeys(
  keys: readonly ImportedKey[],
  userIds: ReadonlyMap<string, string>,
  working: WithIds,
): Promise<ReadonlyMap<string, string>> {
  const { store, ids, clock, applied } = working;
  return await store.db.transaction().execute(async (transaction) => {
    const rows = await transaction.selectFrom("api_keys").select(["id", "hash"]).execute();
    const found = new Map(rows.map((row) => [row.hash, row.id]));
    for (const key of keys) {
      const isNew = !found.has(key.hash);
      count(working, "keys", isNew);
      if (!isNew) continue;
      const id = ids.next("key");
      const nowMs = clock.now();
      await transaction
        .insertInto("api_keys")
        .values({
          id,
          user_id: userIds.get(key.username.toLowerCase())!,
          name: key.name,
          role: key.role,
          hash: key.hash,
          prefix: key.prefix,
          created_ms: key.createdMs ?? nowMs,
          revoked_ms: key.isRevoked ? nowMs : null,
          expires_ms: key.expiresMs,
          models: key.models === null ? null : JSON.stringify(key.models),
          parent_id: null,
          tags: key.tags.length === 0 ? null : JSON.stringify(key.tags),
          cache: null,
        })
        .execute();
      found.set(key.hash, id);
    }
    if (applied.added.keys > 0) await store.bumpRevision(transaction);
    return found;
  });
}

type Find = (subject: ImportedSubject) => string | undefined;

async function addBudgets({ budgets }: AccountsPlan, find: Find, working: WithIds): Promise<void> {
  const { store, ids, clock, settings } = working;
  const { timeZone, unpricedCeiling } = settings.ledger;
  const zone = createTimeZone(timeZone);
  const admin: BudgetAdmin = createBudgetAdmin({
    store,
    clock,
    ids,
    // No entry of an import counts by a ceiling: a budget starts with what the old installation has counted.
    ceiling: () => ({ input: parseRate(unpricedCeiling.input)!, output: parseRate(unpricedCeiling.output)! }),
    timeZone: () => zone,
  });
  for (const { subject, period, stopNanoUsd, warnNanoUsd, spentNanoUsd } of budgets) {
    const subjectId = find(subject);
    if (subjectId === undefined) continue;
    const before = await store.db
      .selectFrom("budgets")
      .select("id")
      .where("subject", "=", subject.kind)
      .where("subject_id", "=", subjectId)
      .where("period", "=", period)
      .executeTakeFirst();
    count(working, "budgets", before === undefined);
    if (before !== undefined) continue;
    // One transaction: a crash leaves no budget without what it has spent, and a second import would not add that.
    await admin.set({ subject: subject.kind, subjectId, period, stopNanoUsd, warnNanoUsd, earlierNanoUsd: spentNanoUsd });
  }
}

async function addLimits({ limits }: AccountsPlan, find: Find, working: Working): Promise<void> {
  const { store, clock } = working;
  const admin = createLimitAdmin({ store, clock });
  const rows = await admin.list();
  for (const { subject, limits: changes } of limits) {
    const name = find(subject);
    if (name === undefined) continue;
    const isNew = !rows.some((row) => row.subject.kind === subject.kind && row.subject.name === name);
    count(working, "limits", isNew);
    if (isNew) await admin.set({ kind: subject.kind, name }, changes);
  }
}

const usageBatch = 500;

async function addUsage(
  usage: readonly ImportedUsage[],
  userIds: ReadonlyMap<string, string>,
  keyIds: ReadonlyMap<string, string>,
  { store, clock, applied, onRows }: Working,
): Promise<void> {
  const sink = createStoreSink(store, { clock, steps: [createRollupStep(store)] });
  for (let at = 0; at < usage.length; at += usageBatch) {
    const rows = usage.slice(at, at + usageBatch).map(({ row, username, keyHash }) => ({
      ...row,
      user_id: userIds.get(username.toLowerCase()) ?? "",
      key_id: keyHash === null ? "" : (keyIds.get(keyHash) ?? ""),
    }));
    const known = await store.db
      .selectFrom("usage_entries")
      .select("request_id")
      .where(
        "request_id",
        "in",
        rows.map(({ request_id }) => request_id),
      )
      .execute();
    const ids = new Set(known.map((row) => row.request_id));
    const fresh = rows.filter((row) => !ids.has(row.request_id));
    applied.added.usage += fresh.length;
    applied.present.usage += rows.length - fresh.length;
    if (fresh.length > 0) await sink.write(fresh);
    onRows?.(rows.length);
  }
}

/** An id in the form of a request's, always the same for the same text. */
export function requestIdOf(text: string): string {
  const hex = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)
    ? text.toLowerCase().replaceAll("-", "")
    : createHash("sha256").update(text).digest("hex").slice(0, 32);
  return `req_${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
