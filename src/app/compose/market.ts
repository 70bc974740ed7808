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
import { watchedKey } from "../../server/index.ts";
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
  /** For the metrics. */
  values(): Readonly<Record<string, number>>;
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
  let running: Market | undefined;
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
    running = market;
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
    values: () => (running === undefined ? {} : relayValues(running.presence.relay)),
    async close() {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

/** Nothing before a seller has connected. */
function relayValues({ sellers, counts }: Market["presence"]["relay"]): Readonly<Record<string, number>> {
  const { forwarded, cut, refused, requestBytes, answerBytes } = counts;
  if (sellers.length === 0 && forwarded + cut + refused === 0) return {};
  return {
    market_relay_sellers: sellers.length,
    market_relay_connections: sellers.reduce((sum, { connections }) => sum + connections, 0),
    market_relay_calls_in_flight: sellers.reduce((sum, { calls }) => sum + calls, 0),
    [watchedKey("market_relay_calls_total", "forwarded")]: forwarded,
    [watchedKey("market_relay_calls_total", "cut")]: cut,
    [watchedKey("market_relay_calls_total", "refused")]: refused,
    [watchedKey("market_relay_bytes_total", "request")]: requestBytes,
    [watchedKey("market_relay_bytes_total", "answer")]: answerBytes,
  };
}
