import type { KeyObject } from "node:crypto";
import type { Store } from "../../store/index.ts";
import { createNodeKey, privateKeyOf, rawPublicKey, type NodeKey } from "./node-key.ts";

/** A key that others seal requests to. */
export interface SealingKey {
  readonly kid: string;
  readonly key: KeyObject;
  /** 43 characters of base64url. */
  readonly publicKey: string;
  readonly untilMs: number;
}

/** The keys of this installation as a node: one identity for each database. */
export interface MarketKeys {
  readonly node: NodeKey;
  /** The keys that are live, the newest first; a new one is made each day. */
  sealing(): Promise<readonly SealingKey[]>;
}

const dayMs = 86_400_000;
/** A sealing key is live for two days, so that a lease of yesterday can be served today. */
const lifetimeMs = 2 * dayMs;
const nodeKid = "node";

interface KeysDeps {
  readonly store: Store;
  readonly now: () => number;
  readonly random: (size: number) => Uint8Array;
}

/** Reads the node's key, and makes it if there is none: only a command that begins to trade calls this. */
export async function openMarketKeys(deps: KeysDeps): Promise<MarketKeys> {
  const { store, now } = deps;
  await insertKey(deps, nodeKid, "node");
  const row = await store.db.selectFrom("market_keys").select("secret").where("kid", "=", nodeKid).executeTakeFirstOrThrow();
  const node = createNodeKey(Buffer.from(row.secret, "base64"));
  let known: readonly SealingKey[] = [];
  return {
    node,
    async sealing() {
      const [newest] = known;
      if (newest !== undefined && newest.untilMs - now() > lifetimeMs - dayMs) return known.filter(({ untilMs }) => untilMs > now());
      // Two processes that make the key of a day at once make one row.
      await insertKey(deps, `d${Math.floor(now() / dayMs)}`, "seal");
      known = await readSealing(store, now());
      return known;
    },
  };
}

/** Whether this installation has ever begun to trade. */
export async function hasMarketKeys(store: Pick<Store, "db">): Promise<boolean> {
  return (await store.db.selectFrom("market_keys").select("kid").where("kid", "=", nodeKid).executeTakeFirst()) !== undefined;
}

async function insertKey({ store, now, random }: KeysDeps, kid: string, kind: "node" | "seal"): Promise<void> {
  const secret = Buffer.from(random(32)).toString("base64");
  const created = now();
  const until = kind === "node" ? null : (Math.floor(created / dayMs) + 2) * dayMs;
  await store.insertRows("market_keys", ["kid", "kind", "secret", "created_ms", "until_ms"], [[kid, kind, secret, created, until]]);
}

async function readSealing(store: Store, nowMs: number): Promise<readonly SealingKey[]> {
  const rows = await store.db
    .selectFrom("market_keys")
    .select(["kid", "secret", "until_ms"])
    .where("kind", "=", "seal")
    .where("until_ms", ">", nowMs)
    .orderBy("until_ms", "desc")
    .limit(3)
    .execute();
  return rows.map(({ kid, secret, until_ms: untilMs }) => {
    const key = privateKeyOf("x25519", Buffer.from(secret, "base64"));
    return { kid, key, publicKey: rawPublicKey(key).toString("base64url"), untilMs: untilMs ?? 0 };
  });
}
