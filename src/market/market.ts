import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { createPeriodic, everyByTimer, messageOf } from "../core/index.ts";
import { parseUsd, type PriceOverrides } from "../ledger/index.ts";
import type { Provider } from "../upstream/index.ts";
import { Books } from "./books.ts";
import { createAvoided, type Avoided } from "./peers/avoided.ts";
import { createBuyerProcesses, thisProcess } from "./buy/buyer-processes.ts";
import { createOpenLeases } from "./buy/open-leases.ts";
import { createStatements, type Statements } from "./statements/statements.ts";
import { readEntries } from "./clearing/entries.ts";
import { BuyerLimits } from "./sell/buyer-limits.ts";
import { createBook, type Book } from "./buy/book.ts";
import { createLeasePool, type LeasePool } from "./buy/lease-pool.ts";
import { createNodeCalls, type NodeCalls } from "./buy/node-calls.ts";
import { createTrades, type Trades } from "./buy/trades.ts";
import { createClearing, type Clearing } from "./clearing/clearing.ts";
import { openMarketKeys, type MarketKeys } from "./identity/market-keys.ts";
import { createInvites, type Invites } from "./peers/invites.ts";
import { createPeers, type Peer, type Peers } from "./peers/peers.ts";
import type { RelayLink } from "./relay/relay-link.ts";
import { SellerRecord } from "./buy/seller-record.ts";
import { Exchange } from "./exchange/exchange.ts";
import { ProcessWork } from "./exchange/process-work.ts";
import { Publisher } from "./sell/publish.ts";
import { linksOf } from "./exchange-links.ts";
import type { ExchangeLink } from "./sell/seller-deps.ts";
import { Presence } from "./presence.ts";
import { Purchasing } from "./purchasing.ts";
import { Selling } from "./selling.ts";
import { pricesOf } from "./buy/prices-of-book.ts";
import { BuyersRedactor } from "./sell/hide-provider.ts";
import { createNodeApi, type NodeApi } from "./sell/node-api.ts";
import type { MarketDeps } from "./market-deps.ts";
import { createOfferNumbers } from "./sell/offer-numbers.ts";
import { createOffers, type Offers } from "./sell/offers.ts";
import { createSeller, type Seller } from "./sell/seller.ts";
import { createShares, type Share, type Shares } from "./sell/shares.ts";

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
  readonly exchange: Exchange;
  readonly publisher: Publisher;
  readonly presence: Presence;
  readonly books: Books;
  readonly record = new SellerRecord();
  readonly purchasing: Purchasing;
  readonly selling: Selling;
  readonly #work: ProcessWork;
  readonly #deps: MarketDeps;
  readonly #periodic: readonly ReturnType<typeof createPeriodic>[];

  constructor(deps: MarketDeps, keys: MarketKeys) {
    const { store, clock, client, logger, sealer, settings } = deps;
    const now = (): number => clock.now();
    const key = keys.node;
    this.#deps = deps;
    this.#work = new ProcessWork({ store, clock, logger, address: settings });
    this.keys = keys;
    this.peers = createPeers(store);
    this.shares = createShares(store, now);
    this.invites = createInvites({ store, sealer, now, random: deps.machine?.randomBytes ?? randomBytes });
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
      allowPrivate: () => settings().allowPrivate,
      calledAt: (url) => this.presence.calledAt(url),
      record: this.record,
      random: deps.machine?.random ?? Math.random,
      onStatement: ({ node }, transport, statement) => this.statements.take({ clearing: node, transport }, statement),
    });
    this.pool = this.#createPool();
    this.purchasing = new Purchasing({ ...deps, ...this.#bought(), settings: () => settings().buy });
    const sold = (model: string): number => this.seller.inFlight(model);
    this.selling = new Selling({ ...deps, book: this.book, settings: () => settings().sell, sold, node: key.id });
    this.offers = createOffers({
      // A process that may not sell offers nothing.
      shares: { list: () => (this.#work.sells ? this.shares.list() : Promise.resolve([])) },
      key,
      numbers: createOfferNumbers(store),
      clock,
      freeSlots: (share) => this.freeSlots(share),
      priceOf: (share) => this.selling.priceOf(share),
    });
    const limits = new BuyerLimits(() => settings().perBuyer, now);
    this.seller = this.#createSeller(limits);
    this.exchange = this.#createExchange(limits);
    this.presence = this.#createPresence();
    this.api = this.#createApi(limits);
    this.books = new Books(store, this.clearing, this.exchange.members);
    this.publisher = new Publisher({
      offers: this.offers,
      exchanges: () => (this.presence.isOpen ? this.exchanges() : []),
      document: () => this.api.document(),
      clock,
      logger,
    });
    this.#periodic = this.#createPeriodic();
  }

  #createPeriodic(): readonly ReturnType<typeof createPeriodic>[] {
    const onError = (error: unknown): void => {
      this.#deps.logger.warn({ error: messageOf(error) }, "the market's work in the background failed; it is tried again");
    };
    const { every = everyByTimer } = this.#deps.machine ?? {};
    const how = { onError, every };
    return [
      createPeriodic({ everyMs: bookMs, run: () => this.book.refresh(), ...how }),
      createPeriodic({ everyMs: sweepMs, run: () => this.#sweep(), ...how }),
      createPeriodic({ everyMs: sweepMs, run: () => this.publisher.run(), ...how }),
    ];
  }

  /** What buying works with. */
  #bought() {
    const { book, pool, calls, trades, record, avoided, statements } = this;
    return { book, pool, calls, trades, record, avoided, statements };
  }

  #createPool(): LeasePool {
    const { store, clock, logger, settings, machine } = this.#deps;
    return createLeasePool({
      calls: this.calls,
      key: () => this.keys.node,
      clock,
      logger,
      random: machine?.randomBytes ?? randomBytes,
      hold: () => parseUsd(settings().hold) ?? 20_000_000n,
      ttlMs: () => settings().leaseMs,
      avoided: this.avoided,
      openLeases: createOpenLeases(store),
      processes: createBuyerProcesses({ store, clock, identity: machine?.process ?? thisProcess() }),
      clearingProblem: (clearing) => this.statements.problem(clearing),
      sellerOf: (seller, clearing) => this.book.sellerAt(seller, clearing),
    });
  }

  #createSeller(limits: BuyerLimits): Seller {
    const { store, gateway, client, clock, ids, logger } = this.#deps;
    const ackedTo = (node: string): Promise<bigint> => this.trades.ackedTo(node);
    const { keys, peers, offers, clearing, avoided } = this;
    return createSeller({
      sells: () => this.#work.sells,
      gateway,
      client,
      store,
      keys,
      peers,
      offers,
      clearing,
      clock,
      ids,
      logger,
      limits,
      capacity: this.selling.capacity,
      running: this.selling.running,
      avoided,
      redactor: new BuyersRedactor(),
      exchanges: () => this.exchanges(),
      maxExposure: () => parseUsd(this.#deps.settings().maxExposure) ?? 0n,
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
      exchange: this.exchange,
      clock,
      limits,
      name: () => settings().name ?? hostname(),
      reach: () => this.presence.reach,
      readEntries: (owner, after) => readEntries(store, owner, after),
    });
  }

  #createPresence(): Presence {
    const { members } = this.exchange;
    return new Presence({
      deps: this.#deps,
      keys: this.keys,
      api: () => this.api,
      peers: this.peers,
      known: async (node) => (await members.byNode(node)) ?? (await this.peers.byNode(node)),
      isExchange: () => this.exchange.isStarted,
      onChange: () => {
        this.publisher.now().catch((error: unknown) => {
          this.#deps.logger.debug({ error: messageOf(error) }, "the offers could not be posted");
        });
      },
    });
  }

  #createExchange(limits: BuyerLimits): Exchange {
    const { store, clock, exchangeSettings } = this.#deps;
    return new Exchange({
      store,
      keys: this.keys,
      members: createPeers(store, ["member"]),
      clearing: this.clearing,
      clock,
      settings: exchangeSettings,
      document: () => this.api.document(),
      statement: (member) => this.api.statement(member),
      count: (member) => {
        limits.call(member);
      },
    });
  }

  /** The exchanges that this node has joined and reached. */
  exchanges(): readonly ExchangeLink[] {
    return linksOf(this.book, this.calls);
  }

  /**
   * Makes this node an exchange.
   * @throws GatewayError `invalid_request` with several workers, `conflict` if another process is the exchange on this SQLite database.
   */
  async startExchange(): Promise<void> {
    await this.listen();
    await this.#work.clear();
    await this.exchange.start();
  }

  /** Lets others call this node for what is shared. @throws GatewayError as `listen`, and `conflict` if another process sells on this database. */
  async sell(): Promise<void> {
    // A relay must not send calls to a process that may not sell.
    if (await this.presence.usesRelays()) await this.#work.sell();
    await this.presence.open();
    await this.#work.sell();
  }

  /** Is called through a relay from now on. @throws GatewayError if it cannot be used, or another process sells on this database. */
  useRelay(relay: Peer): Promise<RelayLink> {
    return this.#work.sell().then(() => this.presence.useRelay(relay));
  }

  /** Requests for a share that would be taken now. */
  freeSlots(share: Share): number {
    return this.selling.capacity.places(share).free;
  }

  now(): number {
    return this.#deps.clock.now();
  }

  get isPaused(): boolean {
    return this.selling.capacity.isPaused;
  }

  get port(): number | undefined {
    return this.presence.port;
  }

  /** Where others call this node. */
  reach(): string {
    return this.presence.url;
  }

  /** Begins its work; the listener is opened if anything is shared. Never rejects: what fails is logged. */
  async start(): Promise<void> {
    for (const periodic of this.#periodic) periodic.start();
    try {
      await Promise.all([this.avoided.load(), this.statements.load(), this.purchasing.open(), this.pool.load()]);
      if (this.#deps.maySell) await this.clearing.beat();
      if (this.#deps.exchangeSettings().enabled || (await this.exchange.wasStarted())) await this.startExchange();
      if ((await this.shares.list()).length > 0) await this.sell();
      await this.presence.serveRelay();
    } catch (error) {
      this.#deps.logger.error({ error: messageOf(error) }, "the market cannot sell or clear in this process now");
    }
    // Also settles what an earlier start has left.
    await Promise.allSettled([this.book.refresh().then(() => this.pool.sweep()), this.#sweep()]);
    await Promise.allSettled([this.publisher.run()]);
  }

  listen(): Promise<void> {
    return this.presence.listen();
  }

  providers(): readonly Provider[] {
    return this.book.providers();
  }

  /** What others ask for their models, as prices of the configuration. */
  prices(): PriceOverrides {
    return pricesOf(this.book);
  }

  pause(isPaused: boolean): void {
    this.selling.capacity.isPaused = isPaused;
    this.offers.changed();
  }

  async #sweep(): Promise<void> {
    await Promise.all([this.pool.sweep(), this.purchasing.load()]);
    if (!this.#deps.maySell) return;
    if (this.presence.isListening || (await this.presence.usesRelays())) {
      await this.#work.keep(this);
      await this.presence.keep(this.#work.sells);
    }
    await this.seller.sweep();
  }

  async close(): Promise<void> {
    await Promise.all(this.#periodic.map((periodic) => periodic.stop()));
    await this.pool.closeAll();
    await this.presence.close();
    await this.#work.release();
  }
}

/** Opens the node. `keys` are made if there are none. */
export async function openMarket(deps: MarketDeps): Promise<Market> {
  const keys = await openMarketKeys({ store: deps.store, now: () => deps.clock.now(), random: deps.machine?.randomBytes ?? randomBytes });
  return new Market(deps, keys);
}
