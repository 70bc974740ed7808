import type { Kysely, Selectable } from "kysely";
import { sql } from "kysely";
import type { Clock, IdSource } from "../core/index.ts";
import { GatewayError } from "../core/index.ts";
import type { Store, Tables, UsersTable } from "../store/index.ts";
import type { Accounts, User } from "./types.ts";
import { checkEmail, checkRole, checkUsername, quoteRef } from "./validate.ts";

export interface UsersDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
}

export type UserRow = Selectable<UsersTable>;

export function createUsers({ store, clock, ids }: UsersDeps): Pick<Accounts, "createUser" | "listUsers" | "getUser"> {
  return {
    async createUser(input) {
      const row: UserRow = {
        id: ids.next("usr"),
        username: checkUsername(input.username),
        email: checkEmail(input.email),
        role: checkRole(input.role, "user"),
        created_ms: clock.now(),
      };
      await store.db.transaction().execute(async (transaction) => {
        const added = await transaction
          .insertInto("users")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (added.numInsertedOrUpdatedRows !== 1n) {
          throw new GatewayError("conflict", `There is a user "${row.username}" already (case does not count). Choose another username.`, {
            param: "username",
          });
        }
        await store.bumpRevision(transaction);
      });
      return userOf(row);
    },
    async listUsers() {
      const rows = await store.db.selectFrom("users").selectAll().orderBy("created_ms").orderBy("id").execute();
      return rows.map(userOf);
    },
    getUser: async (userRef) => userOf(await findUser(store.db, userRef)),
  };
}

/** The user of an id or, failing that, of a username. @throws GatewayError `not_found`. */
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
  return { id: row.id, username: row.username, email: row.email, role: row.role, created_at: new Date(row.created_ms).toISOString() };
}
