import { messageOf } from "../../core/index.ts";
import { checkTime, documentText, readDocument, signDocument, verifyDocument, type MarketDocument } from "../documents/document.ts";
import type { DocumentBody } from "../documents/kinds.ts";
import { MarketRefusal } from "../refusal.ts";
import type { ExchangeLink, SellerDeps } from "./seller-deps.ts";

/** The most that a lease of this node's offers may last after it takes no more requests, and the most that an exchange may keep of a payment. */
const longestSettleMs = 7 * 24 * 3_600_000;
const shortestSettleMs = 120_000;

/** The seller's side of leases that exchanges give on its offers. They are in the database from their first order on, until the exchange has settled them. */
export class ExchangeLeases {
  readonly #deps: SellerDeps;
  /** Leases that are over and not settled yet, with what they have earned. */
  readonly #unsettled = new Map<string, { readonly clearing: string; readonly cum: bigint }>();

  constructor(deps: SellerDeps) {
    this.#deps = deps;
  }

  /** A lease that came with its first order, checked and stored. @throws MarketRefusal */
  async adopt(text: string): Promise<DocumentBody<"lease/1">> {
    const { keys, offers, clock, store } = this.#deps;
    const lease = readDocument("lease/1", text);
    const { body } = lease;
    const link = this.#link(body.clearing);
    verifyDocument(lease, body.clearing);
    checkTime(body.opened_at, clock.now());
    await offers.current();
    const offer = offers.byHash(body.offer);
    if (body.seller !== keys.node.id || offer === undefined)
      throw new MarketRefusal("unknown_offer", "The lease is not on an offer of the last ten minutes.");
    const { limits, price, model } = offer.document.body;
    const settleMs = body.settle_by - body.serve_until;
    const isRight =
      body.model === model &&
      JSON.stringify(body.price) === JSON.stringify(price) &&
      BigInt(body.hold) <= BigInt(limits.hold) &&
      body.unacked <= limits.unacked &&
      settleMs >= shortestSettleMs &&
      settleMs <= longestSettleMs;
    if (!isRight) throw new MarketRefusal("bad_document", "The lease does not have the terms of the offer.");
    checkSource(offer.share.terms.source, link);
    const columns = ["id", "clearing", "buyer", "model", "state", "settle_by_ms", "document"];
    const row = [body.lease, body.clearing, body.buyer, model, "open", body.settle_by, documentText(lease)];
    // A lease of an earlier start is there already: it is settled, and served no more.
    if ((await store.insertRows("market_served", columns, [row])) === 0)
      throw new MarketRefusal("lease_over", "The lease is over. Ask for a new one.");
    return body;
  }

  #link(clearing: string): ExchangeLink {
    const link = this.#deps.exchanges().find(({ node }) => node === clearing);
    if (link === undefined) throw new MarketRefusal("unknown_node", "This node does not trade over that exchange.");
    return link;
  }

  /** @throws MarketRefusal if the exchange owes this node so much already that it sells nothing more there. */
  checkExposure(clearing: string, earning: bigint): void {
    let owed = this.#link(clearing).balance + earning;
    for (const lease of this.#unsettled.values()) if (lease.clearing === clearing) owed += lease.cum;
    if (owed > this.#deps.maxExposure()) {
      throw new MarketRefusal("at_capacity", "The exchange owes the seller as much as it allows.", { retry_after_ms: 60_000 });
    }
  }

  async write(
    id: string,
    evidence: { readonly best_order: string; readonly last_receipt: string },
    db = this.#deps.store.db,
  ): Promise<void> {
    await db.updateTable("market_served").set(evidence).where("id", "=", id).execute();
  }

  async writeOrder(id: string, best: string): Promise<void> {
    await this.#deps.store.db.updateTable("market_served").set({ best_order: best }).where("id", "=", id).execute();
  }

  /** The lease takes no more orders: its final receipt is signed, stored, and sent to the exchange. @returns its text. */
  async finish(id: string): Promise<string> {
    const { store, logger } = this.#deps;
    const row = await store.db.selectFrom("market_served").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
    const last = row.last_receipt === null ? undefined : readDocument("receipt/1", row.last_receipt);
    const final = last?.body.final === true ? last : this.#final(readDocument("lease/1", row.document).body, last);
    const text = documentText(final);
    await store.db.updateTable("market_served").set({ last_receipt: text }).where("id", "=", id).execute();
    if (row.state !== "open") return text;
    this.#unsettled.set(id, { clearing: row.clearing, cum: BigInt(final.body.cum) });
    try {
      const order = row.best_order === null ? "" : `"order":${row.best_order},`;
      const answer = JSON.parse(await this.#link(row.clearing).post(`/leases/${id}/settle`, `{${order}"final":${text}}`)) as {
        result?: unknown;
      };
      await this.#end(id, answer.result === "void" ? "void" : "settled");
    } catch (error) {
      // It is tried again until the exchange lets the lease end.
      logger.debug({ lease: id, error: messageOf(error) }, "a lease could not be settled at its exchange yet");
      if (row.settle_by_ms < this.#deps.clock.now()) await this.#end(id, "void");
    }
    return text;
  }

  async #end(id: string, state: "settled" | "void"): Promise<void> {
    await this.#deps.store.db.updateTable("market_served").set({ state }).where("id", "=", id).execute();
    this.#unsettled.delete(id);
  }

  #final(body: DocumentBody<"lease/1">, last: MarketDocument<"receipt/1"> | undefined): MarketDocument<"receipt/1"> {
    const { keys, clock } = this.#deps;
    return signDocument(keys.node, "receipt/1", {
      lease: body.lease,
      seq: (last?.body.seq ?? 0) + 1,
      n: 0,
      request: "",
      answer: "",
      previous: last === undefined ? "" : verifyDocument(last, keys.node.id),
      usage: { input: 0, cache_read: 0, output: 0, reasoning: 0 },
      usage_source: "engine",
      cost: "0",
      cum: last?.body.cum ?? "0",
      status: "done",
      finish: "",
      model: body.model,
      ttft_ms: 0,
      duration_ms: 0,
      at: clock.now(),
      final: true,
    });
  }

  /** The leases that are not settled. */
  async open(): Promise<readonly string[]> {
    const rows = await this.#deps.store.db.selectFrom("market_served").select("id").where("state", "=", "open").execute();
    return rows.map(({ id }) => id);
  }

  async receipts(id: string, after: number, buyer: string): Promise<readonly string[]> {
    const rows = await this.#deps.store.db
      .selectFrom("market_sales")
      .innerJoin("market_served", "market_served.id", "market_sales.lease")
      .select("receipt")
      .where("lease", "=", id)
      .where("buyer", "=", buyer)
      .where("market_sales.seq", ">", after)
      .orderBy("market_sales.seq")
      .limit(100)
      .execute();
    return rows.map(({ receipt }) => receipt);
  }

  /** Whether the node has bought from this one over an exchange. */
  async knows(buyer: string): Promise<boolean> {
    return (
      (await this.#deps.store.db.selectFrom("market_served").select("id").where("buyer", "=", buyer).limit(1).executeTakeFirst()) !==
      undefined
    );
  }
}

/** What may be shared inside an organisation only is sold over its exchange alone. */
function checkSource(source: DocumentBody<"offer/1">["source"], { organisation }: ExchangeLink): void {
  if (source === "organisation" && organisation === "")
    throw new MarketRefusal("unknown_offer", "The model is not sold over this exchange.");
}
