import { book, createAccount, systemAccounts, type Account, type TransferKind } from "./account.ts";

/**
 * The arithmetic of a clearing, without database, clock or signatures: what each operation does to accounts and leases. Amounts are nano-credits.
 *
 * A lease reserves an amount of its buyer (`open`). It leaves that state once: its seller settles it, or it becomes void at its deadline. What the
 * buyer has acknowledged is paid at once; the rest waits in `#contested` until the buyer acknowledges more, contests it (half each, except for
 * receipts that were judged), or lets the window pass (all to the seller).
 */
export type LeaseState = "open" | "window" | "settled" | "split" | "void";

export interface ClearingLease {
  readonly id: string;
  readonly buyer: string;
  readonly seller: string;
  readonly hold: bigint;
  /** The clearing's fee, in millionths of each payment. */
  readonly feePpm: bigint;
  state: LeaseState;
  /** When an open lease becomes void, or when a window ends. */
  deadline: number;
  /** What was charged at settlement. `paid + contested + refunded` is always this. */
  charged: bigint;
  /** Fees included. */
  paid: bigint;
  contested: bigint;
  refunded: bigint;
  /** How many transfers the lease has: with its id, the key of the next one. */
  legs: number;
}

/** The accounts and leases that operations need. An operation changes them in place: after a failed write, read them again. */
export interface ClearingState {
  readonly accounts: Map<string, Account>;
  readonly leases: Map<string, ClearingLease>;
}

export interface OpenOperation {
  readonly kind: "open";
  readonly id: string;
  readonly buyer: string;
  readonly seller: string;
  readonly hold: bigint;
  readonly settleBy: number;
  readonly feePpm: bigint;
}

export interface SettleOperation {
  readonly kind: "settle";
  readonly id: string;
  /** What the seller's last receipt says, the ceiling of the best order, and what the buyer has acknowledged. */
  readonly cum: bigint;
  readonly ceiling: bigint;
  readonly acked: bigint;
  /** How long the buyer may contest what it has not acknowledged, in milliseconds. */
  readonly window: number;
}

/** A receipt of which the clearing has seen the answer, and has decided whether it bills what that says. */
export interface JudgedReceipt {
  readonly cost: bigint;
  readonly cum: bigint;
  readonly isRight: boolean;
}

export type ClearingOperation =
  | OpenOperation
  | SettleOperation
  | { readonly kind: "ack"; readonly id: string; readonly acked: bigint }
  | { readonly kind: "contest"; readonly id: string; readonly judged?: readonly JudgedReceipt[] }
  /** Money that moves outside of the market, or a correction by the operator. A negative amount leaves the account. `id` is unique. */
  | { readonly kind: "deposit" | "correction"; readonly id: string; readonly owner: string; readonly amount: bigint }
  /** Ends what is due. */
  | { readonly kind: "tick" }
  /** The clearing was away for `gap` milliseconds: deadlines count its uptime. */
  | { readonly kind: "resume"; readonly gap: number };

export type ClearingResult =
  | "ok"
  /** The lease exists, or was settled before: the operation is a repeat. */
  | "same"
  | "insufficient_funds"
  | "same_party"
  | "unknown_lease"
  /** The lease is open still, so there is nothing to acknowledge or contest at the clearing. */
  | "not_settled"
  | Exclude<LeaseState, "open">;

/** One debit and one credit. */
export interface Transfer {
  /** The lease or the operation, and the number of its transfer: the key that makes it happen once. */
  readonly key: string;
  readonly leg: number;
  readonly kind: TransferKind;
  readonly at: number;
  readonly amount: bigint;
  readonly debit: TransferSide;
  readonly credit: TransferSide;
}

/** An account as it is after the transfer. */
export interface TransferSide {
  readonly owner: string;
  readonly seq: number;
  readonly balance: bigint;
}

export interface ClearingOutcome {
  readonly result: ClearingResult;
  readonly transfers: readonly Transfer[];
}

const million = 1_000_000n;

/** Applies one operation. It never throws for what a node sends: the result says why nothing happened. */
export function applyOperation(state: ClearingState, operation: ClearingOperation, now: number): ClearingOutcome {
  const step = new Step(state, now);
  const result = step.run(operation);
  return { result, transfers: step.transfers };
}

/** The account of an owner, created if it is new. */
export function accountIn(state: ClearingState, owner: string): Account {
  let account = state.accounts.get(owner);
  if (account === undefined) {
    account = createAccount(owner);
    state.accounts.set(owner, account);
  }
  return account;
}

class Step {
  readonly transfers: Transfer[] = [];
  readonly #state: ClearingState;
  readonly #now: number;

  constructor(state: ClearingState, now: number) {
    this.#state = state;
    this.#now = now;
  }

