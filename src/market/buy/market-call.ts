import { createHash } from "node:crypto";
import { messageOf } from "../../core/index.ts";
import type { UpstreamCall, UpstreamFailure, UpstreamHandler } from "../../upstream/index.ts";
import { maxCost } from "../documents/cost.ts";
import { DocumentError } from "../documents/document-error.ts";
import { documentOf, readDocument, type MarketDocument } from "../documents/document.ts";
import { parseCanonical } from "../documents/canonical.ts";
import { createFrameSplitter, encodeFrame, FrameError, frameTypes, maxPlainBytes, type Frame } from "../identity/frames.ts";
import { SealError, type FrameOpener } from "../identity/sealing.ts";
import { MarketRefusal, refusalOfText } from "../refusal.ts";
import type { BoughtLease } from "./bought-lease.ts";
import { ReceiptError, type Received } from "./check-receipt.ts";
import type { MarketClientDeps, MarketRequest } from "./market-request.ts";
import type { SentOrder } from "./sent-order.ts";

/** Refusals after which another lease is tried, once: the lease is over, or the two sides disagree about it. */
const retriedCodes: ReadonlySet<string> = new Set(["lease_over", "unknown_lease", "stale_ack", "bad_order"]);

/** The longest that a node may ask to be left alone. */
const longestWaitMs = 600_000;

/** A request to another node, as the gateway sees a call of a provider. The last bytes of an answer go on once its receipt has been checked. */
export class MarketCall implements UpstreamCall {
  readonly #deps: MarketClientDeps;
  readonly #handler: UpstreamHandler;
  #call: UpstreamCall | undefined;
  #answer: AnswerReader | undefined;
  #isDone = false;
  #isPaused = false;

  constructor(deps: MarketClientDeps, handler: UpstreamHandler) {
    this.#deps = deps;
    this.#handler = handler;
  }

