import type { GatewayDeps } from "../../gateway/index.ts";
import type { TargetStates } from "../../upstream/index.ts";
import { isOpen } from "./hours.ts";
import type { SellSettings } from "./sell-section.ts";
import type { Share } from "./shares.ts";

type Buckets = NonNullable<ReturnType<GatewayDeps["limits"]["ofTarget"]>>;

export interface CapacityDeps {
  readonly settings: () => SellSettings;
  /** What this gateway's own requests have shown of targets. What is sold has states of its own. */
  readonly states: Pick<TargetStates, "list">;
  readonly limitsOf: (provider: string, upstreamModel: string) => Buckets | undefined;
  /** Requests of others that are being served, of a share. */
  readonly sold: (model: string) => number;
  readonly clock: { now(): number; monotonic(): number };
}

export interface FreePlaces {
  /** Requests that would be taken now. */
  readonly free: number;
  /** Why none would be. */
  readonly reason: string | undefined;
}

const blocks = {
  throttled: "its provider limits the rate",
  quota: "the quota of its provider is used up",
  credential: "its provider refuses the key",
  overloaded: "its provider is overloaded",
  breaker: "its provider has failed too often",
} as const;

/** What may be sold: only what this gateway's own requests leave. Others are refused, never queued, so that no own request waits behind them. */
export class Capacity {
  readonly #deps: CapacityDeps;
  isPaused = false;

  constructor(deps: CapacityDeps) {
    this.#deps = deps;
  }

  places(share: Share): FreePlaces {
    const { terms, model, provider } = share;
    const { settings, sold, clock } = this.#deps;
    const reason = this.#reason(share);
    if (reason !== undefined) return { free: 0, reason };
    if (terms.hours !== undefined && !isOpen(terms.hours, clock.now()))
      return { free: 0, reason: `it is outside of its hours (${terms.hours.join(", ")} UTC)` };
    const others = sold(model);
    const own = this.ownInFlight(provider);
    const free = terms.concurrency - own - others - settings().reserve;
    if (free > 0) return { free, reason: undefined };
    const isOwn = own > 0 && terms.concurrency - others - settings().reserve > 0;
    if (isOwn) return { free: 0, reason: `${own} requests of this gateway's own need its places` };
    return { free: 0, reason: others > 0 ? "all its places are taken" : "market.sell.reserve keeps all its places" };
  }

  #reason({ provider, upstreamModel }: Share): string | undefined {
    if (this.isPaused) return "selling is paused (tokligence market resume)";
    const known = this.#deps.states.list().filter((target) => target.provider === provider && target.model === upstreamModel);
    const nowMs = this.#deps.clock.monotonic();
    // The time for which one is left alone may be over, while own requests go elsewhere and do not find out.
    const isLeftAlone = ({ state }: (typeof known)[number]): boolean => ["last-resort", "out"].includes(state.availability(nowMs));
    const block = known.length > 0 && known.every(isLeftAlone) ? known[0]!.state.block : undefined;
    if (block !== undefined) return blocks[block];
    return this.#hasHeadroom(provider, upstreamModel) ? undefined : "this gateway's own limits leave too little (market.sell.headroom)";
  }

  /** Requests of this gateway's own that a provider serves now. */
  ownInFlight(provider: string): number {
    return this.#deps.states.list().reduce((sum, target) => (target.provider === provider ? sum + target.state.measures.inFlight : sum), 0);
  }

  #hasHeadroom(provider: string, upstreamModel: string): boolean {
    const { settings, limitsOf, clock } = this.#deps;
    const nowMs = clock.monotonic();
    return (limitsOf(provider, upstreamModel) ?? []).every((bucket) => leftOf(bucket, nowMs) >= settings().headroom);
  }
}

/** The share of a limit that is left, from 0 to 1. */
function leftOf({ counts, amount, inFlight, others, fullAtMs, periodMs }: Buckets[number], nowMs: number): number {
  const used = counts === "slots" ? (inFlight + others) / amount : (fullAtMs - nowMs) / periodMs;
  return 1 - Math.max(0, used);
}