  run(operation: ClearingOperation): ClearingResult {
    switch (operation.kind) {
      case "open":
        return this.#open(operation);
      case "settle":
        return this.#settle(operation);
      case "ack":
        return this.#acknowledge(operation.id, operation.acked);
      case "contest":
        return this.#contest(operation.id, operation.judged ?? []);
      case "deposit":
      case "correction":
        return this.#deposit(operation);
      case "tick":
        for (const lease of dueLeases(this.#state, this.#now)) this.#endIfDue(lease);
        return "ok";
      case "resume":
        for (const lease of this.#state.leases.values()) if (!isFinal(lease)) lease.deadline += operation.gap;
        return "ok";
    }
  }

  #open({ id, buyer, seller, hold, settleBy, feePpm }: OpenOperation): ClearingResult {
    if (this.#state.leases.has(id)) return "same";
    if (buyer === seller) return "same_party";
    const account = accountIn(this.#state, buyer);
    if (account.balance - account.held - hold < -account.limit) return "insufficient_funds";
    account.held += hold;
    const sums = { charged: 0n, paid: 0n, contested: 0n, refunded: 0n, legs: 0 };
    this.#state.leases.set(id, { id, buyer, seller, hold, feePpm, state: "open", deadline: settleBy, ...sums });
    return "ok";
  }

  #settle({ id, cum, ceiling, acked, window }: SettleOperation): ClearingResult {
    const lease = this.#current(id);
    if (lease === undefined) return "unknown_lease";
    if (lease.state !== "open") return lease.state === "void" ? "void" : "same";
    const charged = least(cum, ceiling, lease.hold);
    const agreed = least(acked, charged);
    accountIn(this.#state, lease.buyer).held -= lease.hold;
    lease.charged = charged;
    this.#pay(lease, lease.buyer, agreed);
    lease.contested = charged - agreed;
    if (lease.contested === 0n) return (lease.state = "settled");
    this.#move(lease, "contest", { from: lease.buyer, to: systemAccounts.contested, amount: lease.contested });
    lease.deadline = this.#now + window;
    return (lease.state = "window");
  }

  #acknowledge(id: string, acked: bigint): ClearingResult {
    const lease = this.#current(id);
    if (lease === undefined) return "unknown_lease";
    if (lease.state === "open") return "not_settled";
    if (lease.state !== "window") return lease.state;
    this.#release(lease, least(acked, lease.charged) - lease.paid);
    return lease.state;
  }

  /** A judged receipt is paid whole, or not at all. */
  #contest(id: string, judged: readonly JudgedReceipt[]): ClearingResult {
    const lease = this.#current(id);
    if (lease === undefined) return "unknown_lease";
    if (lease.state === "open") return "not_settled";
    if (lease.state !== "window") return lease.state;
    let [left, sellers] = [lease.contested, 0n];
    for (const { cost, cum, isRight } of judged) {
      // What was acknowledged is paid, whatever was found later.
      if (cum <= lease.paid) continue;
      const amount = least(cost, left);
      left -= amount;
      if (isRight) sellers += amount;
    }
    sellers += left / 2n;
    const buyers = lease.contested - sellers;
    lease.contested = 0n;
    lease.refunded += buyers;
    this.#move(lease, "refund", { from: systemAccounts.contested, to: lease.buyer, amount: buyers });
    this.#pay(lease, systemAccounts.contested, sellers);
    return (lease.state = "split");
  }

  #deposit({ kind, id, owner, amount }: { kind: "deposit" | "correction"; id: string; owner: string; amount: bigint }): ClearingResult {
    const [from, to] = amount < 0n ? [owner, systemAccounts.outside] : [systemAccounts.outside, owner];
    this.#transfer({ key: id, leg: 0, kind }, { from, to, amount: amount < 0n ? -amount : amount });
    return "ok";
  }

  /** The lease after what its deadline has done to it. */
  #current(id: string): ClearingLease | undefined {
    const lease = this.#state.leases.get(id);
    if (lease !== undefined) this.#endIfDue(lease);
    return lease;
  }

  #endIfDue(lease: ClearingLease): void {
    if (isFinal(lease) || lease.deadline > this.#now) return;
    if (lease.state === "window") {
      this.#release(lease, lease.contested); // Silence consents.
    } else {
      accountIn(this.#state, lease.buyer).held -= lease.hold;
      lease.state = "void";
    }
  }

  /** Pays a part of what is contested. */
  #release(lease: ClearingLease, amount: bigint): void {
    if (amount <= 0n) return;
    lease.contested -= amount;
    this.#pay(lease, systemAccounts.contested, amount);
    if (lease.contested === 0n) lease.state = "settled";
  }

  #pay(lease: ClearingLease, from: string, amount: bigint): void {
    const fee = (amount * lease.feePpm) / million;
    lease.paid += amount;
    this.#move(lease, "pay", { from, to: lease.seller, amount: amount - fee });
    this.#move(lease, "fee", { from, to: systemAccounts.fees, amount: fee });
  }

  #move(lease: ClearingLease, kind: TransferKind, way: Way): void {
    if (way.amount === 0n) return;
    this.#transfer({ key: lease.id, leg: lease.legs, kind }, way);
    lease.legs += 1;
  }

  #transfer({ key, leg, kind }: Pick<Transfer, "key" | "leg" | "kind">, { from, to, amount }: Way): void {
    const at = this.#now;
    const debit = accountIn(this.#state, from);
    const credit = accountIn(this.#state, to);
    book(debit, { at, kind, lease: key, amount: -amount });
    book(credit, { at, kind, lease: key, amount });
    this.transfers.push({ key, leg, kind, at, amount, debit: sideOf(debit), credit: sideOf(credit) });
  }
}

interface Way {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
}

function sideOf({ owner, seq, balance }: Account): TransferSide {
  return { owner, seq, balance };
}

/** In the order of their deadlines, so that heads do not depend on the order in which a database has the rows. */
function dueLeases({ leases }: ClearingState, now: number): readonly ClearingLease[] {
  const due: ClearingLease[] = [];
  for (const lease of leases.values()) if (!isFinal(lease) && lease.deadline <= now) due.push(lease);
  return due.toSorted((one, other) => one.deadline - other.deadline || (one.id < other.id ? -1 : 1));
}

function isFinal({ state }: ClearingLease): boolean {
  return state !== "open" && state !== "window";
}

function least(first: bigint, ...others: readonly bigint[]): bigint {
  return others.reduce((low, value) => (value < low ? value : low), first);
}
