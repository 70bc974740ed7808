import { costOfReceipt } from "../documents/cost.ts";
import { documentText, signDocument, verifyDocument, type MarketDocument } from "../documents/document.ts";
import type { DocumentBody, ReceiptUsage } from "../documents/kinds.ts";
import type { NodeKey } from "../identity/node-key.ts";
import type { LeaseSecret } from "../identity/sealing.ts";
import { MarketRefusal } from "../refusal.ts";

export type OrderDocument = MarketDocument<"order/1">;
export type ReceiptDocument = MarketDocument<"receipt/1">;

/** How a request of the lease ended, for its receipt. */
export interface SaleOutcome {
  readonly requestId: string;
  readonly status: DocumentBody<"receipt/1">["status"];
  readonly usage: ReceiptUsage;
  readonly usageSource: "engine" | "estimate";
  readonly finish: string;
  readonly model: string;
  readonly ttftMs: number;
  readonly durationMs: number;
  /** `sha256:…` of the plain bytes of the answer, or "" if there were none. */
  readonly answer: string;
}

/** An order whose request is being served. */
export interface TakenOrder {
  readonly document: OrderDocument;
  readonly max: bigint;
}

/** A receipt with the order that it answers, as both are stored. */
export interface SignedSale {
  readonly receipt: ReceiptDocument;
  readonly order: OrderDocument;
  readonly cost: bigint;
}

interface KnownReceipt {
  readonly hash: string;
  readonly cum: bigint;
}

/** An order must end this long before its lease must be settled. */
const settleMarginMs = 60_000;

/**
 * The seller's side of a lease while it is served: which orders are open, which receipts were given, what the buyer has acknowledged. It only decides;
 * its caller stores what it returns before the buyer sees it.
 */
export class ServedLease {
  readonly body: DocumentBody<"lease/1">;
  secret: LeaseSecret | undefined;
  readonly #key: NodeKey;
  /** By their seq: those that the buyer may still have to acknowledge, and the last one. */
  readonly #receipts = new Map<number, KnownReceipt>();
  readonly #open = new Map<number, TakenOrder>();
  #n = 0;
  #seq = 0;
  #cum = 0n;
  #ackedSeq = 0;
  #best: OrderDocument | undefined;
  #last: ReceiptDocument | undefined;
  #acked = 0n;
  #isClosed = false;

  constructor(body: DocumentBody<"lease/1">, key: NodeKey) {
    this.body = body;
    this.#key = key;
  }

  get openOrders(): number {
    return this.#open.size;
  }

  /** No more orders are taken. */
  isOver(nowMs: number): boolean {
    return this.#isClosed || nowMs >= this.body.serve_until;
  }

