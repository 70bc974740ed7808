import type { Store } from "../../store/index.ts";
import type { Clearing } from "../clearing/clearing.ts";
import { checkTime, documentText, readDocument, signDocument, verifyDocument, type MarketDocument } from "../documents/document.ts";
import { MarketRefusal } from "../refusal.ts";
import type { Peer } from "../peers/peers.ts";
import { ExchangeLeases } from "./exchange-leases.ts";
import type { SellerDeps } from "./seller-deps.ts";
import { saleTexts, ServedLease, type OrderDocument, type SaleOutcome, type SignedSale, type TakenOrder } from "./served-lease.ts";
import type { Share } from "./shares.ts";

/** How long a seller may settle after a lease takes no more orders. */
const settleMs = 3_600_000;
/** How long a buyer may contest what it has not acknowledged. */
const windowMs = 24 * 3_600_000;
const mostLeases = 10_000;
const mostReceipts = 100;
/** Leases that are due are ended in transactions of this size, at most `mostSweeps` of them at a time. */
const sweptAtOnce = 100;
const mostSweeps = 50;

/** The leases of this node: asked for, served, closed, settled. Between peers the seller is the clearing as well. */
export interface LeaseDesk {
  open(text: string): Promise<string>;
  /** @throws MarketRefusal `unknown_lease` also for a lease of an earlier start. */
  served(lease: string): ServedLease;
  checkBuyer(node: string): Promise<Peer>;
  /** The lease of an order. @param text the lease of an exchange, which comes with the first order. */
  forOrder(id: string, text: string | undefined): Promise<ServedLease>;
  /** @throws MarketRefusal if nothing more is sold to the buyer, or over the exchange. */
  checkBuyerOf(lease: ServedLease): Promise<void>;
  knows(buyer: string): Promise<boolean>;
  shareOf(lease: ServedLease): Promise<Share>;
  /** Signs and stores the receipt of an order. @returns its text, once it is stored. */
  readonly record: (lease: ServedLease, order: TakenOrder, outcome: SaleOutcome) => Promise<string>;
  close(lease: string, order: string): Promise<string>;
  contest(lease: string, order: string): Promise<string>;
  receipts(lease: string, after: number, node: string): Promise<readonly string[]>;
  sweep(): Promise<void>;
}

export function createLeaseDesk(deps: SellerDeps): LeaseDesk {
  return new Desk(deps);
}

class Desk implements LeaseDesk {
  readonly #deps: SellerDeps;
  readonly #served = new Map<string, ServedLease>();
  /** Leases whose transaction runs: they are not of an earlier start. */
  readonly #opening = new Set<string>();
  readonly #exchangeLeases: ExchangeLeases;
  #hasSettledOld = false;

  constructor(deps: SellerDeps) {
    this.#deps = deps;
    this.#exchangeLeases = new ExchangeLeases(deps);
  }

