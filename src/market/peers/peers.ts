import { GatewayError } from "../../core/index.ts";
import type { Selectable } from "kysely";
import type { MarketNodesTable, Store } from "../../store/index.ts";
import { documentText, readDocument, type MarketDocument } from "../documents/document.ts";
import type { DocumentBody } from "../documents/kinds.ts";
import { relayedUrl } from "../wire.ts";

/** Where a node says that it is called: at its own address, or through its relay. */
export function reachOf({ node, reach }: DocumentBody<"node/1">): string | undefined {
  return reach.direct ?? (reach.relay === undefined ? undefined : relayedUrl(reach.relay, node));
}

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
  readonly role: NodeRole;
  /** The organisation that an exchange says all its members belong to; "" if none. */
  readonly organisation: string;
}

/** A peer, an exchange that this node has joined, or a member of this node's own exchange. */
export type NodeRole = "peer" | "exchange" | "member";

/** The nodes that this installation trades with. Lists are read from the database each time: they are short, and only commands and new leases need them. */
export interface Peers {
  list(): Promise<readonly Peer[]>;
  byNode(node: string): Promise<Peer | undefined>;
  /** By its name or its node id. @throws GatewayError `not_found` */
  find(reference: string): Promise<Peer>;
  /** A node that is known already keeps its name and gets the new document; its limit only grows. */
  add(
    peer: Pick<Peer, "node" | "url" | "document" | "limit" | "joinedMs"> & Partial<Pick<Peer, "name" | "role" | "organisation">>,
  ): Promise<Peer>;
  /** Stores a newer node document. */
  update(node: string, document: MarketDocument<"node/1">): Promise<void>;
  /** Where it is called now. */
  setUrl(node: string, url: string): Promise<void>;
  setLimit(node: string, limit: bigint): Promise<void>;
  setBlocked(node: string, isBlocked: boolean): Promise<void>;
  /** Its invites are void too, so that it cannot come back by one that it has used. */
  remove(node: string): Promise<void>;
}

type Row = Selectable<MarketNodesTable>;

const mostAttempts = 20;

/** @param roles of the nodes that it knows: those that this one trades with, or the members of its exchange. */
// A factory: its functions share the queries.
// oxlint-disable-next-line max-lines-per-function
export function createPeers(store: Store, roles: readonly NodeRole[] = ["peer", "exchange"]): Peers {
  const rows = (column: "node" | "name" | "role", values: readonly string[]): Promise<Row[]> =>
    store.db
      .selectFrom("market_nodes")
      .selectAll()
      .where(column, "in", values as NodeRole[])
      .where("role", "in", roles)
      .orderBy("joined_ms")
      .execute();
  const byNode = async (node: string): Promise<Peer | undefined> => (await rows("node", [node])).map(peerOf)[0];
  const change = async (
    node: string,
    values: {
      readonly document?: string;
      readonly url?: string | null;
      readonly limit_nano_usd?: bigint;
      readonly blocked?: number;
      readonly organisation?: string;
    },
  ): Promise<void> => {
    await store.db.updateTable("market_nodes").set(values).where("node", "=", node).where("role", "in", roles).execute();
  };
  return {
    list: async () => (await rows("role", roles)).map(peerOf),
    byNode,
    async find(reference) {
      const name = reference.replace(/^@/, "");
      const found = [...(await rows("name", [name])), ...(await rows("node", [name]))].map(peerOf)[0];
      if (found !== undefined) return found;
      throw new GatewayError("not_found", `There is no node "${name.slice(0, 64)}" here. \`tokligence market status\` lists them.`);
    },
    async add({ node, url, document, limit, joinedMs, name, role = roles[0]!, organisation = "" }) {
      // Two nodes may want the same name at once.
      for (let attempt = 0; attempt < mostAttempts; attempt++) {
        const known = await store.db.selectFrom("market_nodes").select(["node", "name", "role"]).execute();
        const other = known.find((row) => row.node === node);
        if (other !== undefined && other.role !== role) {
          throw new GatewayError("conflict", `The node is known here as "${other.name}" already (${other.role}). Leave it first.`);
        }
        const old = await byNode(node);
        if (old !== undefined) {
          const values = {
            document: documentText(document),
            url: url ?? old.url ?? null,
            limit_nano_usd: limit > old.limit ? limit : old.limit,
            organisation,
          };
          await change(node, values);
          return (await byNode(node))!;
        }
        const free = freeName(name ?? document.body.name, new Set(known.map((row) => row.name)));
        const columns = ["node", "name", "url", "document", "limit_nano_usd", "joined_ms", "role", "organisation"];
        const row = [node, free, url ?? null, documentText(document), limit, joinedMs, role, organisation];
        if ((await store.insertRows("market_nodes", columns, [row])) === 1) return (await byNode(node))!;
      }
      throw new GatewayError("conflict", "Other nodes join at the moment. Try again.");
    },
    update: (node, document) => change(node, { document: documentText(document), url: reachOf(document.body) ?? null }),
    setUrl: (node, url) => change(node, { url }),
    setLimit: (node, limit) => change(node, { limit_nano_usd: limit }),
    setBlocked: (node, isBlocked) => change(node, { blocked: isBlocked ? 1 : 0 }),
    async remove(node) {
      await store.db.deleteFrom("market_invites").where("used_by", "=", node).execute();
      await store.db.deleteFrom("market_nodes").where("node", "=", node).where("role", "in", roles).execute();
    },
  };
}

function peerOf(row: Row): Peer {
  return {
    node: row.node,
    name: row.name,
    url: row.url ?? undefined,
    document: readDocument("node/1", row.document),
    limit: row.limit_nano_usd,
    isBlocked: row.blocked !== 0,
    joinedMs: row.joined_ms,
    role: row.role,
    organisation: row.organisation,
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
