import type { Store } from "../../store/index.ts";
import { createAccount, systemAccounts, type Account } from "./account.ts";
import type { ClearingOperation, ClearingResult, ClearingState, OpenOperation, SettleOperation } from "./engine.ts";
import { accountOf, accountsOfEnd, accountsOfSettlement, ClearingTransaction, leaseOf, type Database } from "./rows.ts";

/** What a new lease stores beside its sums. */
export interface NewLease extends OpenOperation {
  readonly model: string;
  /** The signed lease, JSON. */
  readonly document: string;
  /** How far below 0 the buyer's account may go. */
  readonly limit: bigint;
}

/** What proves a settlement, JSON texts. Without it, what is stored already does. */
export interface SettlementTexts {
  readonly best_order?: string;
  readonly last_receipt: string;
}

/** The last word of a buyer about a lease. */
export interface BuyersClose {
  /** The closing order, JSON. */
  readonly order: string;
  readonly acked: bigint;
  /** It does not agree with what it has not acknowledged. */
  readonly contests: boolean;
}

/** Who books an amount that moves outside of the market, and why. */
export interface BookedBy {
  readonly actor: string;
  readonly reason: string;
}

/**
 * The accounts and leases of one clearing in its database. Each call is one transaction, so that a crash leaves all of it or nothing. Several processes may clear on one
 * PostgreSQL database.
 */
export interface Clearing {
  /** Opens a lease. `document` is the stored one: for a repeat, that of the first time. */
  open(lease: NewLease): Promise<{ readonly result: ClearingResult; readonly document: string | undefined }>;
  /** Settles a lease, and applies what its buyer has sent while it was open. */
  settle(operation: Omit<SettleOperation, "kind">, texts?: SettlementTexts): Promise<ClearingResult>;
  acknowledge(lease: string, acked: bigint): Promise<ClearingResult>;
  contest(lease: string): Promise<ClearingResult>;
  /** A closing order is applied now, or, while the lease is open (`not_settled`), stored for its settlement. */
  close(lease: string, close: BuyersClose): Promise<ClearingResult>;
  /**
   * Money that moves outside. `id` is unique.
   * @param by who books it. An amount below 0 cannot be more than the account has free: `insufficient_funds`.
   */
  deposit(id: string, owner: string, amount: bigint, by?: BookedBy): Promise<ClearingResult>;
  /** Ends what is due, at most `limit` leases. @returns how many were ended. */
  sweep(limit: number): Promise<number>;
  /** Moves all deadlines: the clearing was away for `gapMs`. */
  resume(gapMs: number): Promise<void>;
  /**
   * Says that the clearing is at work, every few seconds and before anything else. If the last time was more than a minute ago, all deadlines move by the
   * time in between: they count the clearing's uptime, so that nobody loses anything because it was away. Of several processes one moves them.
   */
  beat(): Promise<void>;
  account(owner: string): Promise<Account>;
  /** Everything as it was at one moment, for `checkClearing`. */
  readAll(): Promise<ClearingState>;
}

/** A clearing that is seen again after this time was away. */
const longestGapMs = 60_000;

/** @param now milliseconds since 1970. */
export function createClearing(store: Store, now: () => number): Clearing {
  return new StoredClearing(store, now);
}

class StoredClearing implements Clearing {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #knownAccounts = new Set<string>();
  #lastBeatMs: number | undefined;

