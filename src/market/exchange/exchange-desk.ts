import { parseCanonical } from "../documents/canonical.ts";
import {
  checkTime,
  documentOf,
  documentText,
  readDocument,
  signDocument,
  verifyDocument,
  type MarketDocument,
} from "../documents/document.ts";
import { MarketRefusal } from "../refusal.ts";
import type { Peer } from "../peers/peers.ts";
import type { ExchangeDeps } from "./exchange-deps.ts";
import type { OfferBook } from "./offer-book.ts";

interface KnownLease {
  readonly buyer: string;
  readonly seller: string;
  readonly state: string;
}

/** The leases of an exchange: it reserves the buyer's credits for one seller, and pays what both have signed. It never sees a request or an answer. */
export class ExchangeDesk {
  readonly #deps: ExchangeDeps;
  readonly #book: OfferBook;

  constructor(deps: ExchangeDeps, book: OfferBook) {
    this.#deps = deps;
    this.#book = book;
  }

  /** @returns the signed lease, JSON; for a repeated request that of the first time. */
  async lease(text: string): Promise<string> {
    const { keys, clock, clearing, settings, count } = this.#deps;
    const request = readDocument("lease-request/1", text);
    const { body } = request;
    const now = clock.now();
    const buyer = await this.#member(body.buyer);
    if (body.clearing !== keys.node.id) throw new MarketRefusal("bad_document", "The lease is of another clearing.");
    checkTime(body.at, now);
    const hash = verifyDocument(request, body.buyer);
    count(body.buyer);
    await this.#member(body.seller);
    const offer = await this.#book.find(body.offer, body.buyer);
    const { limits, price, model, unit, seller } = offer.body;
    if (seller !== body.seller) throw new MarketRefusal("bad_document", "The offer is not of this seller.");
    if (BigInt(body.hold) > BigInt(limits.hold) || body.ttl_s > limits.ttl_s) {
      throw new MarketRefusal("bad_document", `A lease of this offer holds at most ${limits.hold}, for at most ${limits.ttl_s} s.`);
    }
    const { feePpm, settleMs } = settings();
    const serveUntil = now + body.ttl_s * 1000;
    const id = `lse_${hash.slice("sha256:".length, "sha256:".length + 32)}`;
    const settleBy = serveUntil + settleMs;
    const lease = signDocument(keys.node, "lease/1", {
      lease: id,
      clearing: keys.node.id,
      buyer: body.buyer,
      seller,
      offer: body.offer,
      model,
      unit,
      price,
      hold: body.hold,
      fee_ppm: feePpm,
      unacked: limits.unacked,
      opened_at: now,
      serve_until: serveUntil,
      settle_by: settleBy,
    });
    const operation = { kind: "open", id, buyer: body.buyer, seller, hold: BigInt(body.hold), settleBy, feePpm: BigInt(feePpm) } as const;
    const { result, document } = await clearing.open({ ...operation, model, limit: buyer.limit, document: documentText(lease) });
    if (result === "same_party") throw new MarketRefusal("bad_document", "A node does not buy from itself.");
    if (document === undefined) {
      throw new MarketRefusal("insufficient_credit", "The limit of your account at the exchange does not cover this lease.");
    }
    return document;
  }

  async #member(node: string): Promise<Peer> {
    const member = await this.#deps.members.byNode(node);
    if (member !== undefined && !member.isBlocked) return member;
    throw new MarketRefusal("unknown_node", "The node is not a member of this exchange.");
  }

  /** Whether the lease is one between members. */
  async has(lease: string): Promise<boolean> {
    const known = await this.#find(lease);
    return known !== undefined && known.seller !== this.#deps.keys.node.id;
  }

  async #find(lease: string): Promise<KnownLease | undefined> {
    return await this.#deps.store.db
      .selectFrom("market_leases")
      .select(["buyer", "seller", "state"])
      .where("id", "=", lease)
      .executeTakeFirst();
  }

  async #known(lease: string): Promise<KnownLease> {
    const known = await this.#find(lease);
    if (known === undefined) throw new MarketRefusal("unknown_lease", "There is no such lease here.");
    return known;
  }

  /** `{"order":{…},"final":{…}}` of the seller; no order if nothing was ordered. @returns `{"result":"settled"}`; a repeat gets `same`. */
  async settle(id: string, text: string): Promise<string> {
    const { clearing, settings } = this.#deps;
    const { buyer, seller } = await this.#known(id);
    const { order: sentOrder, final: sentFinal } = parseCanonical(text) as Readonly<Record<string, unknown>>;
    const final = documentOf("receipt/1", sentFinal);
    verifyDocument(final, seller);
    if (final.body.lease !== id || !final.body.final) throw new MarketRefusal("bad_document", "A lease is settled with its final receipt.");
    const order = sentOrder === undefined ? undefined : documentOf("order/1", sentOrder);
    if (order !== undefined) {
      verifyDocument(order, buyer);
      if (order.body.lease !== id) throw new MarketRefusal("bad_document", "The order is of another lease.");
    }
    const texts = { last_receipt: documentText(final), ...(order === undefined ? {} : { best_order: documentText(order) }) };
    const ceiling = BigInt(order?.body.ceiling ?? "0");
    const acked = BigInt(order?.body.ack.cum ?? "0");
    // Also what the buyer has sent while the lease was open.
    const result = await clearing.settle({ id, cum: BigInt(final.body.cum), ceiling, acked, window: settings().windowMs }, texts);
    return JSON.stringify({ result });
  }

  /** A closing order of the buyer: what it acknowledges is paid at once, or when the seller settles. */
  async acknowledge(id: string, text: string): Promise<string> {
    return await this.#close(id, text, false);
  }

  /** The buyer does not agree with what it has not acknowledged: each side bears half of it. */
  async contest(id: string, text: string): Promise<string> {
    return await this.#close(id, text, true);
  }

  async #close(id: string, text: string, contests: boolean): Promise<string> {
    const order = await this.#closing(id, text);
    const acked = BigInt(order.body.ack.cum);
    return JSON.stringify({ result: await this.#deps.clearing.close(id, { order: documentText(order), acked, contests }) });
  }

  async #closing(id: string, text: string): Promise<MarketDocument<"order/1">> {
    const { buyer } = await this.#known(id);
    const order = readDocument("order/1", text);
    verifyDocument(order, buyer);
    if (order.body.lease !== id || !order.body.close)
      throw new MarketRefusal("bad_order", "Only a closing order of this lease counts here.");
    return order;
  }
}
