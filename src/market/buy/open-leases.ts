import type { Store } from "../../store/index.ts";
import { readDocument, verifyDocument } from "../documents/document.ts";

/** A lease that a crash has left open at its seller, with what was accepted of it. */
export interface LeftLease {
  readonly lease: string;
  readonly seller: string;
  /** Whose books it is in, if anything of it was accepted: a seller may be a peer, and sell over an exchange as well. */
  readonly clearing: string | undefined;
  readonly session: string;
  readonly ack: { readonly seq: number; readonly cum: string; readonly receipt: string };
}

/** The leases of this node in the database, until their sellers have the last acknowledgement. */
export interface OpenLeases {
  add(lease: string, values: { readonly seller: string; readonly session: string; readonly openedMs: number }): Promise<void>;
  remove(lease: string): Promise<void>;
  /** Their names, the oldest first, at most a thousand. */
  list(): Promise<readonly string[]>;
  /** What is known of these, as far as they are there still. */
  left(leases: readonly string[]): Promise<readonly LeftLease[]>;
  /** Forgets those that were opened before a time: their sellers have settled them. */
  dropBefore(openedMs: number): Promise<void>;
}

const mostListed = 1000;

export function createOpenLeases(store: Store): OpenLeases {
  const acceptedOf = async (lease: string, seller: string): Promise<Pick<LeftLease, "ack" | "clearing">> => {
    const last = await store.db
      .selectFrom("market_trades")
      .select(["receipt", "clearing"])
      .where("lease", "=", lease)
      .where("state", "=", "acked")
      .orderBy("seq", "desc")
      .limit(1)
      .executeTakeFirst();
    if (last === undefined) return { clearing: undefined, ack: { seq: 0, cum: "0", receipt: "" } };
    const receipt = readDocument("receipt/1", last.receipt);
    const { seq, cum } = receipt.body;
    return { clearing: last.clearing, ack: { seq, cum, receipt: verifyDocument(receipt, seller) } };
  };
  return {
    async add(lease, { seller, session, openedMs }) {
      await store.insertRows("market_bought", ["lease", "seller", "session", "opened_ms"], [[lease, seller, session, openedMs]]);
    },
    async remove(lease) {
      await store.db.deleteFrom("market_bought").where("lease", "=", lease).execute();
    },
    async list() {
      const rows = await store.db.selectFrom("market_bought").select("lease").orderBy("opened_ms").limit(mostListed).execute();
      return rows.map(({ lease }) => lease);
    },
    async left(leases) {
      if (leases.length === 0) return [];
      const rows = await store.db.selectFrom("market_bought").selectAll().where("lease", "in", leases).execute();
      const left: LeftLease[] = [];
      for (const { lease, seller, session } of rows) left.push({ lease, seller, session, ...(await acceptedOf(lease, seller)) });
      return left;
    },
    async dropBefore(openedMs) {
      await store.db.deleteFrom("market_bought").where("opened_ms", "<", openedMs).execute();
    },
  };
}
