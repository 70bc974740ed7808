import { GatewayError } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { documentText, readDocument, type MarketDocument } from "../documents/document.ts";

/** A node that this installation trades with. */
export interface Peer {
  readonly node: string;
  /** What this installation calls it, without `@`. */
  readonly name: string;
  /** Where it sells; `undefined`: it only buys. */
  readonly url: string | undefined;
  readonly document: MarketDocument<"node/1">;
  /** Nano-credits: how far below 0 its account here may go, and this node's account there. */
  readonly limit: bigint;
  readonly isBlocked: boolean;
  readonly joinedMs: number;
}

/** The nodes that this installation trades with. Lists are read from the database each time: they are short, and only commands and new leases need them. */
export interface Peers {
  list(): Promise<readonly Peer[]>;
  byNode(node: string): Promise<Peer | undefined>;
  /** By its name or its node id. @throws GatewayError `not_found` */
  find(reference: string): Promise<Peer>;
  /** A node that is known already keeps its name and gets the new document; its limit only grows. */
  add(peer: Omit<Peer, "isBlocked" | "name"> & { readonly name?: string }): Promise<Peer>;
  /** Stores a newer node document. */
  update(node: string, document: MarketDocument<"node/1">): Promise<void>;
  setLimit(node: string, limit: bigint): Promise<void>;
  setBlocked(node: string, isBlocked: boolean): Promise<void>;
  /** Its invites are void too, so that it cannot come back by one that it has used. */
  remove(node: string): Promise<void>;
}

export function createPeers(store: Store): Peers {
  const list = async (): Promise<readonly Peer[]> =>
    (await store.db.selectFrom("market_nodes").selectAll().orderBy("joined_ms").execute()).map((row) => ({
      node: row.node,
      name: row.name,
      url: row.url ?? undefined,
      document: readDocument("node/1", row.document),
      limit: row.limit_nano_usd,
      isBlocked: row.blocked !== 0,
      joinedMs: row.joined_ms,
    }));
  const byNode = async (node: string): Promise<Peer | undefined> => (await list()).find((peer) => peer.node === node);
  const change = async (
    node: string,
    values: { readonly document?: string; readonly url?: string | null; readonly limit_nano_usd?: bigint; readonly blocked?: number },
  ): Promise<void> => {
    await store.db.updateTable("market_nodes").set(values).where("node", "=", node).execute();
  };
  return {
    list,
    byNode,
    async find(reference) {
      const name = reference.replace(/^@/, "");
      const found = (await list()).find((peer) => peer.name === name || peer.node === name);
      if (found !== undefined) return found;
      throw new GatewayError("not_found", `There is no node "${name.slice(0, 64)}" here. \`tokligence market status\` lists them.`);
    },
    async add({ node, url, document, limit, joinedMs, name }) {
      const known = await list();
      const old = known.find((peer) => peer.node === node);
      if (old !== undefined) {
        const values = {
          document: documentText(document),
          url: url ?? old.url ?? null,
          limit_nano_usd: limit > old.limit ? limit : old.limit,
        };
        await change(node, values);
        return (await byNode(node))!;
      }
      const free = freeName(name ?? document.body.name, new Set(known.map((peer) => peer.name)));
      const columns = ["node", "name", "url", "document", "limit_nano_usd", "joined_ms"];
      await store.insertRows("market_nodes", columns, [[node, free, url ?? null, documentText(document), limit, joinedMs]]);
      return (await byNode(node))!;
    },
    update: (node, document) => change(node, { document: documentText(document) }),
    setLimit: (node, limit) => change(node, { limit_nano_usd: limit }),
    setBlocked: (node, isBlocked) => change(node, { blocked: isBlocked ? 1 : 0 }),
    async remove(node) {
      await store.db.deleteFrom("market_invites").where("used_by", "=", node).execute();
      await store.db.deleteFrom("market_nodes").where("node", "=", node).execute();
    },
  };
}

/** Small letters, digits and dashes of the name that the node gives itself; with a number if another node has it. */
function freeName(wanted: string, taken: ReadonlySet<string>): string {
  const plain =
    wanted
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 32) || "node";
  if (!taken.has(plain)) return plain;
  let number = 2;
  while (taken.has(`${plain}-${number}`)) number++;
  return `${plain}-${number}`;
}
