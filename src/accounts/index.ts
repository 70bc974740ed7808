export { createAccounts } from "./create-accounts.ts";
export { keyLabel, prefixLabel } from "./names.ts";
export type { AccountsDeps } from "./create-accounts.ts";
export type * from "./types.ts";
