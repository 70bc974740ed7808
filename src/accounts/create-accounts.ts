import { randomBytes } from "node:crypto";
import { everyByTimer, silentLogger, type Clock, type Every, type IdSource, type Logger } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { createApiKeys } from "./api-keys.ts";
import { createKeyChanges } from "./key-changes.ts";
import { createKeyCache } from "./key-cache.ts";
import { watchRevision } from "./revision-watch.ts";
import { readNames } from "./names.ts";
import type { Accounts } from "./types.ts";
import { createUsers } from "./users.ts";

export interface AccountsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Must be cryptographically secure. */
  readonly random?: (size: number) => Uint8Array;
  /** The interval between checks for changes by other processes, in milliseconds; 250 by default. */
  readonly pollMs?: number;
  /** How many keys are kept in memory; 10,000 by default. */
  readonly cacheSize?: number;
  /** How long a key that is not in memory waits for the database, in milliseconds; 1000 if omitted. */
  readonly keyDeadlineMs?: number;
  readonly every?: Every;
  /** Called when users, keys or budgets have changed, in any process, after the cache of keys has been cleared. If it fails, it is called again. */
  readonly onChange?: () => Promise<void>;
  readonly logger?: Logger;
}

/** Users, keys, and the authentication of keys. A change by this process takes effect at once, a change by another one within `pollMs`. */
export function createAccounts({
  store,
  clock,
  ids,
  random = randomBytes,
  pollMs = 250,
  cacheSize = 10_000,
  keyDeadlineMs = 1000,
  every = everyByTimer,
  onChange,
  logger = silentLogger,
}: AccountsDeps): Accounts {
  const cache = createKeyCache({ store, clock, cacheSize, deadlineMs: keyDeadlineMs });
  const stop = watchRevision({
    store,
    every,
    intervalMs: pollMs,
    logger,
    onChange() {
      cache.drop();
      return onChange?.();
    },
  });
  return {
    ...createUsers({ store, clock, ids, onChanged: (userId) => cache.drop(userId) }),
    ...createApiKeys({ store, clock, ids, random, onChanged: (keyId) => cache.drop(keyId) }),
    ...createKeyChanges({ store, clock, random, onChanged: (keyId) => cache.drop(keyId) }),
    readNames: (userIds, keyIds) => readNames(store.db, userIds, keyIds),
    authenticate: (key) => cache.authenticate(key),
    noteChange: (id) => cache.drop(id),
    close: stop,
  };
}
