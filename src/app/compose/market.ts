import { messageOf, type Clock, type IdSource, type Logger } from "../../core/index.ts";
import {
  createExchangeAdmin,
  createMarketAdmin,
  hasMarketKeys,
  openMarket,
  type Market,
  type ExchangeAdmin,
  type MarketAdmin,
} from "../../market/index.ts";
import type { CurrentConfiguration } from "./configuration.ts";
import type { MarketLink } from "./market-link.ts";
import type { ModelRequests } from "./model-requests.ts";
import type { Records } from "./records.ts";

/** The market of a process. */
export interface ComposedMarket {
  readonly admin: MarketAdmin;
  readonly exchange: ExchangeAdmin;
  /** Begins to trade if this installation ever has. It does not wait for other nodes. */
  start(): void;
  close(): Promise<void>;
}

interface MarketParts {
  readonly link: MarketLink;
  readonly records: Records;
  readonly models: ModelRequests;
  readonly current: CurrentConfiguration;
  /** Processes that serve; 0: this one serves no requests. */
  readonly processes: number;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

export function composeMarket({ link, records, models, current, processes, clock, ids, logger }: MarketParts): ComposedMarket {
  const { store } = records;
  let opened: Promise<Market> | undefined;
  const begin = async (): Promise<Market> => {
    const market = await openMarket({
      store,
      gateway: models.deps,
      client: link.client,
      states: current.states,
      sealer: models.deps.sealer,
      settings: () => current.settings.market,
      exchangeSettings: () => current.settings.exchange,
      clock,
      ids,
      logger,
      maySell: processes === 1,
      maxBodyBytes: () => current.settings.gateway.limits.bodyBytes,
      onChange: () => {
        current.refresh();
      },
    });
    link.attach(market);
    await market.start();
    return market;
  };
  const open = (): Promise<Market> => {
    opened ??= begin().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const openIfTrading = async (): Promise<Market | undefined> =>
    opened !== undefined || current.settings.exchange.enabled || (await hasMarketKeys(store)) ? await open() : undefined;
  return {
    admin: createMarketAdmin({ open, opened: openIfTrading, catalog: () => current.snapshot.catalog, ids, store, clock }),
    exchange: createExchangeAdmin({ open, opened: openIfTrading, ids }),
    start() {
      openIfTrading().catch((error: unknown) => {
        logger.error({ error: messageOf(error) }, "the market could not be started; models of other nodes are not available");
      });
    },
    async close() {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}
