import type { Store } from "../../store/index.ts";
import { createAccount, nextHead, type AccountEntry } from "./account.ts";
import type { BrokenRule } from "./check.ts";

const entriesPerPage = 200;

/** An entry as its owner can hash it: amounts are decimal strings. */
export type EntryText = Omit<AccountEntry, "amount" | "balance"> & { readonly amount: string; readonly balance: string };

/** The entries of an account after a number, at most a page. */
export async function readEntries(store: Pick<Store, "db">, owner: string, after: number): Promise<readonly EntryText[]> {
  return (await readPage(store, owner, after)).map(({ amount, balance, ...entry }) => ({
    ...entry,
    amount: String(amount),
    balance: String(balance),
  }));
}

/** At most 200 entries of an account after a number, in their order. */
export async function readPage(store: Pick<Store, "db">, owner: string, after: number): Promise<readonly AccountEntry[]> {
  const rows = await store.db
    .selectFrom("market_transfers")
    .selectAll()
    .where((eb) =>
      eb.or([
        eb.and([eb("debit", "=", owner), eb("debit_seq", ">", after)]),
        eb.and([eb("credit", "=", owner), eb("credit_seq", ">", after)]),
      ]),
    )
    .orderBy((eb) => eb.case().when("debit", "=", owner).then(eb.ref("debit_seq")).else(eb.ref("credit_seq")).end())
    .limit(entriesPerPage)
    .execute();
  return rows.map((row) => {
    const isDebit = row.debit === owner;
    return {
      seq: isDebit ? row.debit_seq : row.credit_seq,
      at: row.at_ms,
      kind: row.kind,
      lease: row.key,
      amount: isDebit ? -row.amount_nano_usd : row.amount_nano_usd,
      balance: isDebit ? row.debit_balance_nano_usd : row.credit_balance_nano_usd,
    };
  });
}

/** Hashes all entries of an account anew. @returns how many there are, and what of the account they contradict. */
export async function checkEntries(
  store: Pick<Store, "db">,
  account: { readonly owner: string; readonly seq: number; readonly balance: bigint; readonly head: string },
): Promise<{ readonly entries: number; readonly broken: readonly BrokenRule[] }> {
  const { owner } = account;
  const broken: BrokenRule[] = [];
  let { seq, balance, head } = createAccount(owner);
  for (let page = await readPage(store, owner, 0); page.length > 0; page = await readPage(store, owner, seq)) {
    for (const entry of page) {
      balance += entry.amount;
      if (entry.seq !== seq + 1) broken.push({ rule: "entries are numbered without a gap", found: `${owner}: ${entry.seq} after ${seq}` });
      if (entry.balance !== balance) broken.push({ rule: "a balance is the sum of its entries", found: `${owner}: entry ${entry.seq}` });
      head = nextHead(head, entry);
      seq = entry.seq;
    }
  }
  if (seq !== account.seq || balance !== account.balance || head !== account.head) {
    broken.push({ rule: "an account is the sum of its entries, and its head their hash", found: `${owner}: after entry ${seq}` });
  }
  return { entries: seq, broken };
}
