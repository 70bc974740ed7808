import type { Buying } from "../../gateway/index.ts";
import type { PriceOverrides } from "../../ledger/index.ts";
import type { Market } from "../../market/index.ts";
import { isMarketProvider, type PooledUpstreamClient, type Provider } from "../../upstream/index.ts";

/**
 * What a snapshot takes from the market: providers and their prices, and the client that buys. It is there before the market is, and does nothing while
 * this installation does not trade.
 */
export class MarketLink {
  #client: PooledUpstreamClient | undefined;
  #market: Market | undefined;

  /** The client of the gateway, which passes requests for other nodes to the market. */
  wrap(client: PooledUpstreamClient): PooledUpstreamClient {
    this.#client = client;
    return {
      dispatch: (request, handler) => {
        const market = this.#market;
        if (market === undefined) return client.dispatch(request, handler);
        const { name } = request.provider;
        if (isMarketProvider(name)) return market.purchasing.dispatch(request, handler);
        market.selling.ownRequest(name);
        return client.dispatch(request, handler);
      },
      configure: (providers) => {
        client.configure(providers.filter((provider) => !isMarketProvider(provider.name)));
      },
      warmUp: () => client.warmUp(),
      close: () => client.close(),
    };
  }

  /** The client itself. */
  get client(): PooledUpstreamClient {
    if (this.#client === undefined) throw new Error("The market's link has no client yet.");
    return this.#client;
  }

  attach(market: Market): void {
    this.#market = market;
  }

  /** What policies buy; `undefined`: no model has one. */
  get buying(): Buying | undefined {
    return this.#market?.purchasing.buying;
  }

  providers(): readonly Provider[] {
    return this.#market?.providers() ?? [];
  }

  prices(): PriceOverrides {
    return this.#market?.prices() ?? {};
  }
}