  start(request: MarketRequest): void {
    this.#run(request, false).catch((error: unknown) => {
      if (error instanceof MarketRefusal) this.refuse(error);
      else this.#fail({ kind: "malformed", message: messageOf(error) });
    });
  }

  abort(): void {
    this.#isDone = true;
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
    const shown = status === 402 || status === 429 ? status : 503;
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
      // A seller that was restarted does not know its offers of before.
      if (isRetry || !(error instanceof MarketRefusal) || error.code !== "unknown_offer") throw error;
      await this.#run(await withNewOffer(this.#deps, request), true);
      return;
    }
    if (this.#isDone) {
      pool.giveBack(lease, request.seller);
      return;
    }
    const refusal = await this.#send(request, lease);
    if (refusal === undefined) return;
    // Its order was not taken, or was: the seller's numbers say, and a new lease does not care.
    await pool.close(lease, request.seller);
    if (isRetry || !retriedCodes.has(refusal.code)) throw refusal;
    await this.#run(request, true);
  }

  /** @returns why the node refused the request before it answered. */
  #send(request: MarketRequest, lease: BoughtLease): Promise<MarketRefusal | undefined> {
    const { max, maxOutput, deadline, hash, plain, seller } = request;
    const order = lease.order(hash, { max, maxOutput, deadline });
    const { n } = order.document.body;
    const { kid, enc } = lease.secret;
    const open = JSON.stringify({ order: order.document, kid, enc: enc.toString("base64url") });
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
          if (refusal === undefined) this.#end(answer);
          resolve(refusal);
        },
        onFailure: (failure) => {
          answer.broken();
          this.#fail(failure);
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

  #end(answer: AnswerReader): void {
    const last = answer.finish();
    if (last === undefined) {
      this.#fail({ kind: "truncated", message: "The node's answer has no receipt, or a wrong one." });
      return;
    }
    if (this.#isDone) return;
    this.#isDone = true;
    if (last.length > 0) this.#handler.onData(last);
    this.#handler.onEnd();
  }
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

interface Opened {
  readonly head?: { readonly status: number; readonly contentType: string };
  readonly data: readonly Buffer[];
}

/** `{"status":200,"content_type":"application/json"}` @throws FrameError, SyntaxError */
function headOf(plain: Buffer): NonNullable<Opened["head"]> {
  const { status, content_type: contentType } = (JSON.parse(plain.toString("utf8")) ?? {}) as Record<string, unknown>;
  const isRight =
    typeof status === "number" &&
    Number.isInteger(status) &&
    status >= 200 &&
    status <= 599 &&
    typeof contentType === "string" &&
    /^[\x20-\x7e]{1,200}$/.test(contentType);
  if (!isRight) throw new FrameError("The head of an answer has a status and a content type.");
  return { status, contentType };
}

interface AnswerParts {
  readonly request: MarketRequest;
  readonly lease: BoughtLease;
  readonly order: SentOrder;
  readonly opener: FrameOpener;
}

/** Reads the frames of an answer, and checks its receipt. */
class AnswerReader {
  readonly #deps: MarketClientDeps;
  readonly #parts: AnswerParts;
  readonly #splitter = createFrameSplitter();
  readonly #hash = createHash("sha256");
  #httpStatus = 0;
  #refused: Buffer[] = [];
  #head: number | undefined;
  #bytes = 0;
  #last: Buffer | undefined;
  #receipt: string | undefined;
  #isOver = false;

  constructor(deps: MarketClientDeps, parts: AnswerParts) {
    this.#deps = deps;
    this.#parts = parts;
  }

  status(status: number): void {
    this.#httpStatus = status;
  }

  /** @returns what has been opened; `undefined` if the frames are wrong. */
  data(chunk: Buffer): Opened | undefined {
    if (this.#httpStatus !== 200) {
      if (this.#refused.length < 64) this.#refused.push(chunk);
      return { data: [] };
    }
    try {
      let head: Opened["head"];
      const data: Buffer[] = [];
      for (const frame of this.#splitter.push(chunk)) {
        const opened = this.#frame(frame);
        if (opened === undefined) continue;
        if ("status" in opened) head ??= opened;
        else data.push(opened);
      }
      return head === undefined ? { data } : { head, data };
    } catch (error) {
      if (error instanceof SealError || error instanceof FrameError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  #frame({ type, payload }: Frame): Buffer | NonNullable<Opened["head"]> | undefined {
    if (type === frameTypes.ping) return undefined;
    const plain = this.#parts.opener.open(type, payload);
    if (type === frameTypes.head && this.#head === undefined) {
      const head = headOf(plain);
      this.#head = head.status;
      return head;
    }
    if (this.#head === undefined) throw new FrameError("An answer begins with its head.");
    if (type === frameTypes.data && this.#last === undefined) {
      this.#add(plain);
      return plain;
    }
    if (type === frameTypes.last && this.#last === undefined) {
      this.#add(plain);
      this.#last = plain;
      return undefined;
    }
    if (type !== frameTypes.end || this.#last === undefined || this.#receipt !== undefined)
      throw new FrameError("A frame is out of order.");
    this.#receipt = plain.toString("utf8");
    return undefined;
  }

  #add(plain: Buffer): void {
    this.#bytes += plain.length;
    this.#hash.update(plain);
  }

  /** The node has answered without frames. */
  refusal(): MarketRefusal | undefined {
    return this.#httpStatus === 200 ? undefined : refusalOfText(this.#httpStatus, Buffer.concat(this.#refused).toString("utf8"));
  }

  /** The answer has ended. @returns its last bytes, if its receipt is right. */
  finish(): Buffer | undefined {
    if (this.#receipt === undefined || this.#last === undefined) {
      this.broken();
      return undefined;
    }
    this.#isOver = true;
    const { lease, request } = this.#parts;
    const answer = this.#bytes === 0 ? "" : `sha256:${this.#hash.digest("hex")}`;
    if (!this.#accept(this.#receipt, answer)) return undefined;
    this.#deps.pool.giveBack(lease, request.seller);
    return this.#last;
  }

  #accept(text: string, answer: string | undefined): boolean {
    const { lease, order, request } = this.#parts;
    const received: Received = { answer, bytes: this.#bytes, status: this.#head, requestBytes: request.bodyBytes };
    let receipt: MarketDocument<"receipt/1"> | undefined;
    try {
      receipt = readDocument("receipt/1", text);
      lease.accept(receipt, order, received);
      this.#record(receipt, "acked");
      return true;
    } catch (error) {
      if (!(error instanceof DocumentError) && !(error instanceof ReceiptError)) throw error;
      this.#deps.logger.warn(
        { seller: request.seller.peer.name, error: messageOf(error) },
        "a receipt was refused: its lease ends without it",
      );
      if (receipt !== undefined) this.#record(receipt, "refused");
      void this.#deps.pool.close(lease, request.seller);
      return false;
    }
  }

  #record(receipt: MarketDocument<"receipt/1">, state: "acked" | "refused"): void {
    const { request } = this.#parts;
    const { peer } = request.seller;
    const trade = { requestId: request.requestId, clearing: peer.node, seller: peer.node, model: request.offer.body.model, state, receipt };
    this.#deps.trades.add({ ...trade, atMs: this.#deps.clock.now() }).catch((error: unknown) => {
      this.#deps.logger.error({ error: messageOf(error), lease: receipt.body.lease }, "a trade could not be stored");
    });
  }

  /** The answer was cut. Its receipt, if there is one, is asked for before the lease is used again. */
  broken(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { lease, request } = this.#parts;
    const { pool } = this.#deps;
    void this.#askForReceipt().then(
      async (isRight) => {
        if (isRight) pool.giveBack(lease, request.seller);
        else await pool.close(lease, request.seller);
      },
      () => pool.close(lease, request.seller),
    );
  }

  async #askForReceipt(): Promise<boolean> {
    const { lease, request } = this.#parts;
    const path = `/leases/${lease.body.lease}/receipts?after=${lease.seq}`;
    const { receipts } = parseCanonical(await this.#deps.calls.get(request.seller.transport, request.seller.peer.node, path)) as {
      readonly receipts?: unknown;
    };
    const first: unknown = Array.isArray(receipts) ? receipts[0] : undefined;
    return first !== undefined && this.#accept(JSON.stringify(documentOf("receipt/1", first)), undefined);
  }
}
