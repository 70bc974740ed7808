import type { Kysely, Selectable } from "kysely";
import type { MarketLeasesTable, SqlValue, Store, Tables } from "../../store/index.ts";
import { createAccount, systemAccounts, type Account } from "./account.ts";
import {
  applyOperation,
  type ClearingLease,
  type ClearingOperation,
  type ClearingResult,
  type ClearingState,
  type OpenOperation,
  type SettleOperation,
  type Transfer,
} from "./engine.ts";

/** What a new lease stores beside its sums. */
export interface NewLease extends OpenOperation {
  readonly model: string;
  /** The signed lease, JSON. */
  readonly document: string;
  /** How far below 0 the buyer's account may go. */
  readonly limit: bigint;
}

/** The accounts and leases of one clearing in its database. Each call is one transaction. */
export interface Clearing {
  /** Opens a lease. `document` is the stored one: for a repeat, that of the first time. */
  open(lease: NewLease): Promise<{ readonly result: ClearingResult; readonly document: string | undefined }>;
  settle(operation: Omit<SettleOperation, "kind">): Promise<ClearingResult>;
  acknowledge(lease: string, acked: bigint): Promise<ClearingResult>;
  contest(lease: string): Promise<ClearingResult>;
  deposit(id: string, owner: string, amount: bigint): Promise<void>;
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
  /** Everything, for `checkClearing`. */
  readAll(): Promise<ClearingState>;
}

type Database = Kysely<Tables>;

/** @param now milliseconds since 1970. */
export function createClearing(store: Store, now: () => number): Clearing {
  const run = async (operation: ClearingOperation & { readonly id: string }, owners: readonly string[] = []): Promise<ClearingResult> =>
    await store.db.transaction().execute(async (db) => {
      const state = await readState(db, [operation.id], owners);
      return await applyAndWrite(store, db, { state, operation, now: now() });
    });
  return {
    open: (lease) =>
      store.db.transaction().execute(async (db) => {
        const state = await readState(db, [lease.id], [lease.buyer]);
        const known = state.leases.has(lease.id);
        const account = accountOf(state, lease.buyer);
        const limitBefore = account.limit;
        account.limit = lease.limit;
        const { document, model, limit: _limit, ...operation } = lease;
        const result = await applyAndWrite(store, db, { state, operation, now: now(), opened: { document, model, limitBefore } });
        if (!known) return { result, document: result === "ok" ? document : undefined };
        const row = await db.selectFrom("market_leases").select("document").where("id", "=", lease.id).executeTakeFirst();
        return { result, document: row?.document };
      }),
    settle: (operation) => run({ kind: "settle", ...operation }),
    acknowledge: (id, acked) => run({ kind: "ack", id, acked }),
    contest: (id) => run({ kind: "contest", id }),
    async deposit(id, owner, amount) {
      await run({ kind: "deposit", id, owner, amount }, [owner]);
    },
    sweep: (limit) =>
      store.db.transaction().execute(async (db) => {
        const due = await db
          .selectFrom("market_leases")
          .select("id")
          .where("state", "in", ["open", "window"])
          .where("deadline_ms", "<=", now())
          .orderBy("deadline_ms")
          .limit(limit)
          .execute();
        if (due.length === 0) return 0;
        const state = await readState(
          db,
          due.map(({ id }) => id),
          [],
        );
        await applyAndWrite(store, db, { state, operation: { kind: "tick" }, now: now() });
        return due.length;
      }),
    resume: (gapMs) => moveDeadlines(store.db, gapMs),
    beat: () => beat(store, now()),
    account: async (owner) => accountOf(await readState(store.db, [], [owner]), owner),
    readAll: () => readAll(store.db),
  };
}

/** A clearing that is seen again after this time was away. */
const longestGapMs = 60_000;

async function moveDeadlines(db: Database, gapMs: number): Promise<void> {
  await db
    .updateTable("market_leases")
    .set((eb) => ({ deadline_ms: eb("deadline_ms", "+", gapMs) }))
    .where("state", "in", ["open", "window"])
    .execute();
}

async function beat(store: Store, seen: number): Promise<void> {
  await store.insertRows("market_uptime", ["name", "seen_ms"], [["clearing", seen]]);
  await store.db.transaction().execute(async (db) => {
    const row = await db.selectFrom("market_uptime").select("seen_ms").where("name", "=", "clearing").executeTakeFirstOrThrow();
    const changed = await db
      .updateTable("market_uptime")
      .set({ seen_ms: seen })
      .where("name", "=", "clearing")
      .where("seen_ms", "=", row.seen_ms)
      .executeTakeFirst();
    if (changed.numUpdatedRows > 0n && seen - row.seen_ms > longestGapMs) await moveDeadlines(db, seen - row.seen_ms);
  });
}

function accountOf(state: ClearingState, owner: string): Account {
  const known = state.accounts.get(owner);
  if (known !== undefined) return known;
  const made = createAccount(owner);
  state.accounts.set(owner, made);
  return made;
}