  constructor(store: Store, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async #run<T>(body: (transaction: ClearingTransaction) => Promise<T>): Promise<T> {
    // The database was away, or this process was stopped: what waited meanwhile must not find that deadlines have passed.
    if (this.#lastBeatMs !== undefined && this.#now() - this.#lastBeatMs > longestGapMs) await this.beat();
    const changed: string[] = [];
    const result = await inTransaction(this.#store, async (db) => {
      const transaction = new ClearingTransaction(this.#store, db, this.#knownAccounts);
      const value = await body(transaction);
      changed.push(...transaction.state.accounts.keys());
      return value;
    });
    for (const owner of changed) this.#knownAccounts.add(owner);
    return result;
  }

  open(lease: NewLease): ReturnType<Clearing["open"]> {
    return this.#run(async (transaction) => {
      const { document, model, limit, ...operation } = lease;
      // First the account: a repeat that comes at the same time waits here, and then finds the lease.
      await transaction.lockAccounts([lease.buyer]);
      const known = await transaction.readLease(lease.id);
      if (known !== undefined) return { result: "same", document: known.document };
      const account = transaction.state.accounts.get(lease.buyer)!;
      const limitBefore = account.limit;
      account.limit = limit;
      if (lease.buyer === lease.seller || account.balance - account.held - lease.hold < -limit) account.limit = limitBefore;
      // The stored limit is that of the last lease that was opened.
      const [result] = await transaction.apply([operation], this.#now(), { document, model });
      return { result: result!, document: result === "ok" ? document : undefined };
    });
  }

