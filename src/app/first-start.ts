import type { Accounts, NewApiKey } from "../accounts/index.ts";

/** The first admin, where there is none: the user `admin`, with one key that is shown once. `undefined`: there is an admin already. */
export async function createFirstAdmin(accounts: Accounts): Promise<NewApiKey | undefined> {
  const users = await accounts.listUsers();
  // A user of that name who is no admin was made so on purpose.
  if (users.some((user) => user.role === "admin" || user.username.toLowerCase() === "admin")) return undefined;
  const admin = await accounts.createUser({ username: "admin", role: "admin" });
  return await accounts.createKey({ user: admin.id, name: "first key" });
}