  async forOrder(id: string, text: string | undefined): Promise<ServedLease> {
    if (text === undefined || this.#served.has(id)) return this.served(id);
    if (this.#served.size >= mostLeases) throw new MarketRefusal("unavailable", "Too many leases are open.");
    this.#opening.add(id);
    try {
      const body = await this.#exchangeLeases.adopt(text);
      if (body.lease !== id) throw new MarketRefusal("bad_document", "The lease is not that of the order.");
      this.#served.set(id, new ServedLease(body, this.#deps.keys.node));
      return this.served(id);
    } finally {
      this.#opening.delete(id);
    }
  }

  async checkBuyerOf({ body: { buyer, clearing } }: ServedLease): Promise<void> {
    if (!this.#isOfExchange(clearing)) {
      await this.checkBuyer(buyer);
      return;
    }
    // An exchange answers for its members, but this node may have blocked one.
    const isBlocked = (await this.#deps.peers.byNode(buyer))?.isBlocked === true;
    if (isBlocked || this.#deps.avoided.has(buyer)) throw new MarketRefusal("unknown_node", "This node does not sell to yours.");
    let earning = 0n;
    for (const { body, sums } of this.#served.values()) if (body.clearing === clearing) earning += sums.cum;
    this.#exchangeLeases.checkExposure(clearing, earning);
  }

  knows(buyer: string): Promise<boolean> {
    return this.#exchangeLeases.knows(buyer);
  }

  #isOfExchange(clearing: string): boolean {
    return clearing !== this.#deps.keys.node.id;
  }

  async open(text: string): Promise<string> {
    const { keys, offers, clock, ackedTo, limits: buyers } = this.#deps;
    const request = readDocument("lease-request/1", text);
    const { body } = request;
    const now = clock.now();
    const own = keys.node.id;
    const buyer = await this.checkBuyer(body.buyer);
    if (body.clearing !== own || body.seller !== own) throw new MarketRefusal("bad_document", "The lease is for another node.");
    checkTime(body.at, now);
    const hash = verifyDocument(request, body.buyer);
    buyers.call(body.buyer);
    if (this.#deps.avoided.has(body.buyer)) {
      throw new MarketRefusal("unavailable", "Your node has contested a receipt of this one: nothing is sold to it for a day.");
    }
    this.#checkLeases(body.buyer);
    await offers.current();
    const offer = offers.byHash(body.offer);
    if (offer === undefined)
      throw new MarketRefusal("unknown_offer", "The offer is not one of the last ten minutes. Read the offers again.");
    const { limits, price, model, unit } = offer.document.body;
    if (BigInt(body.hold) > BigInt(limits.hold) || body.ttl_s > limits.ttl_s) {
      throw new MarketRefusal("bad_document", `A lease of this offer holds at most ${limits.hold}, for at most ${limits.ttl_s} s.`);
    }
    if (this.#served.size >= mostLeases) throw new MarketRefusal("unavailable", "Too many leases are open.");
    const serveUntil = now + body.ttl_s * 1000;
    const lease = signDocument(keys.node, "lease/1", {
      lease: `lse_${hash.slice("sha256:".length, "sha256:".length + 32)}`,
      clearing: own,
      buyer: body.buyer,
      seller: own,
      offer: body.offer,
      model,
      unit,
      price,
      hold: body.hold,
      fee_ppm: 0,
      unacked: limits.unacked,
      opened_at: now,
      serve_until: serveUntil,
      settle_by: serveUntil + settleMs,
    });
    const { result, document } = await this.#openOnce(lease, buyer.limit + (await ackedTo(body.buyer)));
    if (result === "insufficient_funds") {
      throw new MarketRefusal(
        "insufficient_credit",
        "The limit of your account here does not cover this lease. Pay back, or ask for a higher limit.",
      );
    }
    if (result !== "ok" && !this.#served.has(lease.body.lease))
      throw new MarketRefusal("lease_over", "This lease is over. Ask for a new one.");
    return document!;
  }

  #checkLeases(buyer: string): void {
    let open = 0;
    for (const { body } of this.#served.values()) if (body.buyer === buyer) open++;
    if (open >= this.#deps.limits.settings.leases) throw new MarketRefusal("too_many_open", `Your node has ${open} leases open here.`);
  }

  async #openOnce(lease: MarketDocument<"lease/1">, limit: bigint): ReturnType<Clearing["open"]> {
    const { keys, clearing } = this.#deps;
    const { lease: id, buyer, seller, hold, settle_by: settleBy, model } = lease.body;
    this.#opening.add(id);
    try {
      const operation = { kind: "open", id, buyer, seller, hold: BigInt(hold), settleBy, feePpm: 0n, model, limit } as const;
      const opened = await clearing.open({ ...operation, document: documentText(lease) });
      if (opened.result === "ok") this.#served.set(id, new ServedLease(lease.body, keys.node));
      return opened;
    } finally {
      this.#opening.delete(id);
    }
  }

  served(lease: string): ServedLease {
    const found = this.#served.get(lease);
    if (found === undefined) throw new MarketRefusal("unknown_lease", "The lease is not served any more. Ask for a new one.");
    return found;
  }

  async checkBuyer(node: string): Promise<Peer> {
    const peer = await this.#deps.peers.byNode(node);
    if (peer === undefined || peer.isBlocked) throw new MarketRefusal("unknown_node", "This node does not sell to yours.");
    return peer;
  }

  async shareOf(lease: ServedLease): Promise<Share> {
    const found = (await this.#deps.offers.current()).find(({ share }) => share.model === lease.body.model);
    if (found === undefined) throw new MarketRefusal("lease_over", "The model is not shared any more.");
    return found.share;
  }

  readonly record = async (lease: ServedLease, order: TakenOrder, outcome: SaleOutcome): Promise<string> => {
    const sale = lease.sign(order, outcome, this.#deps.clock.now());
    await this.#store(lease, sale, outcome.requestId);
    return documentText(sale.receipt);
  };

  /** The order and the receipt are stored before the receipt leaves: after a crash the seller can prove what it has served. */
  async #store(lease: ServedLease, sale: SignedSale, requestId: string): Promise<void> {
    const { store } = this.#deps;
    const { receipt, order } = saleTexts(sale);
    // With two orders at once, the later one covers both.
    const best = lease.best === undefined ? order : documentText(lease.best);
    const { seq, at } = sale.receipt.body;
    await store.db.transaction().execute(async (db) => {
      const columns = ["lease", "seq", "request_id", "cost_nano_usd", "at_ms", "receipt", "order_text"];
      await store.insertRows("market_sales", columns, [[lease.body.lease, seq, requestId, sale.cost, at, receipt, order]], db);
      const evidence = { best_order: best, last_receipt: receipt };
      if (this.#isOfExchange(lease.body.clearing)) await this.#exchangeLeases.write(lease.body.lease, evidence, db);
      else await writeEvidence(db, lease.body.lease, evidence);
    });
  }

  async close(id: string, text: string): Promise<string> {
    const document = readDocument("order/1", text);
    const lease = this.#served.get(id);
    if (lease === undefined) return await this.#acknowledgeLate(id, document);
    verifyDocument(document, lease.body.buyer);
    if (lease.openOrders > 0) throw new MarketRefusal("too_many_open", "Requests of this lease are still being served.");
    lease.acknowledge(document);
    if (this.#isOfExchange(lease.body.clearing)) {
      if (lease.best !== undefined) await this.#exchangeLeases.writeOrder(id, documentText(lease.best));
      this.#served.delete(id);
      return await this.#exchangeLeases.finish(id);
    }
    const final = documentText(lease.signFinal(this.#deps.clock.now()));
    const best = lease.best === undefined ? text : documentText(lease.best);
    await writeEvidence(this.#deps.store.db, id, { best_order: best, last_receipt: final });
    await this.#settle(id, lease);
    return final;
  }

  /** A lease of an earlier start: what the buyer acknowledges now is paid without waiting for the window. */
  async #acknowledgeLate(id: string, document: OrderDocument): Promise<string> {
    const { store, clearing } = this.#deps;
    const row = await store.db.selectFrom("market_leases").select(["buyer", "last_receipt"]).where("id", "=", id).executeTakeFirst();
    if (row === undefined || document.body.lease !== id) throw new MarketRefusal("unknown_lease", "There is no such lease here.");
    verifyDocument(document, row.buyer);
    if (!document.body.close) throw new MarketRefusal("lease_over", "The lease is settled; only a closing order acknowledges more.");
    // It may come before this start has settled the lease: then it is stored, and counts when it is.
    await clearing.close(id, { order: documentText(document), acked: BigInt(document.body.ack.cum), contests: false });
    return row.last_receipt ?? "{}";
  }

  async contest(id: string, text: string): Promise<string> {
    const document = readDocument("order/1", text);
    const row = await this.#deps.store.db.selectFrom("market_leases").select("buyer").where("id", "=", id).executeTakeFirst();
    if (row === undefined || document.body.lease !== id) throw new MarketRefusal("unknown_lease", "There is no such lease here.");
    verifyDocument(document, row.buyer);
    // The orders of requests are sent in clear: who has seen one must not be able to contest with it.
    if (!document.body.close) throw new MarketRefusal("bad_order", "Only a closing order contests.");
    const served = this.#served.get(id);
    if (served !== undefined && served.openOrders > 0)
      throw new MarketRefusal("too_many_open", "Requests of this lease are still being served.");
    served?.acknowledge(document);
    if (served !== undefined) await this.#settle(id, served);
    // Who is right cannot be proved: the two avoid each other.
    await this.#deps.avoided.add(row.buyer, "it has contested a receipt");
    const acked = BigInt(document.body.ack.cum);
    return JSON.stringify({ result: await this.#deps.clearing.close(id, { order: text, acked, contests: true }) });
  }

  async receipts(id: string, after: number, node: string): Promise<readonly string[]> {
    const rows = await this.#deps.store.db
      .selectFrom("market_sales")
      .innerJoin("market_leases", "market_leases.id", "market_sales.lease")
      .select("receipt")
      .where("lease", "=", id)
      .where("buyer", "=", node)
      .where("market_sales.seq", ">", after)
      .orderBy("market_sales.seq")
      .limit(mostReceipts)
      .execute();
    if (rows.length === 0) return await this.#exchangeLeases.receipts(id, after, node);
    return rows.map(({ receipt }) => receipt);
  }

  async sweep(): Promise<void> {
    const { clock, clearing } = this.#deps;
    await clearing.beat();
    if (this.#deps.sells()) {
      if (!this.#hasSettledOld) await this.#settleOld();
      for (const [id, lease] of this.#served) {
        if (lease.isOver(clock.now()) && lease.openOrders === 0) await this.#settle(id, lease);
      }
    } else {
      // Another process of this database sells now, and settles what this one has served.
      this.#served.clear();
      this.#hasSettledOld = false;
    }
    // At most this many, so that a clearing that was away long does not keep its database busy.
    for (let round = 0; round < mostSweeps && (await clearing.sweep(sweptAtOnce)) === sweptAtOnce; round++);
    if (this.#deps.sells()) await this.#finishExchangeLeases();
  }

  async #finishExchangeLeases(): Promise<void> {
    for (const id of await this.#exchangeLeases.open()) {
      if (!this.#served.has(id) && !this.#opening.has(id)) await this.#exchangeLeases.finish(id);
    }
  }

  async #settle(id: string, lease: ServedLease): Promise<void> {
    if (this.#isOfExchange(lease.body.clearing)) {
      this.#served.delete(id);
      await this.#exchangeLeases.finish(id);
      return;
    }
    await this.#deps.clearing.settle({ id, ...lease.sums, window: windowMs });
    // After: a settlement that fails is tried again.
    this.#served.delete(id);
  }

  /** Leases of an earlier start are settled from what was stored, and served no more. */
  async #settleOld(): Promise<void> {
    const { store, clearing, keys } = this.#deps;
    const rows = await store.db
      .selectFrom("market_leases")
      .select(["id", "best_order", "last_receipt"])
      .where("state", "=", "open")
      .where("seller", "=", keys.node.id)
      .execute();
    for (const { id, best_order: order, last_receipt: receipt } of rows) {
      if (this.#served.has(id) || this.#opening.has(id)) continue;
      const best = order === null ? undefined : readDocument("order/1", order).body;
      const cum = receipt === null ? 0n : BigInt(readDocument("receipt/1", receipt).body.cum);
      await clearing.settle({ id, cum, ceiling: BigInt(best?.ceiling ?? "0"), acked: BigInt(best?.ack.cum ?? "0"), window: windowMs });
    }
    this.#hasSettledOld = true;
  }
}

async function writeEvidence(db: Store["db"], id: string, evidence: { best_order: string; last_receipt: string }): Promise<void> {
  await db.updateTable("market_leases").set(evidence).where("id", "=", id).execute();
}
