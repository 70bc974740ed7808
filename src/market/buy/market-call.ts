import { messageOf } from "../../core/index.ts";
import type { UpstreamCall, UpstreamFailure, UpstreamHandler } from "../../upstream/index.ts";
import { maxCost } from "../documents/cost.ts";
import { DocumentError } from "../documents/document-error.ts";
import { documentOf } from "../documents/document.ts";
import { encodeFrame, frameTypes, maxPlainBytes } from "../identity/frames.ts";
import { MarketRefusal } from "../refusal.ts";
import { AnswerReader, type Opened } from "./answer-reader.ts";
import type { BoughtLease } from "./bought-lease.ts";
import type { MarketClientDeps, MarketRequest } from "./market-request.ts";

/** Refusals after which another lease is tried, once: the lease is over, or the two sides disagree about it. */
const retriedCodes: ReadonlySet<string> = new Set(["lease_over", "unknown_lease", "stale_ack", "bad_order", "max_too_low"]);

/** The longest that a node may ask to be left alone. */
const longestWaitMs = 600_000;

/** A request to another node, as the gateway sees a call of a provider. The last bytes of an answer go on once its receipt has been checked. */
export class MarketCall implements UpstreamCall {
  readonly #deps: MarketClientDeps;
  readonly #handler: UpstreamHandler;
  #call: UpstreamCall | undefined;
  #answer: AnswerReader | undefined;
  #release: (() => void) | undefined;
  #isDone = false;
  #isPaused = false;

  constructor(deps: MarketClientDeps, handler: UpstreamHandler) {
    this.#deps = deps;
    this.#handler = handler;
  }

  start(request: MarketRequest): void {
    this.#begin(request).catch((error: unknown) => {
      if (error instanceof MarketRefusal) this.refuse(error);
      else this.#fail({ kind: "malformed", message: messageOf(error) });
    });
  }

  async #begin(request: MarketRequest): Promise<void> {
    // Another seller of the same exchange may be a little dearer; what was paid is counted by its receipt.
    this.#release = this.#deps.spend.reserve(request.seller.peer.node, request.max);
    try {
      await this.#run(request, false);
    } finally {
      this.#release();
    }
  }

  abort(): void {
    this.#isDone = true;
    this.#release?.();
    this.#call?.abort();
    this.#answer?.broken();
  }

  pause(): void {
    this.#isPaused = true;
    this.#call?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#call?.resume();
  }

  /** The answer that the gateway understands: it goes to another target, or tells its client. */
  refuse({ code, status, message, details }: MarketRefusal): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const wait = Math.min(Number(details["retry_after_ms"]), longestWaitMs);
    const headers = ["content-type", "application/json", ...(wait > 0 ? ["retry-after", String(Math.ceil(wait / 1000))] : [])];
    const type = status === 429 ? "rate_limit_error" : "market_error";
    // A node that does not sell now is like a server that is overloaded.
    const shown = status === 402 || status === 429 || status === 400 ? status : 503;
    this.#handler.onHead(shown, headers);
    this.#handler.onData(Buffer.from(JSON.stringify({ error: { message, type, code: status === 402 ? "insufficient_quota" : code } })));
    this.#handler.onEnd();
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#handler.onFailure(failure);
  }

  async #run(request: MarketRequest, isRetry: boolean): Promise<void> {
    const { pool } = this.#deps;
    let lease: BoughtLease;
    try {
      lease = await pool.take(request.seller, request.offer, request.max);
    } catch (error) {
      if (isRetry || !(error instanceof MarketRefusal)) throw error;
      const other = error.code === "insufficient_credit" ? undefined : otherRequest(request);
      if (other !== undefined) {
        await this.#run(other, true);
        return;
      }
      // A seller that was restarted does not know its offers of before.
      if (error.code !== "unknown_offer") throw error;
      await this.#run(await withNewOffer(this.#deps, request), true);
      return;
    }
    await this.#use(request, lease, isRetry);
  }

  async #use(request: MarketRequest, lease: BoughtLease, isRetry: boolean): Promise<void> {
    const { pool } = this.#deps;
    if (this.#isDone) {
      pool.giveBack(lease, request.seller);
      return;
    }
    const refusal = await this.#send(request, lease);
    if (refusal === undefined) return;
    if (!isRetry && isAdopted(refusal, lease)) {
      await this.#use(request, lease, true);
      return;
    }
    // Its order was not taken, or was: the seller's numbers say, and a new lease does not care.
    await pool.close(lease, request.seller);
    this.#note(request, false);
    // What is wrong with a lease alone, a new one of the same seller mends.
    const next = isRetry ? undefined : (nextRequest(request, refusal) ?? otherRequest(request));
    if (next === undefined) throw refusal;
    await this.#run(next, true);
  }

  /** @returns why the node refused the request before it answered. */
  #send(request: MarketRequest, lease: BoughtLease): Promise<MarketRefusal | undefined> {
    const { max, maxOutput, deadline, hash, plain, seller } = request;
    const order = lease.order(hash, { max, maxOutput, deadline });
    const { n } = order.document.body;
    const { kid, enc } = lease.secret;
    // A peer has made the lease itself.
    const isOfExchange = seller.transport !== seller.clearingTransport;
    const shown = isOfExchange && lease.document !== undefined ? { lease: lease.document } : {};
    const open = JSON.stringify({ order: order.document, kid, enc: enc.toString("base64url"), ...shown });
    const frames = [encodeFrame(frameTypes.open, Buffer.from(open)), ...sealedRequest(lease, n, plain)];
    return new Promise((resolve) => {
      const answer = new AnswerReader(this.#deps, { request, lease, order, opener: lease.secret.opener(n, "answer") });
      this.#answer = answer;
      this.#call = this.#deps.calls.serve(seller.transport, frames, {
        onHead: (status) => {
          answer.status(status);
        },
        onData: (chunk) => {
          this.#pass(answer.data(chunk), answer);
        },
        onEnd: () => {
          const refusal = answer.refusal();
          if (refusal === undefined) this.#end(answer, request);
          resolve(refusal);
        },
        onFailure: (failure) => {
          this.#note(request, false);
          if (answer.isWithoutReceipt) this.#recover(answer, failure);
          else {
            answer.broken();
            this.#fail(failure);
          }
          resolve(undefined);
        },
      });
      if (this.#isDone) this.#call.abort();
      else if (this.#isPaused) this.#call.pause();
    });
  }

  /** What of the answer may go on. A frame that is wrong ends the call. */
  #pass(opened: Opened | undefined, answer: AnswerReader): void {
    if (opened === undefined) {
      this.#call?.abort();
      answer.broken();
      this.#fail({ kind: "malformed", message: "The node's answer does not follow the market's protocol." });
      return;
    }
    if (this.#isDone) return;
    if (opened.head !== undefined) this.#handler.onHead(opened.head.status, ["content-type", opened.head.contentType]);
    for (const data of opened.data) this.#handler.onData(data);
  }

  #note({ seller, offer }: MarketRequest, isGood: boolean): void {
    const { record, clock } = this.#deps;
    record.add(seller.node.node, offer.body.model, isGood, clock.now());
  }

  #end(answer: AnswerReader, request: MarketRequest): void {
    const noReceipt = { kind: "truncated", message: "The node's answer has no receipt, or a wrong one." } as const;
    if (answer.isWithoutReceipt) this.#recover(answer, noReceipt);
    else {
      const last = answer.finish();
      this.#note(request, last !== undefined);
      void answer.stored.then(() => {
        this.#finish(last, noReceipt, answer.cost);
      });
    }
  }

  #recover(answer: AnswerReader, failure: UpstreamFailure): void {
    answer.recover().then(
      (last) => {
        this.#finish(last, failure, answer.cost);
      },
      () => {
        this.#fail(failure);
      },
    );
  }

  #finish(last: Buffer | undefined, failure: UpstreamFailure, cost: bigint | undefined): void {
    if (last === undefined) {
      this.#fail(failure);
      return;
    }
    if (this.#isDone) return;
    this.#isDone = true;
    if (cost !== undefined) this.#handler.onBilled?.(cost);
    if (last.length > 0) this.#handler.onData(last);
    this.#handler.onEnd();
  }
}

