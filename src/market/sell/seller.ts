import { GatewayError, messageOf } from "../../core/index.ts";
import { handleModelCall, type Caller } from "../../gateway/index.ts";
import { maxCost } from "../documents/cost.ts";
import { hashOfBytes, readDocument, verifyDocument } from "../documents/document.ts";
import { asRefusal } from "../documents/as-refusal.ts";
import type { MarketKeys } from "../identity/market-keys.ts";
import { openLeaseSecret, type LeaseSecret } from "../identity/sealing.ts";
import { outputBound } from "../output-bound.ts";
import { MarketRefusal } from "../refusal.ts";
import { createLeaseDesk } from "./lease-desk.ts";
import { hideInError } from "./hide-provider.ts";
import { outcomeOf, type LastRecord } from "./outcome.ts";
import { Places } from "./places.ts";
import type { OpenFrame, SellerDeps } from "./seller-deps.ts";
import { SealedExchange, type FrameWriter } from "./sealed-exchange.ts";
import { callerOf, sellingDeps } from "./selling-deps.ts";
import type { ServedLease, TakenOrder } from "./served-lease.ts";
import type { Share } from "./shares.ts";

/** The selling side of this node. Every text is as it arrived; refusals are thrown as `MarketRefusal`. */
export interface Seller {
  /** @returns the signed lease, JSON. */
  lease(request: string): Promise<string>;
  /** Accepts the order of a request. The caller then reads the sealed request, and calls `run` or `fail`. */
  accept(open: OpenFrame): Promise<AcceptedRequest>;
  /** A closing order. @returns the final receipt, JSON. */
  close(lease: string, order: string): Promise<string>;
  /** The buyer does not agree with what is not acknowledged. */
  contest(lease: string, order: string): Promise<string>;
  /** The receipts of a lease after a number, JSON texts. */
  receipts(lease: string, after: number, node: string): Promise<readonly string[]>;
  /** Requests of all buyers for a share that are being served. */
  inFlight(model: string): number;
  /** Settles leases that are over, and ends what is due. */
  sweep(): Promise<void>;
  /** Whether a node that is no peer has bought over an exchange. */
  knows(buyer: string): Promise<boolean>;
}

export interface AcceptedRequest {
  readonly opener: ReturnType<LeaseSecret["opener"]>;
  /** The request is complete: `plain` is what was sealed. Resolves when the answer has ended. */
  run(plain: Buffer, writer: FrameWriter, onOver: (over: (isWhole: boolean) => void) => void): Promise<void>;
  /** The request did not arrive, or cannot be served: its order ends with a receipt that costs nothing. */
  fail(): Promise<void>;
}

export function createSeller(deps: SellerDeps): Seller {
  const { keys, clock } = deps;
  const desk = createLeaseDesk(deps);
  const places = new Places(deps.limits, deps.capacity, () => {
    deps.offers.roomChanged();
  });
  return {
    lease: (text) => asRefusal(() => desk.open(text)),
    accept: (open) =>
      asRefusal(async () => {
        const document = readDocument("order/1", open.order);
        const lease = await desk.forOrder(document.body.lease, open.lease);
        verifyDocument(document, lease.body.buyer);
        await desk.checkBuyerOf(lease);
        deps.limits.call(lease.body.buyer);
        const share = await desk.shareOf(lease);
        const secret = await secretOf(lease, keys, open);
        const release = places.take(share, lease.body.buyer);
        try {
          const order = lease.take(document, secret.session, clock.now());
          return acceptedRequest(deps, desk.record, { lease, order, share, secret, release });
        } catch (error) {
          release();
          throw error;
        }
      }),
    close: (lease, order) => asRefusal(() => desk.close(lease, order)),
    contest: (lease, order) => asRefusal(() => desk.contest(lease, order)),
    receipts: (lease, after, node) => asRefusal(() => desk.receipts(lease, after, node)),
    inFlight: (model) => places.ofShare(model),
    sweep: () => desk.sweep(),
    knows: (buyer) => desk.knows(buyer),
  };
}

/** The secret of a lease is opened once, and all its orders use it. */
async function secretOf(lease: ServedLease, keys: MarketKeys, { kid, enc }: OpenFrame): Promise<LeaseSecret> {
  if (lease.secret !== undefined && lease.secret.kid === kid && lease.secret.enc.toString("base64url") === enc) return lease.secret;
  if (lease.secret !== undefined) throw new MarketRefusal("bad_order", "A lease has one session.");
  const key = (await keys.sealing()).find((known) => known.kid === kid);
  if (key === undefined) throw new MarketRefusal("bad_order", "The sealing key is not known, or not live any more.");
  const secret = openLeaseSecret(lease.body.lease, kid, Buffer.from(enc, "base64url"), key.key);
  lease.secret = secret;
  return secret;
}

interface AcceptedParts {
  readonly lease: ServedLease;
  readonly order: TakenOrder;
  readonly share: Share;
  readonly secret: LeaseSecret;
  readonly release: () => void;
}

type Recorder = ReturnType<typeof createLeaseDesk>["record"];

/** It has its place until it ends, or an own request needs it. */
function acceptedRequest(deps: SellerDeps, record: Recorder, parts: AcceptedParts): AcceptedRequest {
  const { share, release } = parts;
  const ended = deps.running.add({
    share,
    cancel: () => {
      accepted.cancel();
    },
  });
  const accepted = new Accepted(deps, record, {
    ...parts,
    release() {
      ended();
      release();
    },
  });
  return accepted;
}