  settle(operation: Omit<SettleOperation, "kind">, texts?: SettlementTexts): Promise<ClearingResult> {
    return this.#run(async (transaction) => {
      const { id } = operation;
      const lease = await transaction.lockLease(id);
      if (lease === undefined) return "unknown_lease";
      const settle = { kind: "settle", ...operation } as const;
      await transaction.lockAccounts(accountsOfSettlement(lease, settle));
      const close =
        lease.buyerOrder === null
          ? []
          : await closeOperations(transaction, id, { acked: ackedBy(lease.buyerOrder), contests: lease.buyerContests });
      const [result, ...later] = await transaction.apply([settle, ...close], this.#now());
      const isSettled = result === "settled" || result === "window";
      if (texts !== undefined && isSettled) await transaction.db.updateTable("market_leases").set(texts).where("id", "=", id).execute();
      return isSettled ? (later.at(-1) ?? result) : result!;
    });
  }

  #change(id: string, operations: readonly ClearingOperation[]): Promise<ClearingResult> {
    return this.#run(async (transaction) => {
      const lease = await transaction.lockLease(id);
      if (lease === undefined) return "unknown_lease";
      await transaction.lockAccounts(accountsOfEnd(lease));
      return (await transaction.apply(operations, this.#now())).at(-1)!;
    });
  }

  acknowledge(id: string, acked: bigint): Promise<ClearingResult> {
    return this.#change(id, [{ kind: "ack", id, acked }]);
  }

  contest(id: string): Promise<ClearingResult> {
    return this.#run(async (transaction) => {
      const lease = await transaction.lockLease(id);
      if (lease === undefined) return "unknown_lease";
      await transaction.lockAccounts(accountsOfEnd(lease));
      const judged = await transaction.judged(id);
      return (await transaction.apply([{ kind: "contest", id, judged }], this.#now()))[0]!;
    });
  }

  close(id: string, { order, acked, contests }: BuyersClose): Promise<ClearingResult> {
    return this.#run(async (transaction) => {
      const lease = await transaction.lockLease(id);
      if (lease === undefined) return "unknown_lease";
      await transaction.lockAccounts(accountsOfEnd(lease));
      const operations = await closeOperations(transaction, id, { acked, contests });
      const result = (await transaction.apply(operations, this.#now())).at(-1)!;
      if (result !== "not_settled") return result;
      // An older closing order that somebody sends again takes nothing back.
      const isLess = lease.buyerOrder !== null && ackedBy(lease.buyerOrder) > acked;
      const kept = {
        ...(isLess ? {} : { buyer_order: order }),
        ...(contests ? { buyer_contests: 1 } : {}),
      };
      if (Object.keys(kept).length > 0) await transaction.db.updateTable("market_leases").set(kept).where("id", "=", id).execute();
      return result;
    });
  }

  deposit(id: string, owner: string, amount: bigint, by?: BookedBy): Promise<ClearingResult> {
    return this.#run(async (transaction) => {
      await transaction.lockAccounts([owner, systemAccounts.outside]);
      const { balance, held } = transaction.state.accounts.get(owner)!;
      if (by !== undefined && amount < 0n && balance - held + amount < 0n) return "insufficient_funds";
      if (by !== undefined)
        await transaction.db
          .insertInto("market_deposits")
          .values({ id, owner, ...by, at_ms: this.#now() })
          .execute();
      return (await transaction.apply([{ kind: "deposit", id, owner, amount }], this.#now()))[0]!;
    });
  }

  sweep(limit: number): Promise<number> {
    return this.#run(async (transaction) => {
      const due = await transaction.lockDue(this.#now(), limit);
      if (due.length === 0) return 0;
      await transaction.lockAccounts(due.flatMap(accountsOfEnd));
      await transaction.apply([{ kind: "tick" }], this.#now());
      return due.length;
    });
  }

  resume(gapMs: number): Promise<void> {
    return moveDeadlines(this.#store.db, gapMs);
  }

  async beat(): Promise<void> {
    const seen = this.#now();
    await beat(this.#store, seen);
    this.#lastBeatMs = seen;
  }

  async account(owner: string): Promise<Account> {
    const row = await this.#store.db.selectFrom("market_accounts").selectAll().where("owner", "=", owner).executeTakeFirst();
    return row === undefined ? createAccount(owner) : accountOf(row);
  }

  readAll(): Promise<ClearingState> {
    return this.#store.db
      .transaction()
      .setAccessMode("read only")
      .execute(async (db) => {
        const leases = await db.selectFrom("market_leases").selectAll().execute();
        const accounts = await db.selectFrom("market_accounts").selectAll().execute();
        return {
          leases: new Map(leases.map((row) => [row.id, leaseOf(row)])),
          accounts: new Map(accounts.map((row) => [row.owner, accountOf(row)])),
        };
      });
  }
}

/** Writing transactions of PostgreSQL take turns unless they name an isolation level: these lock the rows that they change instead. */
function inTransaction<T>(store: Store, body: (db: Database) => Promise<T>): Promise<T> {
  return store.db.transaction().setIsolationLevel("read committed").execute(body);
}

async function closeOperations(
  transaction: ClearingTransaction,
  id: string,
  { acked, contests }: Pick<BuyersClose, "acked" | "contests">,
): Promise<readonly ClearingOperation[]> {
  const ack = { kind: "ack", id, acked } as const;
  return contests ? [ack, { kind: "contest", id, judged: await transaction.judged(id) }] : [ack];
}

/** What an order acknowledges, from its text, which was checked when it came. */
function ackedBy(order: string): bigint {
  return BigInt((JSON.parse(order) as { readonly body: { readonly ack: { readonly cum: string } } }).body.ack.cum);
}

async function moveDeadlines(db: Database, gapMs: number): Promise<void> {
  await db
    .updateTable("market_leases")
    .set((eb) => ({ deadline_ms: eb("deadline_ms", "+", gapMs) }))
    .where("state", "in", ["open", "window"])
    .execute();
}

/** The time that is stored only grows, so that a process whose clock is behind does not make a gap for the others. */
async function beat(store: Store, seen: number): Promise<void> {
  await store.insertRows("market_uptime", ["name", "seen_ms"], [["clearing", seen]]);
  await inTransaction(store, async (db) => {
    const row = await db
      .selectFrom("market_uptime")
      .select("seen_ms")
      .where("name", "=", "clearing")
      .$if(store.dialect === "postgresql", (query) => query.forUpdate())
      .executeTakeFirstOrThrow();
    if (row.seen_ms >= seen) return;
    await db.updateTable("market_uptime").set({ seen_ms: seen }).where("name", "=", "clearing").execute();
    if (seen - row.seen_ms > longestGapMs) await moveDeadlines(db, seen - row.seen_ms);
  });
}
