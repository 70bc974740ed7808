import type { GatewayDeps } from "../gateway/index.ts";
import type { Clock, Logger } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import type { Catalog, UpstreamCall, UpstreamHandler, UpstreamRequest } from "../upstream/index.ts";
import type { Book } from "./buy/book.ts";
import type { BuySettings } from "./buy/buy-section.ts";
import { MarketBuying } from "./buy/buying.ts";
import type { Choice } from "./buy/choose.ts";
import { LateBills } from "./buy/late-bills.ts";
import type { LeasePool } from "./buy/lease-pool.ts";
import { buyFrom } from "./buy/market-client.ts";
import type { NodeCalls } from "./buy/node-calls.ts";
import { Policies } from "./buy/policies.ts";
import { Probes } from "./buy/probes.ts";
import { Scores } from "./buy/scores.ts";
import type { SellerRecord } from "./buy/seller-record.ts";
import { SpendLimits } from "./buy/spend-limits.ts";
import type { Trades } from "./buy/trades.ts";
import type { MarketMachine } from "./market-deps.ts";
import type { Avoided } from "./peers/avoided.ts";
import type { Statements } from "./statements/statements.ts";

interface PurchasingDeps {
  readonly store: Store;
  readonly gateway: GatewayDeps;
  readonly settings: () => BuySettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly book: Book;
  readonly pool: LeasePool;
  readonly calls: NodeCalls;
  readonly trades: Trades;
  readonly record: SellerRecord;
  readonly avoided: Avoided;
  readonly statements: Statements;
  readonly machine?: Partial<MarketMachine>;
}

/** What this node buys by policies, and how much it may spend. */
export class Purchasing {
  readonly record: SellerRecord;
  readonly policies: Policies;
  readonly spend: SpendLimits;
  readonly considers: MarketBuying;
  readonly #lateBills: LateBills;
  readonly #scores: Scores;
  readonly #probes: Probes;
  readonly #deps: PurchasingDeps;

  constructor(deps: PurchasingDeps) {
    const { store, gateway, settings, clock, book, record, avoided, statements } = deps;
    const now = (): number => clock.now();
    this.#deps = deps;
    this.#lateBills = new LateBills(store, clock);
    this.record = record;
    this.#scores = new Scores(store, record);
    const { protocols } = gateway;
    const random = deps.machine?.random ?? Math.random;
    const problem = ({ seller: { node, peer } }: Choice): string | undefined => {
      if (avoided.has(node.node)) return "one of its receipts was refused: it is avoided for a day";
      return statements.problem(peer.node) === undefined ? this.spend.problem(peer.node) : "its statement is wrong";
    };
    this.#probes = new Probes({
      store,
      book,
      problem,
      record,
      protocols,
      settings,
      dispatch: (request, handler, seller) => this.dispatch(request, handler, seller),
      now,
      random,
    });
    this.policies = new Policies({ store, settings, now });
    this.spend = new SpendLimits({ store, settings, now });
    this.considers = new MarketBuying({
      policies: this.policies,
      book,
      record,
      ledger: gateway.ledger,
      settings,
      problem,
      now,
      random,
    });
  }

  /** `undefined`: no model has a policy. */
  get buying(): MarketBuying | undefined {
    return this.policies.isEmpty ? undefined : this.considers;
  }

  /** @param seller the node that is asked, and no other one; any that the provider leads to if omitted. */
  dispatch(request: UpstreamRequest, handler: UpstreamHandler, seller?: string): UpstreamCall {
    const { book, pool, calls, trades, gateway, clock, logger, avoided, settings } = this.#deps;
    const { record, spend } = this;
    const policy = {
      isAvoided: (node: string) => avoided.has(node),
      buysTools: () => settings().hasTools,
      opensAnswers: () => settings().opensAnswers,
    };
    return buyFrom(
      { book, pool, calls, trades, protocols: gateway.protocols, clock, logger, record, spend, lateBills: this.#lateBills, ...policy },
      request,
      handler,
      seller,
    );
  }

  get catalog(): Catalog {
    return this.#deps.gateway.current().catalog;
  }

  monotonic(): number {
    return this.#deps.clock.monotonic();
  }

  get settings(): BuySettings {
    return this.#deps.settings();
  }

  /** At the start. */
  async open(): Promise<void> {
    await this.#scores.load();
    await this.load();
  }

  /** As other processes may have changed it. */
  async load(): Promise<void> {
    await Promise.all([this.policies.load(), this.spend.load(), this.#scores.save()]);
    await this.#lateBills.run();
    await this.#probes.run();
  }

  /** Nano-US-dollars of a request at an own target; `undefined`: it has no price. */
  ownCost(provider: string, model: string, inputTokens: number): bigint | undefined {
    const usage = { input: inputTokens, output: Math.round(this.record.meanOutput(model)) };
    return this.#deps.gateway.ledger.cost(provider, model, usage, this.#deps.clock.now());
  }
}
