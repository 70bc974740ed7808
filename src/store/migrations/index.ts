import { accountsAndUsage } from "./0001-accounts-and-usage.ts";
import { heldResponses } from "./0002-held-responses.ts";
import { budgets } from "./0003-budgets.ts";
import { sealedProofs } from "./0004-sealed-proofs.ts";
import { journalCheckpoints } from "./0005-journal-checkpoints.ts";
import { usageRollups } from "./0006-usage-rollups.ts";
import { entryBodies } from "./0007-entry-bodies.ts";
import { keyParents } from "./0008-key-parents.ts";
import { disabledUsers } from "./0009-disabled-users.ts";
import { usageIndexes } from "./0010-usage-indexes.ts";
import { smallerUsageIndexes } from "./0011-smaller-usage-indexes.ts";
import { wholeBill } from "./0012-whole-bill.ts";
import { boundTags } from "./0013-bound-tags.ts";
import { market } from "./0014-market.ts";
import { limits } from "./0015-limits.ts";
import { cachedKeys } from "./0016-cached-keys.ts";
import { audit } from "./0017-audit.ts";
import { marketMemory } from "./0018-market-memory.ts";
import { marketLeases } from "./0019-market-leases.ts";
import { performance } from "./0020-performance.ts";
import { exchange } from "./0021-exchange.ts";
import { keyRotation } from "./0022-key-rotation.ts";
import { sessions } from "./0023-sessions.ts";
import { marketPolicies } from "./0024-market-policies.ts";
import { firewall } from "./0025-firewall.ts";
import { marketRelays } from "./0026-market-relays.ts";
import { marketProcesses } from "./0027-market-processes.ts";
import { contextCaches } from "./0028-context-caches.ts";
import { marketVerdicts } from "./0029-market-verdicts.ts";
import { canaries } from "./0030-canaries.ts";
import type { Migration } from "./migration.ts";

export type { Migration } from "./migration.ts";

/** All migrations, in order. */
export const migrations: readonly Migration[] = [
  accountsAndUsage,
  heldResponses,
  budgets,
  sealedProofs,
  journalCheckpoints,
  usageRollups,
  entryBodies,
  keyParents,
  disabledUsers,
  usageIndexes,
  smallerUsageIndexes,
  wholeBill,
  boundTags,
  market,
  limits,
  cachedKeys,
  audit,
  marketMemory,
  marketLeases,
  performance,
  exchange,
  keyRotation,
  sessions,
  marketPolicies,
  firewall,
  marketRelays,
  marketProcesses,
  contextCaches,
  marketVerdicts,
  canaries,
];

/** The migrations that make a schema of this version; all of them if it is omitted. */
export function migrationsUpTo(version: number | undefined): readonly Migration[] {
  return version === undefined ? migrations : migrations.filter((migration) => migration.version <= version);
}
