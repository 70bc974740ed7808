import type { SharedModel } from "./shared-model.ts";
import type { BuyPolicy } from "./buy/buy-section.ts";

export interface PolicyState {
  readonly model: string;
  readonly policy: BuyPolicy;
  /** Credits a million tokens; `null`: any price. */
  readonly max_price: string | null;
  /** What `cheaper` must save, from 0 to 1. */
  readonly min_saving: number;
  readonly source: "command" | "configuration";
}

export interface PolicyRequest {
  readonly model: string;
  readonly policy: BuyPolicy;
  readonly max_price?: string | undefined;
  readonly min_saving?: number | undefined;
}

export interface OwnTarget {
  readonly provider: string;
  readonly model: string;
  readonly ready: boolean;
  /** Why it is left alone; `null`: it is not. */
  readonly reason: string | null;
  /** Of a request of usual size; `null`: it has no price. */
  readonly cost_usd: string | null;
}

export interface ExplainedOffer {
  /** The peer or the exchange, as its models are named. */
  readonly seller: string;
  /** The id of the node that sells. */
  readonly node: string;
  readonly model: string;
  readonly input_usd: string;
  readonly output_usd: string;
  readonly free: number;
  /** From 0 to 1. */
  readonly score: number;
  /** What a request of usual size is expected to cost there, with those that fail. */
  readonly expected_usd: string;
  /** What the score is made of: a week ago counts half. */
  readonly seen: {
    readonly answered: number;
    readonly failed: number;
    readonly probes_right: number;
    readonly probes_wrong: number;
    /** Of `compared` answers those that began as another seller's. */
    readonly alike: number;
    readonly compared: number;
  };
  readonly usable: boolean;
  /** Why it is not bought; `null`: it may be. */
  readonly reason: string | null;
}

export interface ExplainedBuying {
  readonly model: string;
  readonly policy: BuyPolicy | null;
  /** One sentence: where a request goes now, and why. */
  readonly summary: string;
  readonly own: readonly OwnTarget[];
  readonly offers: readonly ExplainedOffer[];
}

export interface ExplainedSelling {
  readonly model: string;
  readonly provider: string;
  readonly free: number;
  readonly selling: boolean;
  /** One sentence: why it is sold, or not. */
  readonly summary: string;
}

export interface MarketExplanation {
  readonly buying: readonly ExplainedBuying[];
  readonly selling: readonly ExplainedSelling[];
  readonly spent_today_credits: string;
  /** `null`: there is no limit. */
  readonly per_day_credits: string | null;
}

export interface SellChange {
  readonly rule?: "fixed" | "margin" | "follow" | undefined;
  /** What the margin adds, or what is taken off the cheapest offer of others; 0.2 is 20 %. */
  readonly share?: number | undefined;
  /** Credits a million tokens. */
  readonly floor_input?: string | undefined;
  readonly floor_output?: string | undefined;
  readonly hours?: readonly string[] | undefined;
  readonly concurrency?: number | undefined;
}

export interface ArbitrageRequest {
  readonly model: string;
  readonly on: boolean;
  /** What buying must save, from 0 to 0.95; as the configuration says if omitted. */
  readonly min_saving?: number | undefined;
  /** What asks are below the cheapest offer of others; 0.01 if omitted. */
  readonly share?: number | undefined;
}

/** Credits a million tokens. */
export interface ShownRates {
  readonly input_usd: string;
  readonly output_usd: string;
}

export interface ArbitrageState {
  readonly model: string;
  readonly on: boolean;
  /** `null`: it has no price here. */
  readonly own_cost: ShownRates | null;
  readonly ask: ShownRates;
  /** Whose offer would be bought now; `null`: none. */
  readonly cheapest: { readonly seller: string; readonly expected_usd: string } | null;
  /** What a request of usual size costs here. */
  readonly own_expected_usd: string | null;
  readonly buys: boolean;
  readonly sells: boolean;
  /** One sentence. */
  readonly summary: string;
}

/** The operations of buying and selling by policies. */
export interface AutomaticAdmin {
  policies(): Promise<readonly PolicyState[]>;
  setPolicy(request: PolicyRequest): Promise<PolicyState>;
  /** The configuration's policy is in force again. @throws GatewayError `not_found` */
  removePolicy(model: string): Promise<PolicyState>;
  /** @throws GatewayError `not_found`, `invalid_request` */
  sell(model: string, change: SellChange): Promise<SharedModel>;
  /** @param model all that are shared if omitted. @throws GatewayError `not_found` */
  arbitrage(model: string | undefined): Promise<readonly ArbitrageState[]>;
  /** @throws GatewayError `not_found`, `invalid_request` */
  setArbitrage(request: ArbitrageRequest): Promise<ArbitrageState>;
  /** @param model all that have a policy or are shared if omitted. */
  explain(model: string | undefined): Promise<MarketExplanation>;
}
