import type { Clock } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { appendEntries, gatewayEntry } from "./append.ts";
import type { Checkpoint } from "./entry.ts";
import type { AuditKeyFile } from "./key-file.ts";
import { signTrail } from "./sign-trail.ts";

export interface RotatedAuditKey {
  /** base64url. */
  readonly publicKey: string;
  readonly previous: string;
}

interface RotationDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly file: AuditKeyFile;
  /** Takes the signature of the old key on the change. */
  readonly publish: (checkpoint: Checkpoint) => void;
}

const action = "audit.key_rotated";

/**
 * Makes a new key. First an entry of the trail names it, and the old key signs that entry: so the old key vouches for the new one. Then the new key takes its place.
 * A crash before that leaves the old key in use. If the entry is there by then, the next call only completes what was begun.
 */
export async function rotateAuditKey({ store, clock, file, publish }: RotationDeps): Promise<RotatedAuditKey> {
  const previous = file.publicKey;
  const left = file.prepared()?.publicKey;
  if (left !== undefined && (await isAnnounced(store, { from: previous, to: left }))) {
    file.replace();
    return { publicKey: left, previous };
  }
  const { publicKey } = file.prepare();
  const checkpoint = await store.db.transaction().execute(async (transaction) => {
    const entry = { ...gatewayEntry(action, { from: previous, to: publicKey }), timeMs: clock.now() };
    await appendEntries(store, transaction, [entry]);
    return await signTrail(transaction, file, clock.now());
  });
  if (checkpoint !== undefined) publish(checkpoint);
  file.replace();
  return { publicKey, previous };
}

async function isAnnounced({ db }: Store, change: { readonly from: string; readonly to: string }): Promise<boolean> {
  const last = await db
    .selectFrom("audit_entries")
    .select("details")
    .where("action", "=", action)
    .orderBy("seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return last?.details === JSON.stringify(change);
}
