import { createHash } from "node:crypto";
import { messageOf } from "../../core/index.ts";
import { DocumentError } from "../documents/document-error.ts";
import { documentOf, readDocument, type MarketDocument } from "../documents/document.ts";
import { parseCanonical } from "../documents/canonical.ts";
import { createFrameSplitter, FrameError, frameTypes, type Frame } from "../identity/frames.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { SealError, type FrameOpener } from "../identity/sealing.ts";
import { refusalOfText, type MarketRefusal } from "../refusal.ts";
import { AnswerUsage } from "../recount/answer-usage.ts";
import type { BoughtLease } from "./bought-lease.ts";
import { ReceiptError, type Received } from "./check-receipt.ts";
import { KeptAnswer, openingText } from "./open-answer.ts";
import type { MarketClientDeps, MarketRequest } from "./market-request.ts";
import type { SentOrder } from "./sent-order.ts";

/** What has been opened of an answer. */
export interface Opened {
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

/** Shorter answers say little about a seller's speed. */
const leastTimedTokens = 16;

/** Reads the frames of an answer, and checks its receipt. */
export class AnswerReader {
  readonly #deps: MarketClientDeps;
  readonly #parts: AnswerParts;
  readonly #splitter = createFrameSplitter();
  readonly #hash = createHash("sha256");
  #httpStatus = 0;
  #refused: Buffer[] = [];
  #head: number | undefined;
  #usage: AnswerUsage | undefined;
  #bytes = 0;
  #last: Buffer | undefined;
  #receipt: string | undefined;
  #isOver = false;
  /** What the receipt bills, once it is accepted. */
  cost: bigint | undefined;
  /** The receipt is in the database: the last bytes of the answer wait for that, so that a crash leaves no answer without it. */
  stored: Promise<void> = Promise.resolve();
  #answer: string | undefined;
  /** `undefined`: the answer will not be shown to anybody. */
  readonly #kept: KeptAnswer | undefined;
  /** One that was refused. */
  #refusedReceipt: MarketDocument<"receipt/1"> | undefined;

  readonly #startedMs: number;

