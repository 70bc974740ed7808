import type { Kysely, Selectable, Transaction } from "kysely";
import { sql } from "kysely";
import type { Clock, IdSource } from "../core/index.ts";
import { GatewayError, readTags, writeTags } from "../core/index.ts";
import type { Store, Tables, UsersTable } from "../store/index.ts";
import type { Accounts, User } from "./types.ts";
import { checkEmail, checkRole, checkTags, checkUsername, quoteRef } from "./validate.ts";

export interface UsersDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Called after a change of what a user's keys may do is in the database and before it is answered. */
  readonly onChanged: (userId: string) => void;
}

export type UserRow = Selectable<UsersTable>;
type UserChanges = Partial<Pick<UserRow, "username" | "email" | "role" | "disabled_ms" | "tags" | "erased_ms">>;
type UserAccounts = Pick<Accounts, "createUser" | "listUsers" | "getUser" | "updateUser" | "disableUser" | "enableUser" | "eraseUser">;

export function createUsers({ store, clock, ids, onChanged }: UsersDeps): UserAccounts {
  const change = createUserChange(store, onChanged);
  return {
    async createUser(input) {
      const row: UserRow = {
        id: ids.next("usr"),
        username: checkUsername(input.username),
        email: checkEmail(input.email),
        role: checkRole(input.role, "user"),
        created_ms: clock.now(),
        disabled_ms: null,
        tags: writeTags(checkTags(input.tags)) ?? null,
        erased_ms: null,
      };
      await store.db.transaction().execute(async (transaction) => {
        const added = await transaction
          .insertInto("users")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (added.numInsertedOrUpdatedRows !== 1n) {
          throw new GatewayError("conflict", `There is a user "${row.username}" already (case does not matter). Choose another username.`, {
            param: "username",
          });
        }
        await store.bumpRevision(transaction);
      });
      return userOf(row);
    },
    async listUsers({ limit, after } = {}) {
      // Ids are made in the order of time.
      let query = store.db.selectFrom("users").selectAll().orderBy("id");
      if (after !== undefined) query = query.where("id", ">", after);
      if (limit !== undefined) query = query.limit(limit);
      return (await query.execute()).map(userOf);
    },
    getUser: async (userRef) => userOf(await findUser(store.db, userRef)),
    updateUser: (userRef, changes) =>
      change(
        userRef,
        (row) => (
          refuseErased(row),
          {
            ...(changes.email === undefined ? {} : { email: checkEmail(changes.email) }),
            ...(changes.role === undefined ? {} : { role: checkRole(changes.role, row.role) }),
            ...(changes.tags === undefined ? {} : { tags: writeTags(checkTags(changes.tags)) ?? null }),
          }
        ),
      ),
    // A user that was disabled before keeps its time.
    disableUser: (userRef) => change(userRef, (row) => (row.disabled_ms === null ? { disabled_ms: clock.now() } : {})),
    enableUser: (userRef) => change(userRef, (row) => (row.disabled_ms === null ? {} : (refuseErased(row), { disabled_ms: null }))),
    eraseUser: (userRef) =>
      change(userRef, (row) => {
        if (row.erased_ms !== null) return {};
        const now = clock.now();
        return { username: erasedName(row.id), email: null, tags: null, disabled_ms: row.disabled_ms ?? now, erased_ms: now };
      }),
  };
}

type ChangeUser = (userRef: string, changesOf: (row: UserRow) => UserChanges) => Promise<User>;

function createUserChange(store: Store, onChanged: (userId: string) => void): ChangeUser {
  return async (userRef: string, changesOf: (row: UserRow) => UserChanges): Promise<User> => {
    const row = await store.db.transaction().execute(async (transaction): Promise<UserRow> => {
      const found = await findUser(transaction, userRef);
      const changes = changesOf(found);
      const changed = { ...found, ...changes };
      if (isActiveAdmin(found) && !isActiveAdmin(changed)) await refuseLastAdmin(transaction, found);
      if (Object.keys(changes).length === 0) return found;
      await transaction.updateTable("users").set(changes).where("id", "=", found.id).executeTakeFirstOrThrow();
      if (changes.erased_ms !== undefined) {
        await eraseKeys(transaction, found.id, changes.erased_ms);
        await eraseSignIns(transaction, found.id);
      }
      await store.bumpRevision(transaction);
      return changed;
    });
    onChanged(row.id);
    return userOf(row);
  };
}

/** An identity names a person, and a session a machine. */
async function eraseSignIns(transaction: Transaction<Tables>, userId: string): Promise<void> {
  await transaction.deleteFrom("sessions").where("user_id", "=", userId).execute();
  await transaction.deleteFrom("identities").where("user_id", "=", userId).execute();
}

/** Names of keys are often names of people, and of their machines. */
async function eraseKeys(transaction: Transaction<Tables>, userId: string, nowMs: number | null): Promise<void> {
  await transaction.updateTable("api_keys").set({ name: null, tags: null }).where("user_id", "=", userId).execute();
  const left = transaction.updateTable("api_keys").set({ revoked_ms: nowMs }).where("user_id", "=", userId);
  await left.where("revoked_ms", "is", null).execute();
}

/** The name of a user whose own was erased: it says which rows belong together, and nothing else. */
function erasedName(id: string): string {
  return `erased-${id.slice(-12)}`;
}

function refuseErased({ erased_ms: erasedMs }: UserRow): void {
  if (erasedMs === null) return;
  throw new GatewayError("conflict", "The user was erased, which cannot be undone. Make a new one: tokligence user create NAME", {
    param: "user",
  });
}

function isActiveAdmin({ role, disabled_ms: disabledMs }: UserRow): boolean {
  return role === "admin" && disabledMs === null;
}

/** @throws GatewayError `conflict` if this is the last active admin: without one, the gateway could not be administered over its API. */
async function refuseLastAdmin(transaction: Transaction<Tables>, { id, username }: UserRow): Promise<void> {
  const other = await transaction
    .selectFrom("users")
    .select("id")
    .where("role", "=", "admin")
    .where("disabled_ms", "is", null)
    .where("id", "<>", id)
    .executeTakeFirst();
  if (other !== undefined) return;
  throw new GatewayError(
    "conflict",
    `"${username}" is the last admin. Make another one first, as in: tokligence user create NAME --role admin`,
    { param: "user" },
  );
}

/** Finds a user by id or else by username. @throws GatewayError `not_found`. */
export async function findUser(db: Kysely<Tables>, userRef: string): Promise<UserRow> {
  if (typeof userRef !== "string")
    throw new GatewayError("invalid_request", "Say which user is meant, by id or username.", { param: "user" });
  const byId = await db.selectFrom("users").selectAll().where("id", "=", userRef).executeTakeFirst();
  if (byId !== undefined) return byId;
  const byName = await db
    .selectFrom("users")
    .selectAll()
    .where(sql<boolean>`lower(username) = lower(${userRef})`)
    .executeTakeFirst();
  if (byName !== undefined) return byName;
  throw new GatewayError(
    "not_found",
    `There is no user${quoteRef(userRef)}. \`tokligence user list\` shows the users, \`tokligence user create\` makes one.`,
    { param: "user" },
  );
}

function userOf(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    role: row.role,
    created_at: timeOf(row.created_ms)!,
    disabled_at: timeOf(row.disabled_ms),
    tags: readTags(row.tags),
  };
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
