import type { Clock, Logger } from "../../core/index.ts";
import type { Protocol, ProtocolTable } from "../../protocols/index.ts";
import type { Book, KnownOffer, PeerSeller } from "./book.ts";
import type { LateBills } from "./late-bills.ts";
import type { LeasePool } from "./lease-pool.ts";
import type { NodeCalls } from "./node-calls.ts";
import type { SellerRecord } from "./seller-record.ts";
import type { SpendLimits } from "./spend-limits.ts";
import type { Trades } from "./trades.ts";

export interface MarketClientDeps {
  readonly book: Book;
  readonly pool: LeasePool;
  readonly calls: NodeCalls;
  readonly trades: Trades;
  readonly protocols: ProtocolTable;
  /** Nothing is bought from the node for a while. */
  readonly isAvoided: (node: string) => boolean;
  readonly buysTools: () => boolean;
  /** Whether an answer that was billed wrongly may be shown to the exchange over which it was bought. */
  readonly opensAnswers: () => boolean;
  readonly record: SellerRecord;
  readonly spend: SpendLimits;
  readonly lateBills: Pick<LateBills, "note">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A request as a seller gets it. */
export interface MarketRequest {
  readonly seller: PeerSeller;
  readonly offer: KnownOffer;
  /** `{"dialect":…,"path":…}`, a line feed, and the body. */
  readonly plain: Buffer;
  /** The dialect of its body and of its answer. */
  readonly protocol: Protocol;
  readonly hash: string;
  readonly bodyBytes: number;
  readonly max: bigint;
  readonly maxOutput: number;
  /** It asks for reasoning that its answer may hide. */
  readonly asksReasoning: boolean;
  readonly requestId: string;
  readonly deadline: number;
  /** The same request for another seller of the exchange. @throws MarketRefusal if there is none. */
  readonly withOther?: () => MarketRequest;
}
