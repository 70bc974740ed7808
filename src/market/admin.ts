import { GatewayError, type Clock, type IdSource } from "../core/index.ts";
import { formatUsd } from "../ledger/index.ts";
import type { Store } from "../store/index.ts";
import type { Catalog } from "../upstream/index.ts";
import type {
  MarketAdmin,
  MarketStatus,
  OfferRow,
  PeerState,
  ShareRequest,
  StatementState,
  TradeState,
  UsedRelayState,
} from "./admin-types.ts";
import { noMarket, peersOf, rateOf, relayState, shownShare, statusOf, tradesOf } from "./admin-views.ts";
import { createInvite, joinBy } from "./join.ts";
import { createAutomaticAdmin } from "./automatic-admin.ts";
import type { AutomaticAdmin } from "./automatic-types.ts";
import type { Market } from "./market.ts";
import type { SharedModel } from "./shared-model.ts";
import { MarketRefusal } from "./refusal.ts";
import { creditsOf, shareOf } from "./share-request.ts";
import { GateLog } from "./sell/gate-log.ts";
import { statementsOf } from "./statement-views.ts";

export interface MarketAdminDeps {
  /** The node, made if this installation has not traded yet. */
  readonly open: () => Promise<Market>;
  /** The node if this installation has traded. */
  readonly opened: () => Promise<Market | undefined>;
  readonly catalog: () => Catalog;
  readonly ids: IdSource;
  readonly store: Store;
  readonly clock: Pick<Clock, "now">;
}

export function createMarketAdmin(deps: MarketAdminDeps): MarketAdmin {
  return new MarketOperations(deps);
}

class MarketOperations implements MarketAdmin {
  readonly automatic: AutomaticAdmin;
  readonly #deps: MarketAdminDeps;
  readonly #gateLog: GateLog;

  constructor(deps: MarketAdminDeps) {
    this.#deps = deps;
    this.automatic = createAutomaticAdmin(deps);
    this.#gateLog = new GateLog(deps.store, deps.ids, () => deps.clock.now());
  }

  async status(): Promise<MarketStatus> {
    const market = await this.#deps.opened();
    return market === undefined ? noMarket : await statusOf(market);
  }

  async share(request: ShareRequest, actor: string): Promise<SharedModel> {
    const { catalog, ids, open } = this.#deps;
    const { model: asked, contract, affirm, licence } = request;
    const question = { model: asked, affirmed: { contract, affirm, licence }, actor };
    const share = await this.#gateLog.decide(question, () => shareOf(catalog(), ids.next("ofr"), request));
    const market = await open();
    const known = (await market.shares.list()).find(({ model }) => model === share.model);
    await market.shares.set({ ...share, offer: known?.offer ?? share.offer });
    await market.sell();
    market.offers.changed();
    return shownShare(share, { free: market.freeSlots(share), price: market.selling.priceOf(share) });
  }

  async unshare(model: string): Promise<SharedModel> {
    const market = await this.#deps.open();
    const share = (await market.shares.list()).find((one) => one.model === model);
    await market.shares.remove(model);
    market.offers.changed();
    return shownShare(share!, { free: 0, price: share!.terms.price });
  }

  async invite(limit: string): Promise<{ readonly invite: string; readonly reach: string; readonly limit_credits: string }> {
    const nano = creditsOf("limit", limit);
    const market = await this.#deps.open();
    return { invite: await createInvite(market, nano), reach: market.reach(), limit_credits: formatUsd(nano) };
  }

  async join(invite: string, name: string | undefined): Promise<PeerState> {
    const market = await this.#deps.open();
    return await peerOf(market, (await joinBy(market, invite, name)).name);
  }

  async offers(): Promise<readonly OfferRow[]> {
    const market = await this.#deps.opened();
    if (market === undefined) return [];
    await market.book.refresh();
    return market.book.sellers().flatMap(({ peer, offers }) =>
      [...offers.values()].map(({ body }) => ({
        model: `@${peer.name}/${body.model}`,
        seller: peer.name,
        input_usd: rateOf(body.price.input),
        output_usd: rateOf(body.price.output),
        cache_read_usd: rateOf(body.price.cache_read),
        free: body.free,
        context: body.context,
        licence: body.licence,
      })),
    );
  }

