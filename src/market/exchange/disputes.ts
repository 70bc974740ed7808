import { protocols } from "../../protocols/index.ts";
import { parseCanonical } from "../documents/canonical.ts";
import {
  checkTime,
  documentOf,
  documentText,
  hashOfBytes,
  readDocument,
  signDocument,
  verifyDocument,
  type MarketDocument,
} from "../documents/document.ts";
import { recount, type ShownAnswer } from "../recount/recount.ts";
import { MarketRefusal } from "../refusal.ts";
import type { ExchangeDeps } from "./exchange-deps.ts";

/** What a buyer sends to have a receipt judged: the documents, and the plain bytes in base64. */
interface Opened {
  readonly opening: MarketDocument<"opening/1">;
  readonly order: MarketDocument<"order/1">;
  readonly receipt: MarketDocument<"receipt/1">;
  readonly receiptHash: string;
  readonly answer: Buffer;
  /** `undefined`: the request is not shown. */
  readonly request: Buffer | undefined;
}

interface DisputedLease {
  readonly buyer: string;
  readonly seller: string;
  readonly state: string;
  readonly document: string;
}

/** The most plain bytes of an answer, and of a request, that are looked at. */
export const mostOpenedBytes = 1024 * 1024;
const mostListed = 1000;

/** A verdict, as the exchange's operator sees it. */
export interface VerdictRow {
  readonly lease: string;
  readonly buyer: string;
  readonly seller: string;
  readonly result: "right" | "wrong" | "undecided";
  readonly reason: string;
  readonly cost: bigint;
  readonly atMs: number;
}

/**
 * Disputes about receipts: a buyer shows an answer to the exchange, which counts it again. That the answer is the one that the receipt is for, the seller itself has
 * signed: its receipt names the hash. The bytes are in memory while they are counted, and are neither stored nor logged.
 */
export class Disputes {
  readonly #deps: ExchangeDeps;

  constructor(deps: ExchangeDeps) {
    this.#deps = deps;
  }

  /** `{"opening":{…},"order":{…},"receipt":{…},"answer":"…","request":"…"}`. @returns the signed verdict, JSON; for a receipt that was judged before, that one. */
  async open(id: string, text: string): Promise<string> {
    const { clock, count, store } = this.#deps;
    const lease = await this.#lease(id);
    const opened = readOpened(text, lease);
    const { opening, receipt } = opened;
    if (opening.body.lease !== id) throw new MarketRefusal("bad_document", "The answer is of another lease.");
    checkTime(opening.body.at, clock.now());
    count(lease.buyer);
    const known = await store.db
      .selectFrom("market_verdicts")
      .select("document")
      .where("lease", "=", id)
      .where("seq", "=", receipt.body.seq)
      .executeTakeFirst();
    if (known !== undefined) return known.document;
    if (lease.state !== "open" && lease.state !== "window")
      throw new MarketRefusal("lease_over", "What the lease costs is decided already.");
    return await this.#judge(id, lease, opened);
  }

