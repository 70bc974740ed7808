import type { Clock } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import type { Clearing } from "../clearing/clearing.ts";
import type { MarketDocument } from "../documents/document.ts";
import type { MarketKeys } from "../identity/market-keys.ts";
import type { Peers } from "../peers/peers.ts";
import type { ExchangeSection } from "./section.ts";

/** What an exchange is made of. Its members are `peers` of their own role. */
export interface ExchangeDeps {
  readonly store: Store;
  readonly keys: MarketKeys;
  readonly members: Peers;
  readonly clearing: Clearing;
  readonly clock: Pick<Clock, "now">;
  readonly settings: () => ExchangeSection;
  /** This node's document, and its statement of a member's account. */
  readonly document: () => Promise<MarketDocument<"node/1">>;
  readonly statement: (member: string) => Promise<MarketDocument<"statement/1">>;
  /** Counts a call of a member whose signature has been checked. @throws MarketRefusal */
  readonly count: (member: string) => void;
}
