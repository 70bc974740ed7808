import type { Clock, SealKey, SealKeys } from "../../core/index.ts";
import type { Store } from "../types.ts";

/** A secret of the installation, shared by all its processes and by all gateways on one database. */
export interface InstallationKey extends SealKey {
  readonly createdMs: number;
}

const firstId = 1;
const secretSize = 32;
/** A new key opens at once and seals only after this time: by then every process has read it. */
export const sealsAfterMs = 10_000;

type Random = (size: number) => Uint8Array;

/**
 * The installation's keys. An installation without keys gets its first one here: if several processes start at once, one creates it, and all read the same. The newest
 * key seals, and the older ones still open what they have sealed.
 */
export class InstallationKeys implements SealKeys {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Oldest first. */
  #keys: readonly InstallationKey[] = [];

  private constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  static async open(store: Store, clock: Clock, random: Random): Promise<InstallationKeys> {
    const keys = new InstallationKeys(store, clock);
    await keys.refresh();
    if (keys.#keys.length > 0) return keys;
    await insertKey(store, firstId, { clock, random });
    await keys.refresh();
    return keys;
  }

  /** Another process may have made a key. */
  async refresh(): Promise<void> {
    this.#keys = await readKeys(this.#store);
  }

  sealing(): SealKey {
    const latestMs = this.#clock.now() - sealsAfterMs;
    return this.#keys.findLast(({ createdMs }) => createdMs <= latestMs) ?? this.#keys[0]!;
  }

  find(id: number): SealKey | undefined {
    return this.#keys.find((key) => key.id === id);
  }

  get ids(): readonly number[] {
    return this.#keys.map(({ id }) => id);
  }
}

async function readKeys({ db }: Store): Promise<readonly InstallationKey[]> {
  const rows = await db.selectFrom("installation_keys").selectAll().orderBy("id").execute();
  return rows.map(({ id, secret, created_ms: createdMs }) => ({ id, createdMs, secret: Buffer.from(secret, "base64") }));
}

/**
 * Adds a key that seals from `sealsFromMs` on. The older ones stay, as they open what they have sealed. If two processes do this at the same time, one key is made.
 * @returns the key's number.
 */
export async function addInstallationKey(
  store: Store,
  clock: Clock,
  random: Random,
): Promise<{ readonly id: number; readonly sealsFromMs: number }> {
  const nowMs = clock.now();
  const id = ((await readKeys(store)).at(-1)?.id ?? 0) + 1;
  await insertKey(store, id, { clock: { ...clock, now: () => nowMs }, random });
  // All processes look for changes of this number.
  await store.bumpRevision();
  return { id, sealsFromMs: nowMs + sealsAfterMs };
}

async function insertKey(
  store: Store,
  id: number,
  { clock, random }: { readonly clock: Pick<Clock, "now">; readonly random: Random },
): Promise<void> {
  const secret = Buffer.from(random(secretSize)).toString("base64");
  await store.insertRows("installation_keys", ["id", "secret", "created_ms"], [[id, secret, clock.now()]]);
}
