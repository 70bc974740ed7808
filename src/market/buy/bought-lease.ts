import { documentText, signDocument, verifyDocument, type MarketDocument } from "../documents/document.ts";
import type { DocumentBody } from "../documents/kinds.ts";
import type { NodeKey } from "../identity/node-key.ts";
import type { LeaseSecret } from "../identity/sealing.ts";
import { checkReceipt, type Received } from "./check-receipt.ts";
import type { SentOrder } from "./sent-order.ts";

/** An order must end this long before its lease must be settled. */
const settleMarginMs = 60_000;
/** A lease that ends so soon takes no new request. */
const serveMarginMs = 5_000;

/**
 * The buyer's side of a lease. It has one request at a time; requests at once use several leases. Each order acknowledges the receipt before, so a
 * seller never has more than one answer that is not acknowledged.
 */
export class BoughtLease {
  readonly body: DocumentBody<"lease/1">;
  readonly secret: LeaseSecret;
  /** As the clearing has signed it: the seller of an exchange gets it with each order. */
  readonly document: MarketDocument<"lease/1"> | undefined;
  readonly #key: NodeKey;
  #n = 0;
  #seq = 0;
  #cum = 0n;
  #receipt = "";

  constructor(body: DocumentBody<"lease/1">, secret: LeaseSecret, key: NodeKey, document?: MarketDocument<"lease/1">) {
    this.body = body;
    this.document = document;
    this.secret = secret;
    this.#key = key;
  }

  /** The number of the last receipt that was accepted. */
  get seq(): number {
    return this.#seq;
  }

  get acked(): bigint {
    return this.#cum;
  }

  hasRoom(max: bigint, nowMs: number): boolean {
    return this.#cum + max <= BigInt(this.body.hold) && nowMs < this.body.serve_until - serveMarginMs;
  }

  order(request: string, { max, maxOutput, deadline }: { max: bigint; maxOutput: number; deadline: number }): SentOrder {
    this.#n += 1;
    const ends = Math.min(deadline, this.body.settle_by - settleMarginMs);
    return { document: this.#sign({ request, max, maxOutput, deadline: ends }), max };
  }

  /** The last order: it acknowledges what was accepted, and ends the lease. */
  closing(nowMs: number): string {
    this.#n += 1;
    const deadline = Math.max(nowMs, Math.min(nowMs + 60_000, this.body.settle_by - settleMarginMs));
    const ack = { seq: this.#seq, cum: String(this.#cum), receipt: this.#receipt };
    return closingOrder(this.#key, { lease: this.body.lease, n: this.#n, session: this.secret.session, ack, deadline });
  }

  /**
   * Accepts a receipt: the next order acknowledges it.
   * @throws ReceiptError, DocumentError if it is not what the answer was.
   */
  accept(receipt: MarketDocument<"receipt/1">, order: SentOrder, received: Received): void {
    const hash = verifyDocument(receipt, this.body.seller);
    checkReceipt(receipt.body, { lease: this.body, seq: this.#seq + 1, cum: this.#cum, previous: this.#receipt, order, received });
    this.#seq = receipt.body.seq;
    this.#cum = BigInt(receipt.body.cum);
    this.#receipt = hash;
  }

  /**
   * Accepts a receipt that costs nothing, of an order of which nothing is known any more: the seller has counted a request that the buyer has not.
   * @returns whether it follows the last one.
   */
  adopt(receipt: MarketDocument<"receipt/1">): boolean {
    const { body } = receipt;
    const isNext = body.lease === this.body.lease && body.seq === this.#seq + 1 && body.previous === this.#receipt && !body.final;
    if (!isNext || body.cost !== "0" || BigInt(body.cum) !== this.#cum) return false;
    this.#receipt = verifyDocument(receipt, this.body.seller);
    this.#seq = body.seq;
    // The order that was refused has not used its number.
    this.#n = body.n;
    return true;
  }

  #sign(what: { request: string; max: bigint; maxOutput: number; deadline: number }): MarketDocument<"order/1"> {
    return signDocument(this.#key, "order/1", {
      lease: this.body.lease,
      n: this.#n,
      session: this.secret.session,
      request: what.request,
      max: String(what.max),
      ceiling: String(this.#cum + what.max),
      max_output: what.maxOutput,
      deadline: what.deadline,
      ack: { seq: this.#seq, cum: String(this.#cum), receipt: this.#receipt },
      close: false,
    });
  }
}

/** The last order of a lease, as text. It asks for nothing, and acknowledges what was accepted. */
export function closingOrder(key: NodeKey, order: Pick<DocumentBody<"order/1">, "lease" | "n" | "session" | "ack" | "deadline">): string {
  const nothing = { request: "", max: "0", max_output: 0, ceiling: order.ack.cum, close: true };
  return documentText(signDocument(key, "order/1", { ...order, ...nothing }));
}
