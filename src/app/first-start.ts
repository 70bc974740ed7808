import type { Accounts, NewApiKey, User } from "../accounts/index.ts";
import { GatewayError } from "../core/index.ts";

/** Makes the first admin: the user `admin`, with one key that is shown once. `undefined`: there is an admin already. */
export async function createFirstAdmin(accounts: Accounts): Promise<NewApiKey | undefined> {
  if (await hasAdmin(accounts)) return undefined;
  const admin = await createAdmin(accounts);
  return admin && (await accounts.createKey({ user: admin.id, name: "first key" }));
}

/** A user `admin` who is no admin was made so on purpose. */
async function hasAdmin(accounts: Accounts): Promise<boolean> {
  const page = 1000;
  for (let after: string | undefined; ;) {
    const users = await accounts.listUsers({ limit: page, ...(after === undefined ? {} : { after }) });
    if (users.some((user) => user.role === "admin" || user.username.toLowerCase() === "admin")) return true;
    if (users.length < page) return false;
    after = users.at(-1)!.id;
  }
}

/** `undefined`: another gateway on the same database, started at the same time, has made it in between. */
async function createAdmin(accounts: Accounts): Promise<User | undefined> {
  try {
    return await accounts.createUser({ username: "admin", role: "admin" });
  } catch (error) {
    if (error instanceof GatewayError && error.code === "conflict") return undefined;
    throw error;
  }
}
