import { GatewayError, type Clock } from "../../core/index.ts";
import { asRefusal } from "../documents/as-refusal.ts";
import { parseCanonical } from "../documents/canonical.ts";
import { DocumentError } from "../documents/document-error.ts";
import { checkTime, documentOf, signDocument, verifyDocument, type MarketDocument } from "../documents/document.ts";
import { nodeId, type DocumentBody } from "../documents/kinds.ts";
import { isSignedBy } from "../identity/node-key.ts";
import type { MarketKeys } from "../identity/market-keys.ts";
import type { Invites } from "../peers/invites.ts";
import { reachOf, type Peer, type Peers } from "../peers/peers.ts";
import type { Clearing } from "../clearing/clearing.ts";
import type { EntryText } from "../clearing/entries.ts";
import { MarketRefusal } from "../refusal.ts";
import { requestBytes } from "../wire.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { BuyerLimits } from "./buyer-limits.ts";
import type { Offers } from "./offers.ts";
import type { Seller } from "./seller.ts";

/** What other nodes ask of this one, apart from serving a request. Texts in, texts out. */
export interface NodeApi {
  /** The id of this node. */
  readonly node: string;
  /** This node's document, JSON. */
  document(): Promise<MarketDocument<"node/1">>;
  /** `{"code":…,"node":{…}}` of a node that has an invite. @returns this node's document and the limit. */
  readonly join: (text: string) => Promise<string>;
  /** `{"node":…,"offers":[…],"statement":…}` for a node that is known. */
  book(node: string): Promise<string>;
  /** This node's statement of the caller's account. */
  statement(node: string): Promise<MarketDocument<"statement/1">>;
  entries(node: string, after: number): Promise<string>;
  /** The node that signed the header `authorization: TN1 node.at.sig` of a GET. @throws MarketRefusal `unknown_node`, `bad_document` */
  caller(authorization: string | undefined, path: string): Promise<string>;
  readonly seller: Seller;
  readonly exchange: Exchange;
}

export interface NodeApiDeps {
  readonly keys: MarketKeys;
  readonly peers: Peers;
  readonly invites: Invites;
  readonly offers: Offers;
  readonly clearing: Clearing;
  readonly seller: Seller;
  readonly exchange: Exchange;
  readonly clock: Pick<Clock, "now">;
  readonly limits: BuyerLimits;
  readonly name: () => string;
  /** Where others reach this node; empty: it only buys. */
  readonly reach: () => DocumentBody<"node/1">["reach"];
  readonly readEntries: (owner: string, after: number) => Promise<readonly EntryText[]>;
}

// A factory: its functions share what they are made of.
// oxlint-disable-next-line max-lines-per-function
export function createNodeApi(deps: NodeApiDeps): NodeApi {
  const { keys, peers, invites, offers, clearing, clock, exchange } = deps;
  const known = async (node: string): Promise<Peer | undefined> => (await peers.byNode(node)) ?? (await exchange.members.byNode(node));
  const document = async (): Promise<MarketDocument<"node/1">> => await nodeDocument(deps);
  const statement = async (owner: string): Promise<MarketDocument<"statement/1">> => {
    const { balance, held, seq, head } = await clearing.account(owner);
    const limit = (await known(owner))?.limit ?? 0n;
    return signDocument(keys.node, "statement/1", {
      clearing: keys.node.id,
      owner,
      unit: "credit",
      seq,
      balance: String(balance),
      held: String(held),
      limit: String(limit),
      head: `sha256:${head}`,
      at: clock.now(),
    });
  };
  return {
    document,
    seller: deps.seller,
    join: (text) =>
      asRefusal(async () => {
        const { code, node } = readJoin(text);
        const other = documentOf("node/1", node);
        verifyDocument(other, other.body.node);
        checkTime(other.body.at, clock.now());
        if (other.body.node === keys.node.id) throw new MarketRefusal("bad_invite", "A node cannot join itself.");
        const used = await invites.use(code, other.body.node);
        // An invite counts once: a limit that was lowered since stays so.
        const old = used.isRepeat ? await known(other.body.node) : undefined;
        const limit = old?.limit ?? used.limit;
        const isMember = used.role === "member";
        const joined = { node: other.body.node, url: reachOf(other.body), document: other, limit, joinedMs: clock.now() };
        try {
          await (isMember ? exchange.members : peers).add(joined);
        } catch (error) {
          if (error instanceof GatewayError) throw new MarketRefusal("bad_invite", "This node knows yours in another role already.");
          throw error;
        }
        const { organisation, feePpm } = exchange.settings;
        return JSON.stringify({
          node: await document(),
          limit: String(limit),
          ...(isMember ? { exchange: { organisation, fee_ppm: feePpm } } : {}),
        });
      }),
    async book(node) {
      // What may be shared inside an organisation only is offered at its exchange.
      const documents = (await offers.current()).map((offer) => offer.document).filter(({ body }) => body.source !== "organisation");
      return JSON.stringify({ node: await document(), offers: documents, statement: await statement(node) });
    },
    node: keys.node.id,
    statement,
    exchange,
    async entries(node, after) {
      return JSON.stringify({ entries: await deps.readEntries(node, after) });
    },
    caller: (authorization, path) =>
      asRefusal(async () => {
        const [node = "", at = "", sig = ""] = (authorization ?? "").replace(/^TN1 /, "").split(".");
        nodeId(node, "authorization");
        const peer = await known(node);
        if (peer?.isBlocked ?? !(await deps.seller.knows(node)))
          throw new MarketRefusal("unknown_node", "This node does not trade with yours.");
        if (!/^\d{1,15}$/.test(at)) throw new MarketRefusal("bad_document", "The authorization header is TN1 node.at.sig.");
        checkTime(Number(at), clock.now());
        if (!isSignedBy(node, requestBytes(keys.node.id, path, Number(at)), Buffer.from(sig, "base64url"))) {
          throw new MarketRefusal("bad_document", "The authorization header is not signed by its node.");
        }
        deps.limits.call(node);
        return node;
      }),
  };
}

async function nodeDocument({ keys, clock, name, reach }: NodeApiDeps): Promise<MarketDocument<"node/1">> {
  const now = clock.now();
  return signDocument(keys.node, "node/1", {
    node: keys.node.id,
    name: name(),
    seq: Math.floor(now / 1000) % 1_000_000_000,
    at: now,
    seal: (await keys.sealing()).map(({ kid, publicKey, untilMs }) => ({ kid, x25519: publicKey, until: untilMs })),
    reach: reach(),
  });
}

function readJoin(text: string): { readonly code: string; readonly node: unknown } {
  try {
    const { code, node } = parseCanonical(text) as Readonly<Record<string, unknown>>;
    if (typeof code === "string" && code.length < 1000) return { code, node };
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
  }
  throw new MarketRefusal("bad_document", "A node that joins sends its code and its document.");
}
