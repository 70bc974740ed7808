import type { Store } from "../../store/index.ts";
import { readDocument, verifyDocument } from "../documents/document.ts";

/** A lease that a crash has left open at its seller, with what was accepted of it. */
export interface LeftLease {
  readonly lease: string;
  readonly seller: string;
  /** Whose books it is in: a seller may be a peer, and sell over an exchange as well. `undefined`: it is not known of an old lease. */
  readonly clearing: string | undefined;
  readonly session: string;
  /** What is not acknowledged is contested. */
  readonly contests: boolean;
  readonly ack: { readonly seq: number; readonly cum: string; readonly receipt: string };
}

/** A lease that this process has opened. */
export interface OpenedLease {
  readonly seller: string;
  readonly clearing: string;
  readonly session: string;
  /** The process that uses it. */
  readonly process: string;
  readonly openedMs: number;
}

/** The leases of this node in the database, until their sellers have the last acknowledgement. */
export interface OpenLeases {
  add(lease: string, opened: OpenedLease): Promise<void>;
  /** Its last order contests what is not acknowledged, also if it can only be sent later, or by another process. */
  contest(lease: string): Promise<void>;
  remove(lease: string): Promise<void>;
  /** Those of other processes, and who they are: the oldest first, at most a thousand. */
  ofOthers(process: string): Promise<readonly { readonly lease: string; readonly process: string }[]>;
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
    async add(lease, { seller, clearing, session, process, openedMs }) {
      const columns = ["lease", "seller", "clearing", "session", "process", "opened_ms"];
      await store.insertRows("market_bought", columns, [[lease, seller, clearing, session, process, openedMs]]);
    },
    async contest(lease) {
      await store.db.updateTable("market_bought").set({ contests: 1 }).where("lease", "=", lease).execute();
    },
    async remove(lease) {
      await store.db.deleteFrom("market_bought").where("lease", "=", lease).execute();
    },
    async ofOthers(process) {
      return await store.db
        .selectFrom("market_bought")
        .select(["lease", "process"])
        .where("process", "<>", process)
        .orderBy("opened_ms")
        .limit(mostListed)
        .execute();
    },
    async left(leases) {
      if (leases.length === 0) return [];
      const rows = await store.db.selectFrom("market_bought").selectAll().where("lease", "in", leases).execute();
      const left: LeftLease[] = [];
      for (const { lease, seller, clearing, session, contests } of rows) {
        const accepted = await acceptedOf(lease, seller);
        left.push({ lease, seller, session, contests: contests !== 0, ...accepted, clearing: clearing ?? accepted.clearing });
      }
      return left;
    },
    async dropBefore(openedMs) {
      await store.db.deleteFrom("market_bought").where("opened_ms", "<", openedMs).execute();
    },
  };
}
