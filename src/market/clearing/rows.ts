import type { Kysely, Selectable } from "kysely";
import type { MarketLeasesTable, Store, Tables } from "../../store/index.ts";
import { createAccount, systemAccounts, type Account } from "./account.ts";
import {
  applyOperation,
  type ClearingLease,
  type ClearingOperation,
  type ClearingResult,
  type ClearingState,
  type JudgedReceipt,
  type SettleOperation,
  type Transfer,
} from "./engine.ts";

export type Database = Kysely<Tables>;

/** A lease as the engine needs it, and what its buyer has sent while it was open. */
interface ReadLease extends ClearingLease {
  readonly document: string;
  readonly buyerOrder: string | null;
  readonly buyerContests: boolean;
}

/** Of a lease that is opened. */
export interface OpenedTexts {
  readonly document: string;
  readonly model: string;
}

/**
 * One transaction of a clearing. Several processes may clear on one PostgreSQL database: each locks the rows that it changes, first leases, then accounts in the order
 * of their owners, so that no two wait for each other. On SQLite the transaction is the only one.
 */
export class ClearingTransaction {
  readonly db: Database;
  readonly state: ClearingState = { accounts: new Map(), leases: new Map() };
  readonly #isShared: boolean;
  readonly #known: Set<string>;
  readonly #texts = new Map<string, ReadLease>();
  readonly #accountsBefore = new Map<string, string>();

  /** @param known the owners whose accounts exist already: an account is never deleted. */
  constructor(store: Pick<Store, "dialect">, db: Database, known: Set<string>) {
    this.db = db;
    this.#isShared = store.dialect === "postgresql";
    this.#known = known;
  }

