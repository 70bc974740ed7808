export { createAccounts } from "./create-accounts.ts";
export { keyLabel, readSubjectName } from "./names.ts";
export type { AccountsDeps } from "./create-accounts.ts";
export { createSessions, type Session, type SessionCaller, type Sessions } from "./sessions.ts";
export { createIdentities, type CheckedIdentity, type Identities, type IdentityUser } from "./identities.ts";
export type * from "./types.ts";
