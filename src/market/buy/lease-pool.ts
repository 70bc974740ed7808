import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import { readDocument, verifyDocument } from "../documents/document.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { MarketRefusal } from "../refusal.ts";
import type { Avoided } from "../peers/avoided.ts";
import type { KnownOffer, PeerSeller } from "./book.ts";
import { closingOrder, type BoughtLease } from "./bought-lease.ts";
import type { NodeCalls } from "./node-calls.ts";
import type { BuyerProcesses } from "./buyer-processes.ts";
import { openLease } from "./open-lease.ts";
import type { OpenLeases } from "./open-leases.ts";

/**
 * Leases that this process has open. After a crash they are forgotten; what was accepted of them is acknowledged by the next start, or by another process of
 * the same database.
 */
export interface LeasePool {
  /** Finds what processes that have ended have left. Called before the first lease is taken; `sweep` does it as well. */
  load(): Promise<void>;
  /** A lease with room for the request, for this request alone until it is given back. @throws MarketRefusal */
  take(seller: PeerSeller, offer: KnownOffer, max: bigint): Promise<BoughtLease>;
  /** The next request may use it. */
  giveBack(lease: BoughtLease, seller: PeerSeller): void;
  /** It is not used any more: what was accepted is acknowledged, and the seller may settle. */
  close(lease: BoughtLease, seller: PeerSeller): Promise<void>;
  /** An answer was cut: its receipt is asked for now and at each sweep, and the lease is used again only if it is accepted. */
  askLater(lease: BoughtLease, seller: PeerSeller, ask: AskForReceipt): Promise<void>;
  /**
   * Its seller sent a wrong receipt: what is not acknowledged is contested, and the seller is avoided for a day.
   * @param opened makes what is shown to the exchange, which then decides; `undefined` if nothing is.
   */
  dispute(lease: BoughtLease, seller: PeerSeller, opened?: (key: NodeKey) => string | undefined): Promise<void>;
  /** Asks for receipts again, and closes leases that are idle or about to end, or that a process that has ended has left. */
  sweep(): Promise<void>;
  closeAll(): Promise<void>;
  /** Nano-credits that open leases reserve, at one clearing or at all, and when the last of them frees; 0: there are none. */
  reserved(clearing?: string): { readonly amount: bigint; readonly untilMs: number };
}

/** @returns whether the receipt was accepted; `undefined`: the seller has none yet. @throws MarketRefusal if it cannot be asked. */
export type AskForReceipt = () => Promise<boolean | undefined>;

export interface LeasePoolDeps {
  readonly calls: NodeCalls;
  readonly key: () => NodeKey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: (size: number) => Uint8Array;
  /** Nano-credits that a lease holds at least; four requests of the size of the first one if that is more. */
  readonly hold: () => bigint;
  readonly ttlMs: () => number;
  readonly avoided: Avoided;
  readonly openLeases: OpenLeases;
  readonly processes: BuyerProcesses;
  /** Why nothing is bought at a clearing; `undefined`: it may be. */
  readonly clearingProblem: (clearing: string) => string | undefined;
  /** Who sells at a clearing, by its node, or the clearing alone if the seller offers nothing now. @param clearing if omitted, any. */
  readonly sellerOf: (node: string, clearing: string | undefined) => PeerSeller | undefined;
}

interface Idle {
  readonly lease: BoughtLease;
  readonly seller: PeerSeller;
  readonly sinceMs: number;
}

interface Asked extends Idle {
  readonly ask: AskForReceipt;
}

const idleMs = 60_000;
/** How often leases of processes that have ended are looked for. */
const lookMs = 15_000;
/** How long a receipt is asked for. */
const askedMs = 60_000;
/** When a seller has settled a lease, whatever happened: the longest lease, the time to settle it, and the window. */
const settledMs = 27 * 3_600_000;

export function createLeasePool(deps: LeasePoolDeps): LeasePool {
  return new Pool(deps);
}

