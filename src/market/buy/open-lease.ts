import type { Clock } from "../../core/index.ts";
import { documentText, readDocument, signDocument, verifyDocument } from "../documents/document.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { createLeaseSecret } from "../identity/sealing.ts";
import { MarketRefusal } from "../refusal.ts";
import type { KnownOffer, PeerSeller } from "./book.ts";
import { BoughtLease } from "./bought-lease.ts";
import type { NodeCalls } from "./node-calls.ts";

interface OpenLeaseDeps {
  readonly calls: NodeCalls;
  readonly key: () => NodeKey;
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly hold: () => bigint;
  readonly ttlMs: () => number;
}

/** Asks the seller's clearing for a lease on an offer, and checks what it has signed. @throws MarketRefusal */
export async function openLease(
  deps: OpenLeaseDeps,
  { seller, offer, max }: { seller: PeerSeller; offer: KnownOffer; max: bigint },
): Promise<BoughtLease> {
  const { key, clock, random, hold, ttlMs } = deps;
  const most = BigInt(offer.body.limits.hold);
  if (max > most) throw new MarketRefusal("max_too_low", "The request may cost more than one lease of this offer holds.");
  // The clearing would give a lease on an offer that has ended, but it is of a seller that is away.
  if (offer.body.until <= clock.now()) throw new MarketRefusal("unknown_offer", "The offer has ended.");
  const wanted = max * 4n > hold() ? max * 4n : hold();
  const request = signDocument(key(), "lease-request/1", {
    buyer: key().id,
    clearing: seller.peer.node,
    seller: offer.body.seller,
    offer: offer.hash,
    hold: String(wanted < most ? wanted : most),
    ttl_s: Math.min(offer.body.limits.ttl_s, Math.max(60, Math.floor(ttlMs() / 1000))),
    nonce: Buffer.from(random(16)).toString("base64url"),
    at: clock.now(),
  });
  const document = readDocument("lease/1", await postTwice(deps, seller, documentText(request)));
  verifyDocument(document, seller.peer.node);
  const { body } = document;
  const isAsked =
    body.buyer === key().id &&
    body.seller === offer.body.seller &&
    body.hold === request.body.hold &&
    body.model === offer.body.model &&
    JSON.stringify(body.price) === JSON.stringify(offer.body.price);
  if (!isAsked) throw new MarketRefusal("bad_document", "The lease is not the one that was asked for.");
  const seal = seller.node.seal.reduce((newest, one) => (one.until > newest.until ? one : newest));
  return new BoughtLease(body, createLeaseSecret(body.lease, seal.kid, seal.x25519), key(), document);
}

/** The answer may be lost after the lease was opened: the same request finds the same lease. */
async function postTwice({ calls }: OpenLeaseDeps, { clearingTransport: transport }: PeerSeller, text: string): Promise<string> {
  try {
    return await calls.post(transport, "/leases", text);
  } catch (error) {
    if (!(error instanceof MarketRefusal) || error.code !== "unavailable") throw error;
    return await calls.post(transport, "/leases", text);
  }
}
