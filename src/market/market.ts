import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { createPeriodic, GatewayError, messageOf, type Clock, type IdSource, type Logger, type Sealer } from "../core/index.ts";
import type { GatewayDeps } from "../gateway/index.ts";
import { formatRate, parseUsd, type PriceOverrides } from "../ledger/index.ts";
import type { Store } from "../store/index.ts";
import type { PooledUpstreamClient, Provider, UpstreamCall, UpstreamHandler, UpstreamRequest } from "../upstream/index.ts";
import { createAvoided, type Avoided } from "./peers/avoided.ts";
import { createOpenLeases } from "./buy/open-leases.ts";
import { createStatements, type Statements } from "./statements/statements.ts";
import { checkEntries, readEntries } from "./clearing/entries.ts";
import { BuyerLimits } from "./sell/buyer-limits.ts";
import { createBook, type Book } from "./buy/book.ts";
import { createLeasePool, type LeasePool } from "./buy/lease-pool.ts";
import { buyFrom } from "./buy/market-client.ts";
import { createNodeCalls, type NodeCalls } from "./buy/node-calls.ts";
import { createTrades, type Trades } from "./buy/trades.ts";
import { createClearing, type Clearing } from "./clearing/clearing.ts";
import { readDocument } from "./documents/document.ts";
import { openMarketKeys, type MarketKeys } from "./identity/market-keys.ts";
import { createInvites, type Invites } from "./peers/invites.ts";
import { createPeers, type Peers } from "./peers/peers.ts";
import type { MarketSection } from "./section.ts";
import { createMarketListener, type MarketListener } from "./sell/listener.ts";
import { BuyersRedactor } from "./sell/hide-provider.ts";
import { createNodeApi, type NodeApi } from "./sell/node-api.ts";
import { createOffers, type Offers } from "./sell/offers.ts";
import { createSeller, type Seller } from "./sell/seller.ts";
import { createShares, type Share, type Shares } from "./sell/shares.ts";

export interface MarketDeps {
  readonly store: Store;
  readonly gateway: GatewayDeps;
  readonly client: PooledUpstreamClient;
  readonly sealer: Sealer;
  readonly settings: () => MarketSection;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** Only a gateway with one process may sell. */
  readonly maySell: boolean;
  readonly maxBodyBytes: () => number;
  /** The models that peers offer have changed: the catalog is made again. */
  readonly onChange: () => void;
}

/** A request that was sold. */
export interface Sale {
  readonly requestId: string;
  readonly buyer: string;
  readonly model: string;
  readonly cost: bigint;
  /** As its receipt says: done, cancelled, interrupted or failed. */
  readonly status: string;
  readonly atMs: number;
}

const bookMs = 20_000;
const sweepMs = 5_000;

/** This gateway as a node of the market: what it sells, what it buys, and whom it trades with. */
export class Market {
  readonly keys: MarketKeys;
  readonly peers: Peers;
  readonly shares: Shares;
  readonly invites: Invites;
  readonly clearing: Clearing;
  readonly trades: Trades;
  readonly book: Book;
  readonly pool: LeasePool;
  readonly statements: Statements;
  readonly avoided: Avoided;
  readonly calls: NodeCalls;
  readonly offers: Offers;
  readonly seller: Seller;
  readonly api: NodeApi;
  readonly #deps: MarketDeps;
  readonly #periodic: readonly ReturnType<typeof createPeriodic>[];
  #listener: { readonly listener: MarketListener; readonly port: number } | undefined;
  #isPaused = false;

  constructor(deps: MarketDeps, keys: MarketKeys) {
    const { store, clock, client, logger, sealer, settings } = deps;
    const now = (): number => clock.now();
    const key = keys.node;
    this.#deps = deps;
    this.keys = keys;
    this.peers = createPeers(store);
    this.shares = createShares(store, now);
    this.invites = createInvites({ store, sealer, now, random: randomBytes });
    this.clearing = createClearing(store, now);
    this.trades = createTrades(store);
    this.calls = createNodeCalls(client, () => key, clock);
    this.statements = createStatements({ store, calls: this.calls, owner: key.id, clock, logger });
    this.avoided = createAvoided(store, clock);
    this.book = createBook({
      peers: this.peers,
      calls: this.calls,
      clock,
      logger,
      onChange: deps.onChange,
      onStatement: ({ node }, transport, statement) => this.statements.take({ clearing: node, transport }, statement),
    });
    this.pool = this.#createPool();
    this.offers = createOffers({
      shares: this.shares,
      key,
      clock,
      freeSlots: (share) => this.freeSlots(share),
    });
    const limits = new BuyerLimits(() => settings().perBuyer, now);
    this.seller = this.#createSeller(limits);
    this.api = this.#createApi(limits);
    const onError = (error: unknown): void => {
      logger.warn({ error: messageOf(error) }, "the market's work in the background failed; it is tried again");
    };
    this.#periodic = [
      createPeriodic({ everyMs: bookMs, run: () => this.book.refresh(), onError }),
      createPeriodic({ everyMs: sweepMs, run: () => this.#sweep(), onError }),
    ];
  }

  #createPool(): LeasePool {
    const { store, clock, logger, settings } = this.#deps;
    return createLeasePool({
      calls: this.calls,
      key: () => this.keys.node,
      clock,
      logger,
      random: randomBytes,
      hold: () => parseUsd(settings().hold) ?? 20_000_000n,
      ttlMs: () => settings().leaseMs,
      avoided: this.avoided,
      openLeases: createOpenLeases(store),
      clearingProblem: (clearing) => this.statements.problem(clearing),
      sellerOf: (node) => this.book.sellers().find(({ peer }) => peer.node === node),
    });
  }

