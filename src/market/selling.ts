import type { Clock, Logger } from "../core/index.ts";
import type { GatewayDeps } from "../gateway/index.ts";
import type { TargetStates } from "../upstream/index.ts";
import type { Book } from "./buy/book.ts";
import type { Price } from "./documents/kinds.ts";
import { askPrice } from "./sell/ask-price.ts";
import { Capacity } from "./sell/capacity.ts";
import { RunningSales } from "./sell/running-sales.ts";
import type { SellSettings } from "./sell/sell-section.ts";
import type { Share } from "./sell/shares.ts";

interface SellingDeps {
  readonly gateway: Pick<GatewayDeps, "limits" | "ledger">;
  readonly settings: () => SellSettings;
  readonly states: Pick<TargetStates, "list">;
  readonly book: Pick<Book, "sellers">;
  /** Requests of others that are being served, of a share. */
  readonly sold: (model: string) => number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This node. */
  readonly node: string;
}

/** A request of usual size, to compare offers. */
const usual = { input: 1000n, output: 300n };

/** What this node sells by rules: how much of it now, and at which price. */
export class Selling {
  readonly capacity: Capacity;
  readonly running = new RunningSales();
  readonly #deps: SellingDeps;

  constructor(deps: SellingDeps) {
    const { settings, states, sold, clock, gateway } = deps;
    this.#deps = deps;
    this.capacity = new Capacity({
      settings,
      states,
      sold,
      clock,
      limitsOf: (provider, upstreamModel) => gateway.limits.ofTarget({ provider, upstreamModel }),
    });
  }

  get preempts(): boolean {
    return this.#deps.settings().preempt === "cancel";
  }

  /** A request of this gateway's own is about to be sent to a provider: with `market.sell.preempt: cancel` it gets the place of a sale if there is no other. */
  ownRequest(provider: string): void {
    if (this.running.isEmpty || !this.preempts) return;
    const cancelled = this.running.makeRoom(provider, this.capacity.ownInFlight(provider));
    if (cancelled > 0)
      this.#deps.logger.info({ provider, cancelled }, "requests of other gateways were cancelled, as own requests need their places");
  }

  /** What is asked for a share now. */
  priceOf({ terms, model, provider, upstreamModel }: Share): Price {
    if (terms.rule === undefined) return terms.price;
    return askPrice(terms.price, terms.rule, { cost: this.costOf(provider, upstreamModel), others: this.#cheapest(model) });
  }

  /** Nano-US-dollars a million tokens, as the ledger prices the target; `undefined`: it has no price. */
  costOf(provider: string, model: string): Price | undefined {
    const { gateway, clock } = this.#deps;
    const rate = (usage: { readonly input: number; readonly output: number; readonly cacheRead?: number }): bigint | undefined => {
      // Short prompts: some vendors ask more for long ones.
      const cost = gateway.ledger.cost(provider, model, usage, clock.now());
      return cost === undefined ? undefined : cost * 1000n;
    };
    const input = rate({ input: 1000, output: 0 });
    const output = rate({ input: 0, output: 1000 });
    const cached = rate({ input: 1000, output: 0, cacheRead: 1000 }) ?? input;
    if (input === undefined || output === undefined || cached === undefined) return undefined;
    return { input: String(input), output: String(output), cache_read: String(cached) };
  }

  /** Of the offers that others make now. */
  #cheapest(model: string): Price | undefined {
    const prices = this.#deps.book
      .sellers()
      .filter(({ node }) => node.node !== this.#deps.node)
      .flatMap(({ offers }) => offers.get(model)?.body.price ?? []);
    return prices.toSorted((a, b) => (costOf(a) < costOf(b) ? -1 : 1))[0];
  }
}

function costOf({ input, output }: Price): bigint {
  return BigInt(input) * usual.input + BigInt(output) * usual.output;
}
