import { GatewayError, type Sealer } from "../../core/index.ts";
import { MarketRefusal } from "../refusal.ts";
import type { Store } from "../../store/index.ts";
import { nodeId } from "../documents/kinds.ts";
import { relayOf } from "../wire.ts";

/** What an invite says: where the inviting node is, who it is, and the code that opens its door once. */
export interface Invite {
  /** The inviting node is an exchange. Only for the question that is asked before joining. */
  readonly isExchange: boolean;
  readonly urls: readonly string[];
  readonly node: string;
  readonly code: string;
}

const scope = "market-invite";
const lifetimeMs = 7 * 86_400_000;

/** The invite as people pass it on: one word of base64url. */
export function inviteText({ urls, node, code, isExchange }: Invite): string {
  return Buffer.from(JSON.stringify({ urls, node, code, ...(isExchange ? { exchange: true } : {}) })).toString("base64url");
}

/** @throws GatewayError `invalid_request` */
export function readInvite(text: string): Invite {
  const problem = new GatewayError("invalid_request", "This is not an invite. Pass the whole word that `tokligence market share` printed.");
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text.trim(), "base64url").toString("utf8"));
  } catch {
    throw problem;
  }
  if (typeof value !== "object" || value === null) throw problem;
  const { urls, node, code, exchange } = value as Readonly<Record<string, unknown>>;
  const areUrls =
    Array.isArray(urls) && urls.length > 0 && urls.length <= 4 && urls.every((url) => typeof url === "string" && isWebAddress(url));
  if (!areUrls || typeof code !== "string" || code.length > 1000) throw problem;
  try {
    return { urls: urls as readonly string[], node: nodeId(node, "node"), code, isExchange: exchange === true };
  } catch {
    throw problem;
  }
}

function isWebAddress(url: string): boolean {
  return (/^https?:\/\/[^/?#@\s]{1,256}$/.test(url) || relayOf(url) !== undefined) && URL.canParse(url);
}

/** What the node that uses an invite becomes: a peer, or a member of the exchange. */
export type InviteRole = "peer" | "member";

/** Invites of this node: each can be used once, by one node, within seven days. */
export interface Invites {
  create(limit: bigint, role?: InviteRole): Promise<string>;
  /**
   * @returns the limit that the invite gives, and whether the same node has used it before: its first answer may have been lost.
   * @throws MarketRefusal `bad_invite` if it was used by another node, has ended, or is not of this node.
   */
  use(code: string, node: string): Promise<{ readonly limit: bigint; readonly isRepeat: boolean; readonly role: InviteRole }>;
}

interface InvitesDeps {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly now: () => number;
  readonly random: (size: number) => Uint8Array;
}

export function createInvites({ store, sealer, now, random }: InvitesDeps): Invites {
  return {
    async create(limit, role = "peer") {
      const id = Buffer.from(random(12)).toString("hex");
      const columns = ["id", "limit_nano_usd", "created_ms", "until_ms", "role"];
      await store.insertRows("market_invites", columns, [[id, limit, now(), now() + lifetimeMs, role]]);
      return sealer.seal(scope, id);
    },
    async use(code, node) {
      const id = sealer.open(scope, code);
      if (id === undefined) throw refused("This invite is not of this node.");
      // One statement, so that of two nodes that use it at once one is refused.
      const { numUpdatedRows } = await store.db
        .updateTable("market_invites")
        .set({ used_by: node })
        .where("id", "=", id)
        .where("used_by", "is", null)
        .where("until_ms", ">", now())
        .executeTakeFirst();
      const row = await store.db.selectFrom("market_invites").selectAll().where("id", "=", id).executeTakeFirst();
      if (row === undefined) throw refused("This invite does not exist any more.");
      if (row.used_by === null) throw refused("This invite has ended. Ask for a new one.");
      if (row.used_by !== node) throw refused("This invite was used by another node. Ask for a new one.");
      return { limit: row.limit_nano_usd, isRepeat: numUpdatedRows === 0n, role: row.role };
    },
  };
}

function refused(message: string): MarketRefusal {
  return new MarketRefusal("bad_invite", message);
}