  constructor(deps: MarketClientDeps, parts: AnswerParts) {
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonic();
    this.#parts = parts;
    const { transport, clearingTransport } = parts.request.seller;
    this.#kept = transport !== clearingTransport && deps.opensAnswers() ? new KeptAnswer() : undefined;
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
      const { protocol, asksReasoning } = this.#parts.request;
      this.#usage = new AnswerUsage(protocol, head.contentType, asksReasoning);
      if (this.#kept !== undefined) this.#kept.contentType = head.contentType;
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
    this.#usage?.add(plain);
    this.#kept?.add(plain);
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
    if (!this.#accept(this.#receipt)) {
      void this.#dispute();
      return undefined;
    }
    if (this.#deps.record.overCounts(request.seller.node.node, request.offer.body.model)) void this.#dispute();
    else this.#deps.pool.giveBack(lease, request.seller);
    return this.#last;
  }

  /** The receipt is wrong: it is contested, and its seller is avoided for a day, and asked by no policy for longer. */
  #dispute(): Promise<void> {
    const { lease, request } = this.#parts;
    const { pool, record, clock } = this.#deps;
    record.cheated(request.seller.node.node, request.offer.body.model, clock.now());
    return pool.dispute(lease, request.seller, (key) => this.#opened(key));
  }

  #opened(key: NodeKey): string | undefined {
    const { request, order } = this.#parts;
    if (this.#kept === undefined || this.#refusedReceipt === undefined) return undefined;
    return openingText({ key, request, order, receipt: this.#refusedReceipt, kept: this.#kept, atMs: this.#deps.clock.now() });
  }

  /** The hash of the whole answer; `undefined` if it was cut. */
  #answerHash(): string | undefined {
    if (this.#last === undefined) return undefined;
    this.#answer ??= this.#bytes === 0 ? "" : `sha256:${this.#hash.digest("hex")}`;
    return this.#answer;
  }

  #accept(text: string): boolean {
    const { lease, order, request } = this.#parts;
    const answer = this.#answerHash();
    const usage = answer === undefined ? undefined : this.#usage?.read();
    const estimate = answer === undefined ? undefined : this.#usage?.estimate();
    const received: Received = { answer, usage, estimate, bytes: this.#bytes, status: this.#head, requestBytes: request.bodyBytes };
    let receipt: MarketDocument<"receipt/1"> | undefined;
    try {
      receipt = readDocument("receipt/1", text);
      lease.accept(receipt, order, received);
      this.cost = BigInt(receipt.body.cost);
      this.#learn(receipt.body, estimate);
      this.#deps.spend.paid(request.seller.peer.node, this.cost);
      this.#record(receipt, "acked");
      return true;
    } catch (error) {
      if (!(error instanceof DocumentError) && !(error instanceof ReceiptError)) throw error;
      this.#deps.logger.warn(
        { seller: request.seller.peer.name, error: messageOf(error) },
        "a receipt was refused: its lease ends without it",
      );
      this.#refusedReceipt = receipt;
      if (receipt !== undefined) this.#record(receipt, "refused");
      return false;
    }
  }

  /** What the answer shows of its seller. */
  #learn({ usage, status }: MarketDocument<"receipt/1">["body"], estimate: number | undefined): void {
    const { request } = this.#parts;
    const { record, clock } = this.#deps;
    const { model } = request.offer.body;
    record.answered(model, usage.output);
    if (status !== "done" || estimate === undefined) return;
    const seconds = (clock.monotonic() - this.#startedMs) / 1000;
    const tokensPerSecond = usage.output >= leastTimedTokens && seconds > 0 ? usage.output / seconds : undefined;
    const seen = { tokensPerSecond, counted: usage.output - usage.reasoning, estimated: estimate };
    record.seen(request.seller.node.node, model, seen, clock.now());
  }

  #record(receipt: MarketDocument<"receipt/1">, state: "acked" | "refused"): void {
    const { request, lease } = this.#parts;
    const trade = {
      requestId: request.requestId,
      clearing: lease.body.clearing,
      seller: request.seller.node.node,
      model: request.offer.body.model,
      state,
      receipt,
    };
    this.stored = this.#deps.trades.add({ ...trade, atMs: this.#deps.clock.now() }).catch((error: unknown) => {
      this.#deps.logger.error({ error: messageOf(error), lease: receipt.body.lease }, "a trade could not be stored");
    });
  }

  /** All of the answer has arrived, but not its receipt. */
  get isWithoutReceipt(): boolean {
    return !this.#isOver && this.#last !== undefined && this.#receipt === undefined;
  }

  /** Asks for the receipt of an answer that arrived without it. @returns the last bytes of the answer, if its receipt is right. */
  async recover(): Promise<Buffer | undefined> {
    this.#isOver = true;
    const { lease, request } = this.#parts;
    const { pool } = this.#deps;
    const isRight = await this.#askForReceipt().catch(() => undefined);
    if (isRight === true) {
      await this.stored;
      pool.giveBack(lease, request.seller);
      return this.#last;
    }
    await (isRight === false ? this.#dispute() : pool.askLater(lease, request.seller, () => this.#askForReceipt()));
    return undefined;
  }

  /**
   * The answer was cut. Its receipt is asked for, now and later, before the lease is used again. One that does not fit what arrived is not acknowledged, but its
   * seller is not to blame: it has sent more than the line has carried.
   */
  broken(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { lease, request } = this.#parts;
    void this.#deps.pool.askLater(lease, request.seller, () => this.#askForReceipt());
  }

  async #askForReceipt(): Promise<boolean | undefined> {
    const { lease, request } = this.#parts;
    const path = `/leases/${lease.body.lease}/receipts?after=${lease.seq}`;
    const { receipts } = parseCanonical(await this.#deps.calls.get(request.seller.transport, request.seller.node.node, path)) as {
      readonly receipts?: unknown;
    };
    const first: unknown = Array.isArray(receipts) ? receipts[0] : undefined;
    if (first === undefined) return undefined;
    const isAccepted = this.#accept(JSON.stringify(documentOf("receipt/1", first)));
    // The request may be over, and its entry an estimate.
    if (isAccepted) this.#deps.lateBills.note(request.requestId);
    return isAccepted;
  }
}