  async #lease(id: string): Promise<DisputedLease> {
    const row = await this.#deps.store.db
      .selectFrom("market_leases")
      .select(["buyer", "seller", "state", "document"])
      .where("id", "=", id)
      .executeTakeFirst();
    if (row === undefined) throw new MarketRefusal("unknown_lease", "There is no such lease here.");
    return row;
  }

  async #judge(id: string, { document, buyer }: DisputedLease, opened: Opened): Promise<string> {
    const { keys, clock, store } = this.#deps;
    const { opening, order, receipt, receiptHash } = opened;
    const { price } = readDocument("lease/1", document).body;
    const { result, reason } = recount(receipt.body, { price, max: BigInt(order.body.max) }, shownAnswer(opened));
    const { seq, cost, cum } = receipt.body;
    const now = clock.now();
    const verdict = signDocument(keys.node, "verdict/1", {
      clearing: keys.node.id,
      lease: id,
      seq,
      receipt: receiptHash,
      opening: verifyDocument(opening, buyer),
      result,
      reason,
      cost,
      at: now,
    });
    const columns = ["lease", "seq", "result", "cost_nano_usd", "cum_nano_usd", "at_ms", "document", "opening", "receipt", "order_text"];
    const texts = [verdict, opening, receipt, order].map((one) => documentText(one));
    await store.insertRows("market_verdicts", columns, [[id, seq, result, BigInt(cost), BigInt(cum), now, ...texts]]);
    // Two openings of one receipt at once: the first one counts.
    const row = await store.db
      .selectFrom("market_verdicts")
      .select("document")
      .where("lease", "=", id)
      .where("seq", "=", seq)
      .executeTakeFirstOrThrow();
    return row.document;
  }

  /** The last ones first. */
  async list(): Promise<readonly VerdictRow[]> {
    const rows = await this.#deps.store.db
      .selectFrom("market_verdicts")
      .innerJoin("market_leases", "market_leases.id", "market_verdicts.lease")
      .select(["lease", "buyer", "seller", "result", "cost_nano_usd", "at_ms", "market_verdicts.document as verdict"])
      .orderBy("at_ms", "desc")
      .limit(mostListed)
      .execute();
    return rows.map(({ lease, buyer, seller, result, cost_nano_usd: cost, at_ms: atMs, verdict }) => {
      const { reason } = readDocument("verdict/1", verdict).body;
      return { lease, buyer, seller, result, reason, cost, atMs };
    });
  }
}

/** @throws MarketRefusal, DocumentError if it is not of both sides, or the bytes are others than those that they have signed. */
function readOpened(text: string, { buyer, seller }: DisputedLease): Opened {
  const sent = parseCanonical(text) as Readonly<Record<string, unknown>>;
  const opening = documentOf("opening/1", sent["opening"]);
  verifyDocument(opening, buyer);
  const order = documentOf("order/1", sent["order"]);
  verifyDocument(order, buyer);
  const receipt = documentOf("receipt/1", sent["receipt"]);
  const receiptHash = verifyDocument(receipt, seller);
  const { lease, n, request: requestHash, answer: answerHash } = opening.body;
  const isOfOne =
    order.body.lease === lease &&
    receipt.body.lease === lease &&
    order.body.n === n &&
    receipt.body.n === n &&
    receipt.body.request === order.body.request &&
    opening.body.receipt === receiptHash;
  if (!isOfOne || receipt.body.final) throw new MarketRefusal("bad_document", "The documents are not of one request.");
  const answer = bytesOf(sent["answer"], "answer");
  if (answerHash !== receipt.body.answer || hashOfBytes(answer) !== answerHash)
    throw new MarketRefusal("bad_document", "The answer is not the one that the receipt is for.");
  if (requestHash === "") return { opening, order, receipt, receiptHash, answer, request: undefined };
  const request = bytesOf(sent["request"], "request");
  if (requestHash !== order.body.request || hashOfBytes(request) !== requestHash)
    throw new MarketRefusal("bad_document", "The request is not the one that was ordered.");
  return { opening, order, receipt, receiptHash, answer, request };
}

function bytesOf(value: unknown, name: string): Buffer {
  if (typeof value !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    throw new MarketRefusal("bad_document", `"${name}" must be base64.`);
  const bytes = Buffer.from(value, "base64");
  if (bytes.length > mostOpenedBytes) throw new MarketRefusal("bad_document", `"${name}" has at most ${mostOpenedBytes} bytes.`);
  return bytes;
}

function shownAnswer({ opening, answer, request }: Opened): ShownAnswer {
  const { dialect, content_type: contentType } = opening.body;
  // Before the body: its dialect and path, and a line feed.
  const head = request === undefined ? -1 : request.indexOf(0x0a);
  const requestBytes = request === undefined || head < 0 ? undefined : request.length - head - 1;
  return { protocol: protocols.get(dialect)!, contentType, answer, requestBytes };
}
