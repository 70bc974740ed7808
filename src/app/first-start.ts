import type { Accounts, NewApiKey } from "../accounts/index.ts";

/** The first user, where there is none: `admin`, with one key that is shown once. `undefined`: there are users already. */
export async function createFirstAdmin(accounts: Accounts): Promise<NewApiKey | undefined> {
  if ((await accounts.listUsers()).length > 0) return undefined;
  const admin = await accounts.createUser({ username: "admin", role: "admin" });
  return await accounts.createKey({ user: admin.id, name: "first key" });
}
