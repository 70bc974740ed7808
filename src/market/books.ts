import type { Store } from "../store/index.ts";
import type { Clearing } from "./clearing/clearing.ts";
import { checkEntries } from "./clearing/entries.ts";
import { checkBooks } from "./exchange/check-books.ts";
import { bookDeposit, type Deposit } from "./exchange/deposits.ts";
import { reportMembers } from "./exchange/report.ts";
import type { Peers } from "./peers/peers.ts";
import { readSales } from "./sell/sales.ts";

/** What an operator reads of this node's books, and writes into them. */
export class Books {
  readonly #store: Store;
  readonly #clearing: Clearing;
  readonly #members: Peers;

  constructor(store: Store, clearing: Clearing, members: Peers) {
    this.#store = store;
    this.#clearing = clearing;
    this.#members = members;
  }

  sales(limit: number): ReturnType<typeof readSales> {
    return readSales(this.#store, limit);
  }

  check(): ReturnType<typeof checkBooks> {
    return checkBooks(this.#store, this.#clearing);
  }

  checkEntries(account: Parameters<typeof checkEntries>[1]): ReturnType<typeof checkEntries> {
    return checkEntries(this.#store, account);
  }

  reportMembers(): ReturnType<typeof reportMembers> {
    return reportMembers(this.#store, this.#members);
  }

  /** Books what was paid outside, with who booked it and why. @throws GatewayError if a payout is more than the account has. */
  deposit(deposit: Deposit): Promise<void> {
    return bookDeposit(this.#clearing, deposit);
  }
}