  /** What settlement needs. */
  get sums(): { readonly cum: bigint; readonly ceiling: bigint; readonly acked: bigint } {
    const best = this.#best?.body;
    return { cum: this.#cum, ceiling: BigInt(best?.ceiling ?? "0"), acked: this.#acked };
  }

  /** The order that covers all that was charged: what the seller proves it with. */
  get best(): OrderDocument | undefined {
    return this.#best;
  }

  /**
   * Takes an order whose signature has been checked.
   * @param session of the secret that the buyer's keys open.
   * @throws MarketRefusal
   */
  take(document: OrderDocument, session: string, nowMs: number): TakenOrder {
    const { body } = document;
    if (this.isOver(nowMs)) throw new MarketRefusal("lease_over", "The lease takes no more orders. Ask for a new one.");
    if (body.lease !== this.body.lease || body.session !== session) throw wrong("The order is of another lease or session.");
    if (body.close || body.request === "") throw wrong("An order to serve names its request.");
    if (body.n !== this.#n + 1) throw wrong(`The next order of this lease is number ${this.#n + 1}.`);
    this.#dropExpired(nowMs);
    this.#checkAck(body);
    const unacked = this.#seq - body.ack.seq + this.#open.size;
    if (unacked >= this.body.unacked)
      throw new MarketRefusal("too_many_open", `At most ${this.body.unacked} requests are not acknowledged.`);
    const max = BigInt(body.max);
    const expected = BigInt(body.ack.cum) + this.#unackedCost(body.ack.seq) + this.#openMax() + max;
    // A buyer that has not seen the receipt of an order yet counts its max.
    if (BigInt(body.ceiling) < expected) throw wrong(`The ceiling must be at least ${expected}.`);
    if (BigInt(body.ceiling) > BigInt(this.body.hold)) throw new MarketRefusal("lease_over", "The ceiling is above the lease's hold.");
    if (body.deadline <= nowMs || body.deadline > this.body.settle_by - settleMarginMs)
      throw wrong("The deadline is not within the lease.");
    const taken: TakenOrder = { document, max };
    this.#n = body.n;
    this.#open.set(body.n, taken);
    this.#acknowledged(document);
    this.#best = document;
    return taken;
  }

  /** A buyer's last word, which ends the lease. What it does not acknowledge is for the clearing. @throws MarketRefusal */
  acknowledge(document: OrderDocument): void {
    const { body } = document;
    if (body.lease !== this.body.lease) throw wrong("The order is of another lease.");
    if (!body.close || body.max !== "0") throw wrong("Only a closing order may come without a request.");
    if (!this.#isKnown(body)) throw this.#stale();
    if (BigInt(body.ceiling) < BigInt(body.ack.cum)) throw wrong("The ceiling is below what is acknowledged.");
    this.#isClosed = true;
    this.#acknowledged(document);
    // One that does not cover what was charged proves less than the order before.
    if (BigInt(body.ceiling) >= this.#cum) this.#best = document;
  }

  /** The receipt of an order that has ended. It costs at most the order's max; what was interrupted or failed is free. */
  sign(order: TakenOrder, outcome: SaleOutcome, nowMs: number): SignedSale {
    const { body } = order.document;
    const isFree = outcome.status === "failed" || outcome.status === "interrupted";
    const reckoned = isFree ? 0n : costOfReceipt(this.body.price, outcome.usage);
    const cost = reckoned > order.max ? order.max : reckoned;
    const receipt = this.#receipt(outcome, { n: body.n, request: body.request, cost, final: false }, nowMs);
    this.#open.delete(body.n);
    return { receipt, order: order.document, cost };
  }

  /** The last receipt of a lease. */
  signFinal(nowMs: number): ReceiptDocument {
    const usage = { input: 0, cache_read: 0, output: 0, reasoning: 0 };
    const none = { requestId: "", status: "done", usage, usageSource: "engine", finish: "", ttftMs: 0, durationMs: 0, answer: "" } as const;
    return this.#receipt({ ...none, model: this.body.model }, { n: 0, request: "", cost: 0n, final: true }, nowMs);
  }

  #receipt(
    outcome: SaleOutcome,
    { n, request, cost, final }: { n: number; request: string; cost: bigint; final: boolean },
    nowMs: number,
  ): ReceiptDocument {
    const previous = this.#receipts.get(this.#seq)?.hash ?? "";
    const cum = this.#cum + cost;
    const receipt = signDocument(this.#key, "receipt/1", {
      lease: this.body.lease,
      seq: this.#seq + 1,
      n,
      previous,
      request,
      answer: outcome.answer,
      usage: outcome.usage,
      usage_source: outcome.usageSource,
      cost: String(cost),
      cum: String(cum),
      status: outcome.status,
      finish: outcome.finish,
      model: outcome.model,
      ttft_ms: outcome.ttftMs,
      duration_ms: outcome.durationMs,
      at: nowMs,
      final,
    });
    this.#seq += 1;
    this.#cum = cum;
    this.#receipts.set(this.#seq, { hash: verifyDocument(receipt, this.#key.id), cum });
    this.#last = receipt;
    return receipt;
  }

  #checkAck(body: OrderDocument["body"]): void {
    // All that the buyer has not acknowledged may be open; a gap means that it has lost an answer.
    const isBehind = this.#seq - body.ack.seq > 0 && this.#open.size === 0;
    if (!this.#isKnown(body) || isBehind) throw this.#stale();
  }

  /** It acknowledges a receipt of this lease, and none before the one that was acknowledged. */
  #isKnown({ ack }: OrderDocument["body"]): boolean {
    const receipt = ack.seq === 0 ? { hash: "", cum: 0n } : this.#receipts.get(ack.seq);
    return receipt !== undefined && receipt.hash === ack.receipt && receipt.cum === BigInt(ack.cum) && ack.seq >= this.#ackedSeq;
  }

  #stale(): MarketRefusal {
    return new MarketRefusal("stale_ack", "The order does not acknowledge the last receipt.", { receipt: this.#last ?? null });
  }

  #acknowledged(document: OrderDocument): void {
    this.#ackedSeq = document.body.ack.seq;
    this.#acked = BigInt(document.body.ack.cum);
    for (const seq of this.#receipts.keys()) if (seq < this.#ackedSeq && seq < this.#seq) this.#receipts.delete(seq);
  }

  #unackedCost(seq: number): bigint {
    return this.#cum - (this.#receipts.get(seq)?.cum ?? 0n);
  }

  #openMax(): bigint {
    let sum = 0n;
    for (const { max } of this.#open.values()) sum += max;
    return sum;
  }

  /** An order past its deadline without a receipt is open no more. */
  #dropExpired(nowMs: number): void {
    for (const [n, { document }] of this.#open) if (document.body.deadline <= nowMs) this.#open.delete(n);
  }
}

/** The texts that a sale stores. */
export function saleTexts({ receipt, order }: SignedSale): { readonly receipt: string; readonly order: string } {
  return { receipt: documentText(receipt), order: documentText(order) };
}

function wrong(message: string): MarketRefusal {
  return new MarketRefusal("bad_order", message);
}
