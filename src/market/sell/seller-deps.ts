import type { Clock, IdSource, Logger } from "../../core/index.ts";
import type { GatewayDeps } from "../../gateway/index.ts";
import type { UpstreamClient } from "../../upstream/index.ts";
import type { Store } from "../../store/index.ts";
import type { Clearing } from "../clearing/clearing.ts";
import type { MarketKeys } from "../identity/market-keys.ts";
import type { Peers } from "../peers/peers.ts";
import type { Avoided } from "../peers/avoided.ts";
import type { BuyersRedactor } from "./hide-provider.ts";
import type { BuyerLimits } from "./buyer-limits.ts";
import type { Capacity } from "./capacity.ts";
import type { Offers } from "./offers.ts";
import type { RunningSales } from "./running-sales.ts";

/** What opens a request: in clear, the first frame. */
export interface OpenFrame {
  readonly order: string;
  readonly kid: string;
  /** base64url */
  readonly enc: string;
  /** The lease of an exchange, with its first order. */
  readonly lease?: string;
}

/** An exchange that this node has joined. */
export interface ExchangeLink {
  readonly node: string;
  /** What this node calls it. */
  readonly name: string;
  readonly organisation: string;
  /** Of this node's account there, as its last statement says. */
  readonly balance: bigint;
  /** @returns the JSON text. @throws MarketRefusal */
  post(path: string, text: string): Promise<string>;
}

export interface SellerDeps {
  /** Whether this process is the one of its database that sells. */
  readonly sells: () => boolean;
  readonly exchanges: () => readonly ExchangeLink[];
  /** Nano-credits: what an exchange may owe this node, at most. */
  readonly maxExposure: () => bigint;
  readonly gateway: GatewayDeps;
  /** Sends what is sold: it passes by what this gateway does for its own requests. */
  readonly client: UpstreamClient;
  readonly running: RunningSales;
  readonly store: Store;
  readonly keys: MarketKeys;
  readonly peers: Peers;
  readonly offers: Offers;
  readonly clearing: Clearing;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** Amounts that this node has acknowledged to a node at that node's clearing: they widen its limit here. */
  readonly redactor: BuyersRedactor;
  readonly limits: BuyerLimits;
  readonly capacity: Capacity;
  readonly avoided: Avoided;
  readonly ackedTo: (node: string) => Promise<bigint>;
}