  #createSeller(limits: BuyerLimits): Seller {
    const { store, gateway, clock, ids, logger } = this.#deps;
    const ackedTo = (node: string): Promise<bigint> => this.trades.ackedTo(node);
    const { keys, peers, offers, clearing, avoided } = this;
    return createSeller({
      gateway,
      store,
      keys,
      peers,
      offers,
      clearing,
      clock,
      ids,
      logger,
      limits,
      avoided,
      redactor: new BuyersRedactor(),
      ackedTo,
    });
  }

  #createApi(limits: BuyerLimits): NodeApi {
    const { store, clock, settings } = this.#deps;
    return createNodeApi({
      keys: this.keys,
      peers: this.peers,
      invites: this.invites,
      offers: this.offers,
      clearing: this.clearing,
      seller: this.seller,
      clock,
      limits,
      name: () => settings().name ?? hostname(),
      reach: () => (this.#listener === undefined ? undefined : this.reach()),
      readEntries: (owner, after) => readEntries(store, owner, after),
    });
  }

  /** Requests for a share that would be taken now. */
  freeSlots({ model, terms }: Share): number {
    return this.#isPaused ? 0 : Math.max(0, terms.concurrency - this.seller.inFlight(model));
  }

  now(): number {
    return this.#deps.clock.now();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get port(): number | undefined {
    return this.#listener?.port;
  }

  /** Where others reach this node. */
  reach(): string {
    const { reach, port } = this.#deps.settings();
    // A port that the system has chosen.
    return port === 0 && this.#listener !== undefined ? reach.replace(/:0$/, `:${this.#listener.port}`) : reach;
  }

  /** Begins its work; the listener is opened if anything is shared. Never rejects: what fails is logged. */
  async start(): Promise<void> {
    for (const periodic of this.#periodic) periodic.start();
    try {
      await Promise.all([this.avoided.load(), this.statements.load()]);
      if (this.#deps.maySell) await this.clearing.beat();
      if ((await this.shares.list()).length > 0) await this.listen();
    } catch (error) {
      this.#deps.logger.error({ error: messageOf(error) }, "the market's address cannot be listened on; nothing is sold");
    }
    // Also settles what an earlier start has left.
    await Promise.allSettled([this.book.refresh().then(() => this.pool.sweep()), this.#sweep()]);
  }

  /** Opens the market's own address, if it is not open yet. @throws GatewayError `invalid_request` with several workers. */
  async listen(): Promise<void> {
    if (this.#listener !== undefined) return;
    const { maySell, settings, clock, logger, maxBodyBytes } = this.#deps;
    if (!maySell) throw new GatewayError("invalid_request", "Selling needs one process: set gateway.workers to 1, and restart.");
    const { host, port } = settings();
    const listener = createMarketListener({
      api: this.api,
      logger,
      now: () => clock.now(),
      maxBodyBytes,
      // Several nodes may share an address.
      callsPerSecond: () => settings().perBuyer.callsPerSecond * 3,
    });
    this.#listener = { listener, port: await listener.listen(host, port) };
    logger.info({ host, port: this.#listener.port }, "the market's address is open");
  }

  dispatch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const { book, pool, calls, trades } = this;
    const { gateway, clock, logger } = this.#deps;
    return buyFrom({ book, pool, calls, trades, protocols: gateway.protocols, clock, logger }, request, handler);
  }

  providers(): readonly Provider[] {
    return this.book.providers();
  }

  /** What peers ask for their models, as prices of the configuration. */
  prices(): PriceOverrides {
    const entries = this.book.sellers().flatMap(({ peer, offers }) =>
      [...offers.values()].map(({ body: { model, price } }) => {
        const rates = { input: rateText(price.input), output: rateText(price.output), cache_read: rateText(price.cache_read) };
        return [`@${peer.name}/${model}`, rates] as const;
      }),
    );
    return Object.fromEntries(entries);
  }

  /** The last requests that were sold. */
  async sales(limit: number): Promise<readonly Sale[]> {
    const rows = await this.#deps.store.db
      .selectFrom("market_sales")
      .innerJoin("market_leases", "market_leases.id", "market_sales.lease")
      .select(["request_id", "buyer", "model", "cost_nano_usd", "at_ms", "receipt"])
      .orderBy("at_ms", "desc")
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      requestId: row.request_id,
      buyer: row.buyer,
      model: row.model,
      cost: row.cost_nano_usd,
      status: readDocument("receipt/1", row.receipt).body.status,
      atMs: row.at_ms,
    }));
  }

  /** Hashes all entries of an account at this node's clearing. */
  checkEntries(account: Parameters<typeof checkEntries>[1]): ReturnType<typeof checkEntries> {
    return checkEntries(this.#deps.store, account);
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.seller.setPaused(isPaused);
  }

  async #sweep(): Promise<void> {
    await this.pool.sweep();
    if (this.#deps.maySell) await this.seller.sweep();
  }

  async close(): Promise<void> {
    await Promise.all(this.#periodic.map((periodic) => periodic.stop()));
    await this.pool.closeAll();
    await this.#listener?.listener.close();
  }
}

/** Opens the node. `keys` are made if there are none. */
export async function openMarket(deps: MarketDeps): Promise<Market> {
  const keys = await openMarketKeys({ store: deps.store, now: () => deps.clock.now(), random: randomBytes });
  return new Market(deps, keys);
}

function rateText(femto: string): string {
  return formatRate(BigInt(femto));
}