  /** Reads the accounts and locks them. It is called once, after the leases. */
  async lockAccounts(owners: Iterable<string>): Promise<void> {
    const wanted = [...new Set(owners)].toSorted();
    const missing = wanted.filter((owner) => !this.#known.has(owner));
    // All new accounts come before any lock.
    if (missing.length > 0) {
      const rows = missing.map((owner) => rowOf(createAccount(owner)));
      await this.db
        .insertInto("market_accounts")
        .values(rows)
        .onConflict((oc) => oc.column("owner").doNothing())
        .execute();
    }
    const rows = await this.db
      .selectFrom("market_accounts")
      .selectAll()
      .where("owner", "in", wanted)
      .orderBy("owner")
      .$if(this.#isShared, (query) => query.forUpdate())
      .execute();
    for (const row of rows) {
      const account = accountOf(row);
      this.state.accounts.set(account.owner, account);
      this.#accountsBefore.set(account.owner, valuesText(account));
    }
  }

  /** Reads a lease and locks it. */
  async lockLease(id: string): Promise<ReadLease | undefined> {
    const row = await this.db
      .selectFrom("market_leases")
      .selectAll()
      .where("id", "=", id)
      .$if(this.#isShared, (query) => query.forUpdate())
      .executeTakeFirst();
    return row === undefined ? undefined : this.#add(row);
  }

  /** Reads a lease that does not change here, nor its state. */
  async readLease(id: string): Promise<ReadLease | undefined> {
    const row = await this.db.selectFrom("market_leases").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? undefined : this.#add(row);
  }

  /** What was judged of a lease, in the order of its receipts. */
  async judged(id: string): Promise<readonly JudgedReceipt[]> {
    const rows = await this.db
      .selectFrom("market_verdicts")
      .select(["cost_nano_usd", "cum_nano_usd", "result"])
      .where("lease", "=", id)
      .where("result", "<>", "undecided")
      .orderBy("seq")
      .execute();
    return rows.map((row) => ({ cost: row.cost_nano_usd, cum: row.cum_nano_usd, isRight: row.result === "right" }));
  }

  /** Reads and locks leases whose deadline has passed, except those that another process has locked. */
  async lockDue(now: number, limit: number): Promise<readonly ClearingLease[]> {
    const rows = await this.db
      .selectFrom("market_leases")
      .selectAll()
      .where("state", "in", ["open", "window"])
      .where("deadline_ms", "<=", now)
      .orderBy("deadline_ms")
      .limit(limit)
      .$if(this.#isShared, (query) => query.forUpdate().skipLocked())
      .execute();
    return rows.map((row) => this.#add(row));
  }

  #add(row: Selectable<MarketLeasesTable>): ReadLease {
    const lease = leaseOf(row);
    const read = { ...lease, document: row.document, buyerOrder: row.buyer_order, buyerContests: row.buyer_contests !== 0 };
    this.state.leases.set(row.id, lease);
    this.#texts.set(row.id, read);
    return read;
  }

  /** Applies operations to what was read, and writes what has changed. @returns the result of each. */
  async apply(operations: readonly ClearingOperation[], now: number, opened?: OpenedTexts): Promise<readonly ClearingResult[]> {
    const before = new Map([...this.state.leases].map(([id, lease]) => [id, { ...lease }]));
    const transfers: Transfer[] = [];
    const results = operations.map((operation) => {
      const outcome = applyOperation(this.state, operation, now);
      transfers.push(...outcome.transfers);
      return outcome.result;
    });
    for (const lease of this.state.leases.values()) {
      const old = before.get(lease.id);
      if (old === undefined) await this.#insertLease(lease, { ...opened!, now });
      else if (isChanged(old, lease)) await this.db.updateTable("market_leases").set(sumsOf(lease)).where("id", "=", lease.id).execute();
    }
    for (const account of this.state.accounts.values()) await this.#writeAccount(account);
    if (transfers.length > 0) await this.db.insertInto("market_transfers").values(transfers.map(transferRow)).execute();
    return results;
  }

  async #insertLease(lease: ClearingLease, { document, model, now }: OpenedTexts & { readonly now: number }): Promise<void> {
    const { id, buyer, seller, hold, feePpm } = lease;
    await this.db
      .insertInto("market_leases")
      .values({ id, buyer, seller, model, hold_nano_usd: hold, fee_ppm: Number(feePpm), ...sumsOf(lease), opened_ms: now, document })
      .execute();
  }

  async #writeAccount(account: Account): Promise<void> {
    const { owner, ...values } = rowOf(account);
    const before = this.#accountsBefore.get(owner);
    if (before === valuesText(account)) return;
    // What was not locked may have been changed by another process.
    if (before === undefined) throw new Error(`The account of ${owner} was changed, but not locked.`);
    await this.db.updateTable("market_accounts").set(values).where("owner", "=", owner).execute();
  }
}

/** The accounts that settling the lease now may change. */
export function accountsOfSettlement(lease: ClearingLease, { cum, ceiling, acked }: SettleOperation): readonly string[] {
  const charged = [cum, ceiling, lease.hold].reduce((low, value) => (value < low ? value : low));
  return lease.state === "open" && acked >= charged ? partiesOf(lease) : [...partiesOf(lease), systemAccounts.contested];
}

/** The accounts that the end of a window, or of its deadline, may change. */
export function accountsOfEnd(lease: ClearingLease): readonly string[] {
  return lease.state === "window" ? [...partiesOf(lease), systemAccounts.contested] : [lease.buyer];
}

function partiesOf({ buyer, seller, feePpm }: ClearingLease): readonly string[] {
  return feePpm === 0n ? [buyer, seller] : [buyer, seller, systemAccounts.fees];
}

function valuesText({ seq, balance, held, limit }: Account): string {
  return `${seq} ${balance} ${held} ${limit}`;
}

export function accountOf(row: Selectable<Tables["market_accounts"]>): Account {
  const { owner, balance_nano_usd: balance, held_nano_usd: held, limit_nano_usd: limit, seq, head } = row;
  return { owner, balance, held, limit, seq, head };
}

function rowOf({ owner, balance, held, seq, head, limit }: Account): Selectable<Tables["market_accounts"]> {
  return { owner, balance_nano_usd: balance, held_nano_usd: held, seq, head, limit_nano_usd: limit };
}

export function leaseOf(row: Selectable<MarketLeasesTable>): ClearingLease {
  return {
    id: row.id,
    buyer: row.buyer,
    seller: row.seller,
    hold: row.hold_nano_usd,
    feePpm: BigInt(row.fee_ppm),
    state: row.state,
    deadline: row.deadline_ms,
    charged: row.charged_nano_usd,
    paid: row.paid_nano_usd,
    contested: row.contested_nano_usd,
    refunded: row.refunded_nano_usd,
    legs: row.legs,
  };
}

function isChanged(old: ClearingLease, lease: ClearingLease): boolean {
  return old.state !== lease.state || old.legs !== lease.legs || old.contested !== lease.contested || old.deadline !== lease.deadline;
}

function sumsOf(
  lease: ClearingLease,
): Pick<
  Selectable<MarketLeasesTable>,
  "state" | "deadline_ms" | "charged_nano_usd" | "paid_nano_usd" | "contested_nano_usd" | "refunded_nano_usd" | "legs"
> {
  return {
    state: lease.state,
    deadline_ms: lease.deadline,
    charged_nano_usd: lease.charged,
    paid_nano_usd: lease.paid,
    contested_nano_usd: lease.contested,
    refunded_nano_usd: lease.refunded,
    legs: lease.legs,
  };
}

function transferRow({ key, leg, kind, at, amount, debit, credit }: Transfer): Selectable<Tables["market_transfers"]> {
  return {
    key,
    leg,
    kind,
    at_ms: at,
    amount_nano_usd: amount,
    debit: debit.owner,
    debit_seq: debit.seq,
    debit_balance_nano_usd: debit.balance,
    credit: credit.owner,
    credit_seq: credit.seq,
    credit_balance_nano_usd: credit.balance,
  };
}
