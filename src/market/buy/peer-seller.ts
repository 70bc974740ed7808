import type { Provider } from "../../upstream/index.ts";
import type { MarketDocument } from "../documents/document.ts";
import type { Peer } from "../peers/peers.ts";

/** An offer of a peer, verified. */
export interface KnownOffer {
  readonly body: MarketDocument<"offer/1">["body"];
  readonly hash: string;
}

/** Who sells, and what it offers now: a peer, or a node that is bought from over an exchange. */
export interface PeerSeller {
  /** The clearing: the peer itself, or the exchange. */
  readonly peer: Peer;
  /** Of the seller. */
  readonly node: MarketDocument<"node/1">["body"];
  /** By model. */
  readonly offers: ReadonlyMap<string, KnownOffer>;
  readonly statement: MarketDocument<"statement/1">["body"];
  /** Where the interface of the seller is called, and that of the clearing. */
  readonly transport: Provider;
  readonly clearingTransport: Provider;
  readonly seenMs: number;
}
