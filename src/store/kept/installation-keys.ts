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
 * The installation's keys, oldest first. An installation without any gets its first one: of several processes that begin at once, one makes it, and all read the same.
 * A row with a greater id, put in by hand, takes over at the next start; older ones stay for what they have sealed.
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