/** The leases, and the accounts of their parties, of the system and of `owners`. */
async function readState(db: Database, ids: readonly string[], owners: readonly string[]): Promise<ClearingState> {
  const rows = ids.length === 0 ? [] : await db.selectFrom("market_leases").selectAll().where("id", "in", ids).execute();
  const wanted = new Set([...owners, ...Object.values(systemAccounts), ...rows.flatMap(({ buyer, seller }) => [buyer, seller])]);
  const accounts = await db
    .selectFrom("market_accounts")
    .selectAll()
    .where("owner", "in", [...wanted])
    .execute();
  return stateOf(rows, accounts);
}

async function readAll(db: Database): Promise<ClearingState> {
  return stateOf(await db.selectFrom("market_leases").selectAll().execute(), await db.selectFrom("market_accounts").selectAll().execute());
}

function stateOf(
  leases: readonly Selectable<MarketLeasesTable>[],
  accounts: readonly {
    owner: string;
    balance_nano_usd: bigint;
    held_nano_usd: bigint;
    seq: number;
    head: string;
    limit_nano_usd: bigint;
  }[],
): ClearingState {
  return {
    leases: new Map(leases.map((row) => [row.id, leaseOf(row)])),
    accounts: new Map(
      accounts.map(({ owner, balance_nano_usd: balance, held_nano_usd: held, seq, head, limit_nano_usd: limit }) => [
        owner,
        { owner, balance, held, limit, seq, head },
      ]),
    ),
  };
}

function leaseOf(row: Selectable<MarketLeasesTable>): ClearingLease {
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

interface Applied {
  readonly state: ClearingState;
  readonly operation: ClearingOperation;
  readonly now: number;
  /** Of a lease that is opened. */
  readonly opened?: { readonly document: string; readonly model: string; readonly limitBefore: bigint };
}

/** Applies the operation to what was read, and writes what has changed. */
async function applyAndWrite(store: Store, db: Database, { state, operation, now, opened }: Applied): Promise<ClearingResult> {
  const before = new Map([...state.leases].map(([id, lease]) => [id, { ...lease }]));
  const seqs = new Map([...state.accounts].map(([owner, { seq, held, limit }]) => [owner, `${seq} ${held} ${limit}`]));
  const { result, transfers } = applyOperation(state, operation, now);
  // The stored limit is that of the last lease that was opened.
  if (operation.kind === "open" && result !== "ok") accountOf(state, operation.buyer).limit = opened!.limitBefore;
  for (const lease of state.leases.values()) {
    const old = before.get(lease.id);
    if (old === undefined) await insertLease(store, db, lease, { ...opened!, now });
    else if (isChanged(old, lease)) await updateLease(db, lease);
  }
  for (const account of state.accounts.values()) {
    if (seqs.get(account.owner) !== `${account.seq} ${account.held} ${account.limit}`) await writeAccount(db, account);
  }
  if (transfers.length > 0) await insertTransfers(store, db, transfers);
  return result;
}

function isChanged(old: ClearingLease, lease: ClearingLease): boolean {
  return old.state !== lease.state || old.legs !== lease.legs || old.contested !== lease.contested || old.deadline !== lease.deadline;
}

async function insertLease(
  store: Store,
  db: Database,
  lease: ClearingLease,
  { document, model, now }: { document: string; model: string; now: number },
): Promise<void> {
  const row: Record<string, SqlValue> = {
    id: lease.id,
    buyer: lease.buyer,
    seller: lease.seller,
    model,
    hold_nano_usd: lease.hold,
    fee_ppm: Number(lease.feePpm),
    ...sumsOf(lease),
    opened_ms: now,
    document,
  };
  await store.insertRows("market_leases", Object.keys(row), [Object.values(row)], db);
}

async function updateLease(db: Database, lease: ClearingLease): Promise<void> {
  await db.updateTable("market_leases").set(sumsOf(lease)).where("id", "=", lease.id).execute();
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

async function writeAccount(db: Database, { owner, balance, held, seq, head, limit }: Account): Promise<void> {
  const values = { balance_nano_usd: balance, held_nano_usd: held, seq, head, limit_nano_usd: limit };
  await db
    .insertInto("market_accounts")
    .values({ owner, ...values })
    .onConflict((oc) => oc.column("owner").doUpdateSet(values))
    .execute();
}

const transferColumns = [
  "key",
  "leg",
  "kind",
  "at_ms",
  "amount_nano_usd",
  "debit",
  "debit_seq",
  "debit_balance_nano_usd",
  "credit",
  "credit_seq",
  "credit_balance_nano_usd",
];

async function insertTransfers(store: Store, db: Database, transfers: readonly Transfer[]): Promise<void> {
  const rows = transfers.map(({ key, leg, kind, at, amount, debit, credit }) => [
    key,
    leg,
    kind,
    at,
    amount,
    debit.owner,
    debit.seq,
    debit.balance,
    credit.owner,
    credit.seq,
    credit.balance,
  ]);
  const written = await store.insertRows("market_transfers", transferColumns, rows, db);
  if (written !== rows.length) throw new Error(`A transfer of ${transfers[0]!.key} exists already.`);
}
