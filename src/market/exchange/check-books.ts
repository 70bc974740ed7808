import { sql } from "kysely";
import type { Store } from "../../store/index.ts";
import { nextHead, systemAccounts, type AccountEntry } from "../clearing/account.ts";
import { checkClearing, type BrokenRule } from "../clearing/check.ts";
import type { Clearing } from "../clearing/clearing.ts";
import { readPage } from "../clearing/entries.ts";
import { readDocument } from "../documents/document.ts";

export interface CheckedBooks {
  readonly accounts: number;
  readonly leases: number;
  readonly transfers: number;
  readonly broken: readonly BrokenRule[];
}

const page = 1000;
const noEntries = "0".repeat(64);
/** What is wrong beyond this is counted, not shown. */
const mostShown = 200;

interface Chain {
  balance: bigint;
  seq: number;
  head: string;
}

/**
 * Checks all books of this installation from scratch, by what is in the database alone: accounts, leases, each transfer and its documents, the hashes over the entries,
 * and what this node itself has sold and bought. Trade may go on meanwhile: accounts and leases are of one moment, and later
 * entries are left out.
 */
export async function checkBooks(store: Store, clearing: Clearing): Promise<CheckedBooks> {
  const broken: BrokenRule[] = [];
  const add = (rule: string, found: string): void => {
    if (broken.length < mostShown) broken.push({ rule, found });
  };
  const state = await clearing.readAll();
  for (const one of checkClearing(state)) add(one.rule, one.found);
  for (const account of state.accounts.values()) {
    if (isSystem(account.owner) || account.held === 0n) continue;
    if (account.balance - account.held < -account.limit) add("open leases are covered by the balance and the limit", account.owner);
  }
  const transfers = await checkTransfers(store, state.accounts, add);
  await checkAppendOnly(store, add);
  await checkSales(store, add);
  await checkPurchases(store, add);
  return { accounts: state.accounts.size, leases: state.leases.size, transfers, broken };
}

type Add = (rule: string, found: string) => void;

function isSystem(owner: string): boolean {
  return Object.values(systemAccounts).some((name) => name === owner);
}

/** Each account is the sum of its transfers, in order, with the head of their hashes; each transfer has documents, or a person and a reason. */
async function checkTransfers(store: Store, accounts: Awaited<ReturnType<Clearing["readAll"]>>["accounts"], add: Add): Promise<number> {
  let count = 0;
  for (const account of accounts.values()) {
    const chain: Chain = { balance: 0n, seq: 0, head: noEntries };
    for (;;) {
      const entries = await readPage(store, account.owner, chain.seq);
      for (const entry of entries) {
        // What came after the account was read is checked the next time.
        if (entry.seq > account.seq) break;
        chain.balance += entry.amount;
        chain.seq += 1;
        chain.head = nextHead(chain.head, { ...entry, seq: chain.seq, balance: chain.balance });
        if (entry.seq !== chain.seq || entry.balance !== chain.balance) add("entries follow each other", `${account.owner} ${entry.seq}`);
        if (entry.amount < 0n) {
          count += 1;
          if (!(await hasEvidence(store, entry))) add("a transfer has its documents, or who booked it and why", entry.lease);
        }
      }
      if (entries.length === 0 || chain.seq >= account.seq) break;
    }
    if (chain.balance !== account.balance || chain.seq !== account.seq) add("a balance is the sum of its transfers", account.owner);
    if (chain.head !== account.head) add("the head of an account is the hash of its entries", account.owner);
  }
  return count;
}

async function hasEvidence(store: Store, { kind, lease }: AccountEntry): Promise<boolean> {
  if (kind === "deposit" || kind === "correction") {
    const row = await store.db.selectFrom("market_deposits").select(["actor", "reason"]).where("id", "=", lease).executeTakeFirst();
    return row !== undefined && row.actor !== "" && row.reason !== "";
  }
  const row = await store.db
    .selectFrom("market_leases")
    .select(["document", "best_order", "last_receipt"])
    .where("id", "=", lease)
    .executeTakeFirst();
  return row !== undefined && row.document !== "" && row.best_order !== null && row.last_receipt !== null;
}

async function checkAppendOnly(store: Store, add: Add): Promise<void> {
  const query =
    store.dialect === "sqlite"
      ? sql<{ name: string }>`select name from sqlite_master where type = 'trigger' and tbl_name = 'market_transfers'`
      : sql<{
          name: string;
        }>`select tgname as name from pg_trigger where tgrelid = 'market_transfers'::regclass and not tgisinternal and tgenabled <> 'D'`;
  const { rows } = await query.execute(store.db);
  if (rows.length < (store.dialect === "sqlite" ? 2 : 1)) add("transfers cannot be changed or deleted", "the database has no such trigger");
}

/** What this node has sold: the receipts of a lease add up, and no order has two. */
async function checkSales(store: Store, add: Add): Promise<void> {
  let [after, lease, sum] = ["", "", 0n];
  const orders = new Set<number>();
  for (let seq = 0; ;) {
    const rows = await store.db
      .selectFrom("market_sales")
      .select(["lease", "seq", "cost_nano_usd", "receipt"])
      .where((eb) => eb.or([eb("lease", ">", after), eb.and([eb("lease", "=", after), eb("seq", ">", seq)])]))
      .orderBy("lease")
      .orderBy("seq")
      .limit(page)
      .execute();
    for (const row of rows) {
      if (row.lease !== lease) [lease, sum] = [row.lease, 0n];
      if (row.seq === 1) orders.clear();
      const { body } = readDocument("receipt/1", row.receipt);
      sum += row.cost_nano_usd;
      if (String(sum) !== body.cum || String(row.cost_nano_usd) !== body.cost) add("the receipts of a lease add up", lease);
      if (orders.has(body.n)) add("an order has one receipt", `${lease} ${body.n}`);
      orders.add(body.n);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < page) return;
    [after, seq] = [last.lease, last.seq];
  }
}

/** What this node has bought: each request that was answered whole costs in the ledger what its receipt says. */
async function checkPurchases(store: Store, add: Add): Promise<void> {
  const { rows } = await sql<{ request_id: string; billed_nano_usd: bigint; ledger_nano_usd: bigint | null }>`
    select t.request_id, t.billed_nano_usd, e.ledger_nano_usd
    from (select request_id, sum(cost_nano_usd) as billed_nano_usd from market_trades group by request_id) t
    join (select request_id, sum(cost_nano_usd) as ledger_nano_usd from usage_entries where provider like '@%' and status = 'ok' group by request_id) e
      on e.request_id = t.request_id
    where e.ledger_nano_usd is null or t.billed_nano_usd <> e.ledger_nano_usd
    limit 100`.execute(store.db);
  for (const row of rows)
    add("a request costs in the ledger what its receipt bills", `${row.request_id}: ${row.ledger_nano_usd}, ${row.billed_nano_usd} billed`);
}