  async statements(name: string | undefined, isWhole: boolean): Promise<readonly StatementState[]> {
    const market = await this.#deps.opened();
    return market === undefined ? [] : await asAdminError(() => statementsOf(market, name, isWhole));
  }

  async trades(limit: number): Promise<readonly TradeState[]> {
    const market = await this.#deps.opened();
    return market === undefined ? [] : await tradesOf(market, limit);
  }

  async setPeer(reference: string, { limit, blocked, credit }: Parameters<MarketAdmin["setPeer"]>[1], actor: string): Promise<PeerState> {
    const market = await this.#deps.open();
    const { node } = await market.peers.find(reference);
    if (credit !== undefined) {
      const amount = creditsOf("credit", credit);
      await market.books.deposit({
        id: `deposit-${this.#deps.ids.next("mkt")}`,
        owner: node,
        amount,
        actor,
        reason: "paid outside of the market",
      });
    }
    if (limit !== undefined) await market.peers.setLimit(node, creditsOf("limit", limit));
    if (blocked !== undefined) await market.peers.setBlocked(node, blocked);
    // A person has decided to trade with it again.
    if (blocked === false) await Promise.all([market.statements.forget(node), market.avoided.forget(node)]);
    await market.book.refresh();
    return await peerOf(market, reference);
  }

  async leave(reference: string): Promise<PeerState> {
    const market = await this.#deps.open();
    const state = await peerOf(market, reference);
    await dropRelay(market, state.node);
    await market.peers.remove(state.node);
    await market.book.refresh();
    return state;
  }

  async useRelay(reference: string): Promise<UsedRelayState> {
    const market = await this.#deps.open();
    return relayState(await market.useRelay(await market.peers.find(reference)));
  }

  async dropRelay(reference: string): Promise<UsedRelayState> {
    const market = await this.#deps.open();
    const { name, node } = await market.peers.find(reference);
    if (!(await dropRelay(market, node)))
      throw new GatewayError("not_found", `${name} is no relay of this gateway. \`tokligence market status\` lists them.`);
    return { name, node, url: null, connections: 0, problem: null };
  }

  async pause(isPaused: boolean): Promise<MarketStatus> {
    const market = await this.#deps.open();
    market.pause(isPaused);
    return await statusOf(market);
  }
}

/** What another node refuses, or that it is away, as an error of the admin API. */
async function asAdminError<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof MarketRefusal)
      throw new GatewayError("upstream_unreachable", `The other gateway does not answer: ${error.message}`);
    throw error;
  }
}

/** What is shared is sold at this gateway's own address then, if no other relay is left. @returns whether the relay was used. */
async function dropRelay(market: Market, node: string): Promise<boolean> {
  const wasUsed = await market.presence.dropRelay(node);
  if (wasUsed && (await market.shares.list()).length > 0) await market.sell();
  return wasUsed;
}

async function peerOf(market: Market, reference: string): Promise<PeerState> {
  const { name } = await market.peers.find(reference);
  return (await peersOf(market)).find((peer) => peer.name === name)!;
}

/** The market of a process that does not serve: it cannot reach other nodes. @param problem what every operation answers. */
export function marketWithout(problem: () => GatewayError): MarketAdmin {
  const refuse = (): Promise<never> => Promise.reject(problem());
  return {
    automatic: {
      policies: refuse,
      setPolicy: refuse,
      removePolicy: refuse,
      explain: refuse,
      sell: refuse,
      arbitrage: refuse,
      setArbitrage: refuse,
    },
    status: refuse,
    share: refuse,
    unshare: refuse,
    invite: refuse,
    join: refuse,
    offers: refuse,
    trades: refuse,
    statements: refuse,
    setPeer: refuse,
    leave: refuse,
    useRelay: refuse,
    dropRelay: refuse,
    pause: refuse,
  };
}