class Accepted implements AcceptedRequest {
  readonly opener: ReturnType<LeaseSecret["opener"]>;
  readonly #deps: SellerDeps;
  readonly #record: Recorder;
  readonly #parts: AcceptedParts;
  readonly #requestId: string;
  #receipt: Promise<string> | undefined;
  #exchange: SealedExchange | undefined;
  #isCancelled = false;

  constructor(deps: SellerDeps, record: Recorder, parts: AcceptedParts) {
    this.#deps = deps;
    this.#record = record;
    this.#parts = parts;
    this.#requestId = deps.ids.next("req");
    this.opener = parts.secret.opener(parts.order.document.body.n, "request");
  }

  /** An own request needs its place. An answer whose receipt is made already goes on to its end. */
  cancel(): void {
    if (this.#receipt !== undefined) return;
    this.#isCancelled = true;
    this.#exchange?.drop();
  }

  async run(plain: Buffer, writer: FrameWriter, onOver: (over: (isWhole: boolean) => void) => void): Promise<void> {
    const { gateway, clock, logger } = this.#deps;
    const { order, share, lease, secret, release } = this.#parts;
    const { n, request, max_output: maxOutput } = order.document.body;
    const last: { record?: LastRecord } = {};
    try {
      this.#checkPlace();
      if (hashOfBytes(plain) !== request) throw new MarketRefusal("bad_order", "The request is not the one that the order names.");
      const { target, body } = splitRequest(plain);
      const caller = callerOf(gateway.protocols, target, lease.body.buyer, share.model);
      const wanted = boundOf(caller, body, share.terms.maxOutput);
      const least = maxCost(lease.body.price, body.length, Math.max(maxOutput, wanted));
      if (order.max < least) throw new MarketRefusal("max_too_low", `The order's max must be at least ${least}.`, { max: String(least) });
      const exchange = new SealedExchange({
        requestId: this.#requestId,
        startedMs: clock.monotonic(),
        body,
        sealer: secret.sealer(n, "answer"),
        writer,
        hideError: (text) =>
          hideInError(text, gateway.current().catalog.provider(share.provider) ?? { name: share.provider, baseUrls: {} }),
        receipt: (answer) => this.#end(answer, last.record),
      });
      this.#exchange = exchange;
      onOver((isWhole) => {
        exchange.over(isWhole);
      });
      const { redactor, client } = this.#deps;
      const recorder = { redactor, client, closed: (record: LastRecord) => void (last.record = record) };
      await handleModelCall(sellingDeps(gateway, share, recorder), exchange, caller);
      if (!exchange.hasHead) this.#checkPlace();
    } catch (error) {
      if (error instanceof MarketRefusal) throw error;
      logger.error({ error: messageOf(error), lease: lease.body.lease }, "a request of the market ended with an unexpected error");
      throw new MarketRefusal("unavailable", "The request could not be served.");
    } finally {
      // Also of a buyer that has left: it pays for what it received.
      await this.#end("", last.record).catch(() => undefined);
      // Its buyer finds the receipt, which costs nothing.
      if (this.#isCancelled && this.#exchange?.hasHead === true) writer.destroy();
      release();
    }
  }

  /** @throws MarketRefusal if it was cancelled. */
  #checkPlace(): void {
    if (this.#isCancelled)
      throw new MarketRefusal("at_capacity", "The seller's own requests need the place of this one.", { retry_after_ms: 1000 });
  }

  async fail(): Promise<void> {
    await this.#end("", undefined).catch(() => undefined);
    this.#parts.release();
  }

  /** The receipt is signed and stored once. */
  #end(answer: string, record: LastRecord | undefined): Promise<string> {
    if (this.#receipt === undefined) {
      const { lease, order } = this.#parts;
      const served = outcomeOf(record, { requestId: this.#requestId, answer });
      const outcome = this.#isCancelled ? { ...served, status: "interrupted" as const } : served;
      this.#deps.limits.used(lease.body.buyer, outcome.usage.input + outcome.usage.output);
      this.#receipt = this.#record(lease, order, outcome);
    }
    return this.#receipt;
  }
}

/** What the body may make the model write, whatever its order says. */
function boundOf({ protocol, route }: Caller, body: Buffer, offered: number): number {
  try {
    return outputBound(protocol, route, body.toString("latin1"), offered);
  } catch (error) {
    if (error instanceof GatewayError) throw new MarketRefusal("bad_order", "The body is not one of its dialect.");
    throw error;
  }
}

/** `{"dialect":…,"path":…}`, a line feed, and the body in that dialect. */
function splitRequest(plain: Buffer): { readonly target: { readonly dialect: string; readonly path: string }; readonly body: Buffer } {
  const end = plain.subarray(0, 2048).indexOf(0x0a);
  try {
    const { dialect, path } = JSON.parse(plain.subarray(0, end).toString("utf8")) as Record<string, unknown>;
    if (end > 0 && typeof dialect === "string" && typeof path === "string")
      return { target: { dialect, path }, body: plain.subarray(end + 1) };
  } catch {
    // As below.
  }
  throw new MarketRefusal("bad_order", "A request begins with its dialect and path.");
}
