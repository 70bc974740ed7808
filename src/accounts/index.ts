export { createAccounts } from "./create-accounts.ts";
export type { AccountsDeps } from "./create-accounts.ts";
export type * from "./types.ts";