class Pool implements LeasePool {
  readonly #deps: LeasePoolDeps;
  readonly #open = new Set<BoughtLease>();
  #idle: Idle[] = [];
  #asked: Asked[] = [];
  /** Leases of processes that have ended, and those of this one whose seller could not be reached to close them. */
  readonly #unclosed = new Set<string>();
  #lookedMs = -Infinity;
  /** The first questions for receipts that are under way. */
  #asking: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(deps: LeasePoolDeps) {
    this.#deps = deps;
  }

  async load(): Promise<void> {
    const { processes, openLeases, clock } = this.#deps;
    const now = clock.monotonic();
    if (now - this.#lookedMs < lookMs) return;
    await processes.beat();
    const stored = await openLeases.ofOthers(processes.name);
    const ended = await processes.ended([...new Set(stored.map(({ process }) => process))]);
    this.#lookedMs = now;
    for (const { lease, process } of stored) if (ended.has(process)) this.#unclosed.add(lease);
  }

  async take(seller: PeerSeller, offer: KnownOffer, max: bigint): Promise<BoughtLease> {
    const { avoided, clock, clearingProblem, openLeases, processes } = this.#deps;
    const now = clock.now();
    if (avoided.has(seller.node.node))
      throw new MarketRefusal("unavailable", "A receipt of the seller was wrong: nothing is bought from it for a day.");
    const problem = clearingProblem(seller.peer.node);
    if (problem !== undefined)
      throw new MarketRefusal("unavailable", `The seller's statement is wrong (${problem}): nothing is bought from it.`);
    const index = this.#idle.findIndex(({ lease }) => isOf(lease, seller, offer) && lease.hasRoom(max, now));
    if (index >= 0) return this.#idle.splice(index, 1)[0]!.lease;
    // Others must know this process before it has a lease.
    await this.load();
    const lease = await openLease(this.#deps, { seller, offer, max });
    this.#open.add(lease);
    await openLeases.add(lease.body.lease, {
      seller: seller.node.node,
      clearing: lease.body.clearing,
      session: lease.secret.session,
      process: processes.name,
      openedMs: clock.now(),
    });
    return lease;
  }

  giveBack(lease: BoughtLease, seller: PeerSeller): void {
    // A request or a receipt may still have been under way when everything was closed.
    if (this.#isClosed) void this.close(lease, seller);
    else this.#idle.push({ lease, seller, sinceMs: this.#deps.clock.now() });
  }

  close(lease: BoughtLease, seller: PeerSeller): Promise<void> {
    return this.#end(lease, seller, "ack");
  }

  async askLater(lease: BoughtLease, seller: PeerSeller, ask: AskForReceipt): Promise<void> {
    const asking = this.#ask({ lease, seller, ask, sinceMs: this.#deps.clock.now() });
    this.#asking = Promise.allSettled([this.#asking, asking]);
    await asking;
  }

  async #ask(asked: Asked): Promise<void> {
    const { lease, seller, ask, sinceMs } = asked;
    const isAccepted = await ask().catch(() => undefined);
    if (isAccepted === true && !this.#isClosed) this.giveBack(lease, seller);
    else if (isAccepted === undefined && !this.#isClosed && this.#deps.clock.now() - sinceMs < askedMs) this.#asked.push(asked);
    else await this.close(lease, seller);
  }

  async dispute(lease: BoughtLease, seller: PeerSeller, opened?: (key: NodeKey) => string | undefined): Promise<void> {
    const { avoided, key, calls, openLeases, logger } = this.#deps;
    const stored = [avoided.add(seller.node.node, "a receipt was refused"), openLeases.contest(lease.body.lease)];
    for (const result of await Promise.allSettled(stored))
      if (result.status === "rejected") logger.error({ error: messageOf(result.reason) }, "a dispute could not be stored");
    const text = opened?.(key());
    // Before it is contested, as the exchange decides at once then.
    if (text !== undefined) await openAnswer(calls, logger, { lease: lease.body.lease, seller, text });
    await this.#end(lease, seller, "contest");
  }

  async sweep(): Promise<void> {
    const { clock, openLeases } = this.#deps;
    const now = clock.now();
    const asked = this.#asked;
    this.#asked = [];
    await Promise.all(asked.map((one) => this.#ask(one)));
    const over = this.#idle.filter(({ lease, sinceMs }) => now - sinceMs > idleMs || !lease.hasRoom(0n, now));
    this.#idle = this.#idle.filter((entry) => !over.includes(entry));
    await Promise.all(over.map(({ lease, seller }) => this.close(lease, seller)));
    await openLeases.dropBefore(now - settledMs);
    await this.#closeLeft();
  }

  /** What a process that has ended has accepted is acknowledged, so that its sellers need not wait for the window. What it has contested stays contested. */
  async #closeLeft(): Promise<void> {
    const { openLeases, processes, sellerOf, key, clock } = this.#deps;
    await processes.beat();
    await this.load();
    const asked = [...this.#unclosed].slice(0, closedAtOnce);
    const left = await openLeases.left(asked);
    for (const lease of asked) this.#unclosed.delete(lease);
    for (const { lease, seller: node, clearing, session, ack, contests } of left) {
      const seller = sellerOf(node, clearing);
      if (seller === undefined) {
        // The others have their turn first.
        this.#unclosed.add(lease);
        continue;
      }
      const order = closingOrder(key(), { lease, n: lastOrder, session, ack, deadline: clock.now() + 60_000 });
      await this.#send(lease, seller, { action: contests ? "contest" : "ack", order });
    }
  }

  async closeAll(): Promise<void> {
    this.#isClosed = true;
    await this.#asking;
    const all = [...this.#idle, ...this.#asked];
    // A last time: what is accepted now is acknowledged by the closing order.
    const asked = this.#asked.map(({ ask }) => ask().catch(() => undefined));
    this.#idle = [];
    this.#asked = [];
    await Promise.all(asked);
    await Promise.all(all.map(({ lease, seller }) => this.close(lease, seller)));
    // What could not be closed is for the others, and for the next start.
    await Promise.allSettled([this.#deps.processes.release()]);
  }

  reserved(clearing?: string): { readonly amount: bigint; readonly untilMs: number } {
    let amount = 0n;
    let untilMs = 0;
    for (const { body } of this.#open) {
      if (clearing !== undefined && body.clearing !== clearing) continue;
      // Its seller has settled it by now, or lost the right to.
      if (body.settle_by <= this.#deps.clock.now()) continue;
      amount += BigInt(body.hold);
      untilMs = Math.max(untilMs, body.settle_by);
    }
    return { amount, untilMs };
  }

  async #end(lease: BoughtLease, seller: PeerSeller, action: "ack" | "contest"): Promise<void> {
    this.#open.delete(lease);
    await this.#send(lease.body.lease, seller, { action, order: lease.closing(this.#deps.clock.now()) });
  }

  async #send(
    lease: string,
    seller: PeerSeller,
    { action, order }: { readonly action: "ack" | "contest"; readonly order: string },
  ): Promise<void> {
    const { calls, openLeases, logger } = this.#deps;
    try {
      await sendClosing(calls, seller, { lease, action, order });
      await openLeases.remove(lease);
    } catch (error) {
      // The seller settles it by what it has; what was accepted is acknowledged once it can be reached.
      logger.debug({ lease, error: messageOf(error) }, "a lease could not be closed at its seller");
      if (error instanceof MarketRefusal && !passingCodes.has(error.code)) await openLeases.remove(lease);
      else if (this.#unclosed.size < mostUnclosed) this.#unclosed.add(lease);
    }
  }
}

/** Shows an answer to the exchange. If that fails, each side bears half. */
async function openAnswer(
  calls: NodeCalls,
  logger: Logger,
  { lease, seller, text }: { readonly lease: string; readonly seller: PeerSeller; readonly text: string },
): Promise<void> {
  const { peer, clearingTransport } = seller;
  try {
    const verdict = readDocument("verdict/1", await calls.post(clearingTransport, `/leases/${lease}/open`, text));
    verifyDocument(verdict, peer.node);
    const { result, reason } = verdict.body;
    logger.info({ exchange: peer.name, lease, result, reason }, "an exchange has decided about a receipt");
  } catch (error) {
    logger.warn(
      { exchange: peer.name, lease, error: messageOf(error) },
      "an exchange did not decide about a receipt: each side bears half",
    );
  }
}

/** More are left to the next start. */
const mostUnclosed = 1000;
/** In one sweep. */
const closedAtOnce = 100;

/**
 * A peer takes it as its own clearing. Over an exchange the seller learns that the lease is over, and the exchange what is acknowledged or contested: it applies it
 * when the seller settles.
 * @throws MarketRefusal if the clearing did not take it.
 */
async function sendClosing(
  calls: NodeCalls,
  { transport, clearingTransport }: PeerSeller,
  { lease, action, order }: { readonly lease: string; readonly action: "ack" | "contest"; readonly order: string },
): Promise<void> {
  if (transport !== clearingTransport) {
    // A seller that is away settles later.
    await Promise.allSettled([calls.post(transport, `/leases/${lease}/ack`, order)]);
  }
  await calls.post(clearingTransport, `/leases/${lease}/${action}`, order);
}

/** Refusals after which the same closing order may be taken later. */
const passingCodes: ReadonlySet<string> = new Set(["unavailable", "too_many_open", "too_many_requests"]);

/** The number of an order after which there is none. */
const lastOrder = 1_000_000_000;

/** The same seller may be a friend and a member of an exchange: each clearing pays the leases of its own books alone. */
function isOf({ body }: BoughtLease, { peer }: PeerSeller, { body: offer }: KnownOffer): boolean {
  if (body.clearing !== peer.node || body.seller !== offer.seller || body.model !== offer.model) return false;
  return JSON.stringify(body.price) === JSON.stringify(offer.price);
}
