import type { Clock, Every, IdSource, Logger, Sealer } from "../core/index.ts";
import type { GatewayDeps } from "../gateway/index.ts";
import type { Store } from "../store/index.ts";
import type { PooledUpstreamClient, TargetStates } from "../upstream/index.ts";
import type { ProcessIdentity } from "./buy/buyer-processes.ts";
import type { ExchangeSection } from "./exchange/section.ts";
import type { MarketSection } from "./section.ts";
import type { createMarketListener } from "./sell/listener.ts";

/** What a gateway gives to its market. */
export interface MarketDeps {
  readonly store: Store;
  readonly gateway: GatewayDeps;
  readonly client: PooledUpstreamClient;
  /** What requests of this gateway's own have shown of targets. */
  readonly states: TargetStates;
  readonly sealer: Sealer;
  readonly settings: () => MarketSection;
  readonly exchangeSettings: () => ExchangeSection;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** Only a gateway with one process may sell. */
  readonly maySell: boolean;
  readonly maxBodyBytes: () => number;
  /** The models that peers offer have changed: the catalog is made again. */
  readonly onChange: () => void;
  /** The machine's if omitted: timers, sockets and randomness. */
  readonly machine?: Partial<MarketMachine>;
}

/** What a market uses of the machine that it runs on. */
export interface MarketMachine {
  readonly process: ProcessIdentity;
  readonly every: Every;
  readonly createListener: typeof createMarketListener;
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}