/** The seller has counted a request that the buyer has not, and it cost nothing: the next order acknowledges it. */
function isAdopted({ code, details }: MarketRefusal, lease: BoughtLease): boolean {
  if (code !== "stale_ack") return false;
  try {
    return lease.adopt(documentOf("receipt/1", details["receipt"]));
  } catch (error) {
    if (error instanceof DocumentError) return false;
    throw error;
  }
}

/** The same request for another seller of the exchange; `undefined`: there is none. */
function otherRequest({ withOther }: MarketRequest): MarketRequest | undefined {
  try {
    return withOther?.();
  } catch (error) {
    if (error instanceof MarketRefusal) return undefined;
    throw error;
  }
}

/** What is asked for with another lease; `undefined`: nothing. The seller may count a request a little dearer than its buyer. */
function nextRequest(request: MarketRequest, { code, details }: MarketRefusal): MarketRequest | undefined {
  if (!retriedCodes.has(code)) return undefined;
  if (code !== "max_too_low") return request;
  const text = details["max"];
  if (typeof text !== "string" || !/^\d{1,18}$/.test(text)) return undefined;
  const max = BigInt(text);
  return max > request.max && max <= request.max * 2n ? { ...request, max } : undefined;
}

/** The same request for what the seller offers now. @throws MarketRefusal `unknown_offer` if it offers the model no more. */
async function withNewOffer({ book }: MarketClientDeps, request: MarketRequest): Promise<MarketRequest> {
  const { name } = request.seller.peer;
  await book.refresh(name);
  const seller = book.seller(`@${name}`);
  const offer = seller?.offers.get(request.offer.body.model);
  if (seller === undefined || offer === undefined) throw new MarketRefusal("unknown_offer", `@${name} does not offer the model now.`);
  return { ...request, seller, offer, max: maxCost(offer.body.price, request.bodyBytes, request.maxOutput) };
}

function sealedRequest(lease: BoughtLease, n: number, plain: Buffer): Buffer[] {
  const sealer = lease.secret.sealer(n, "request");
  const frames: Buffer[] = [];
  let at = 0;
  for (; plain.length - at > maxPlainBytes; at += maxPlainBytes) {
    frames.push(encodeFrame(frameTypes.request, sealer.seal(frameTypes.request, plain.subarray(at, at + maxPlainBytes))));
  }
  frames.push(encodeFrame(frameTypes.requestEnd, sealer.seal(frameTypes.requestEnd, plain.subarray(at))));
  return frames;
}
