import { randomUUID } from "node:crypto";
import { GatewayError } from "../core/index.ts";
import { documentOf, verifyDocument } from "./documents/document.ts";
import { amount } from "./documents/fields.ts";
import { parseCanonical } from "./documents/canonical.ts";
import { transportOf } from "./buy/node-calls.ts";
import type { Market } from "./market.ts";
import { inviteText, readInvite, type InviteRole } from "./peers/invites.ts";
import type { Peer } from "./peers/peers.ts";
import { MarketRefusal } from "./refusal.ts";

/** An invite to this node, as one word. `limit`: nano-credits that the new node may owe. */
export async function createInvite(market: Market, limit: bigint, role: InviteRole = "peer"): Promise<string> {
  await (role === "member" ? market.listen() : market.presence.open());
  if (!market.presence.isOpen)
    throw new GatewayError("upstream_unreachable", "This gateway is not connected to its relay now, so nobody could join it.");
  return inviteText({
    urls: [market.reach()],
    node: market.keys.node.id,
    code: await market.invites.create(limit, role),
    isExchange: role === "member",
  });
}

/** Takes an invite: both nodes know each other from then on. @throws GatewayError with what the other node says. */
export async function joinBy(market: Market, text: string, name: string | undefined): Promise<Peer> {
  const { urls, node, code } = readInvite(text);
  if (node === market.keys.node.id) throw new GatewayError("invalid_request", "This is an invite of this gateway itself.");
  const body = JSON.stringify({ code, node: await market.api.document() });
  let problem: unknown;
  for (const url of urls) {
    const transport = transportOf(`@join-${randomUUID()}`, url);
    market.calls.register([transport]);
    try {
      const answer = parseCanonical(await market.calls.post(transport, "/join", body)) as Readonly<Record<string, unknown>>;
      const document = documentOf("node/1", answer["node"]);
      verifyDocument(document, node);
      const limit = BigInt(amount(0n)(answer["limit"], "limit"));
      const peer = await market.peers.add({
        node,
        url,
        document,
        limit,
        joinedMs: market.now(),
        ...exchangeOf(answer["exchange"]),
        ...(name === undefined ? {} : { name }),
      });
      await market.book.refresh();
      await market.publisher.now();
      return peer;
    } catch (error) {
      problem = error;
    }
  }
  const reason = problem instanceof MarketRefusal ? problem.message : "The node did not answer as one of the market.";
  throw new GatewayError("invalid_request", `${reason} (${urls.join(", ")})`);
}

/** `{"organisation":"acme","fee_ppm":0}`: the node is an exchange, and this one its member. */
function exchangeOf(value: unknown): { readonly role?: "exchange"; readonly organisation?: string } {
  if (typeof value !== "object" || value === null) return {};
  const { organisation } = value as Readonly<Record<string, unknown>>;
  return { role: "exchange", organisation: typeof organisation === "string" ? organisation.slice(0, 64) : "" };
}
