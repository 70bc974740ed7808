import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import { documentText, readDocument, signDocument, verifyDocument } from "../documents/document.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { createLeaseSecret } from "../identity/sealing.ts";
import { MarketRefusal } from "../refusal.ts";
import type { KnownOffer, PeerSeller } from "./book.ts";
import { BoughtLease } from "./bought-lease.ts";
import type { NodeCalls } from "./node-calls.ts";

/** Leases that this process has open. After a crash they are forgotten: their sellers settle them. */
export interface LeasePool {
  /** A lease with room for the request, for this request alone until it is given back. @throws MarketRefusal */
  take(seller: PeerSeller, offer: KnownOffer, max: bigint): Promise<BoughtLease>;
  /** The next request may use it. */
  giveBack(lease: BoughtLease, seller: PeerSeller): void;
  /** It is not used any more: what was accepted is acknowledged, and the seller may settle. */
  close(lease: BoughtLease, seller: PeerSeller): Promise<void>;
  /** Its seller sent a wrong receipt: what is not acknowledged is contested, and the seller is avoided for a day. */
  dispute(lease: BoughtLease, seller: PeerSeller): Promise<void>;
  /** Closes leases that are idle or about to end. */
  sweep(): Promise<void>;
  closeAll(): Promise<void>;
  /** Nano-credits that open leases hold at a clearing, and when the last of them frees. */
  held(clearing: string): { readonly amount: bigint; readonly untilMs: number };
}

export interface LeasePoolDeps {
  readonly calls: NodeCalls;
  readonly key: () => NodeKey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: (size: number) => Uint8Array;
  /** Nano-credits that a lease holds at least; four requests of the size of the first one if that is more. */
  readonly hold: () => bigint;
  readonly ttlMs: () => number;
}

interface Idle {
  readonly lease: BoughtLease;
  readonly seller: PeerSeller;
  readonly sinceMs: number;
}

const idleMs = 60_000;
const avoidedMs = 24 * 3_600_000;

export function createLeasePool(deps: LeasePoolDeps): LeasePool {
  const { calls, clock, logger } = deps;
  let idle: Idle[] = [];
  const open = new Set<BoughtLease>();

  /** By node: until when nothing is bought from it. */
  const avoided = new Map<string, number>();

  const end = async (lease: BoughtLease, { transport }: PeerSeller, action: "ack" | "contest"): Promise<void> => {
    open.delete(lease);
    try {
      await calls.post(transport, `/leases/${lease.body.lease}/${action}`, lease.closing(clock.now()));
    } catch (error) {
      // The seller settles it by what it has.
      logger.debug({ lease: lease.body.lease, error: messageOf(error) }, "a lease could not be closed at its seller");
    }
  };

  const close = (lease: BoughtLease, seller: PeerSeller): Promise<void> => end(lease, seller, "ack");
  return {
    async take(seller, offer, max) {
      const now = clock.now();
      if ((avoided.get(seller.peer.node) ?? 0) > now)
        throw new MarketRefusal("unavailable", "The seller has sent a wrong receipt: nothing is bought from it for a day.");
      const index = idle.findIndex(({ lease }) => isOf(lease, offer) && lease.hasRoom(max, now));
      if (index >= 0) return idle.splice(index, 1)[0]!.lease;
      const lease = await openLease(deps, { seller, offer, max });
      open.add(lease);
      return lease;
    },
    giveBack(lease, seller) {
      idle.push({ lease, seller, sinceMs: clock.now() });
    },
    close,
    dispute(lease, seller) {
      avoided.set(seller.peer.node, clock.now() + avoidedMs);
      return end(lease, seller, "contest");
    },
    async sweep() {
      const now = clock.now();
      const isOver = ({ lease, sinceMs }: Idle): boolean => now - sinceMs > idleMs || !lease.hasRoom(0n, now);
      const over = idle.filter(isOver);
      idle = idle.filter((entry) => !over.includes(entry));
      await Promise.all(over.map(({ lease, seller }) => close(lease, seller)));
    },
    async closeAll() {
      const all = idle;
      idle = [];
      await Promise.all(all.map(({ lease, seller }) => close(lease, seller)));
    },
    held(clearing) {
      let amount = 0n;
      let untilMs = 0;
      for (const { body } of open) {
        if (body.clearing !== clearing) continue;
        amount += BigInt(body.hold);
        untilMs = Math.max(untilMs, body.settle_by);
      }
      return { amount, untilMs };
    },
  };
}

function isOf({ body }: BoughtLease, { body: offer }: KnownOffer): boolean {
  return body.seller === offer.seller && body.model === offer.model && JSON.stringify(body.price) === JSON.stringify(offer.price);
}

async function openLease(
  { calls, key, clock, random, hold, ttlMs }: LeasePoolDeps,
  { seller, offer, max }: { seller: PeerSeller; offer: KnownOffer; max: bigint },
): Promise<BoughtLease> {
  const most = BigInt(offer.body.limits.hold);
  if (max > most) throw new MarketRefusal("max_too_low", "The request may cost more than one lease of this offer holds.");
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
  const document = readDocument("lease/1", await calls.post(seller.transport, "/leases", documentText(request)));
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
  return new BoughtLease(body, createLeaseSecret(body.lease, seal.kid, seal.x25519), key());
}
