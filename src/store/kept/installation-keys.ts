import type { Clock } from "../../core/index.ts";
import type { Store } from "../types.ts";

/** A secret of the installation, shared by all its processes and by all gateways on one database. */
export interface InstallationKey {
  readonly id: number;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

const firstId = 1;
const secretSize = 32;

/**
 * The installation's keys, oldest first. An installation without keys gets its first one here: if several processes start at once, one creates it,
 * and all read the same. An operator can insert a row with a greater id: it is used from the next start on, and the older keys still open what they
 * have sealed.
 */
export async function readInstallationKeys(
  store: Store,
  clock: Clock,
  random: (size: number) => Uint8Array,
): Promise<readonly InstallationKey[]> {
  const read = async (): Promise<readonly InstallationKey[]> => {
    const rows = await store.db.selectFrom("installation_keys").select(["id", "secret"]).orderBy("id").execute();
    return rows.map(({ id, secret }) => ({ id, secret: Buffer.from(secret, "base64") }));
  };
  const known = await read();
  if (known.length > 0) return known;
  const secret = Buffer.from(random(secretSize)).toString("base64");
  await store.insertRows("installation_keys", ["id", "secret", "created_ms"], [[firstId, secret, clock.now()]]);
  return await read();
}
