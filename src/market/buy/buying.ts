import { GatewayError, type MarketScope } from "../../core/index.ts";
import type { Buying, BuyingRequest, GatewayDeps } from "../../gateway/index.ts";
import { isMarketProvider, planAttempts, type Attempt, type Catalog, type Plan, type PlanInput } from "../../upstream/index.ts";
import type { Book } from "./book.ts";
import type { BuySettings } from "./buy-section.ts";
import type { Choice } from "./choose.ts";
import { judgeOffer, type AskedRequest, type JudgedOffer } from "./judge-offer.ts";
import type { ModelPolicy, Policies } from "./policies.ts";
import type { SellerRecord } from "./seller-record.ts";
import { namesTools } from "./tool-fields.ts";

/** Attempts at other gateways that a policy adds to a request. */
const mostAttempts = 2;
/** Offers that are drawn from. */
const drawn = 3;
/** Bytes of a body for each token of its prompt. */
const bytesPerToken = 4;

export interface BuyingDeps {
  readonly policies: Policies;
  readonly book: Pick<Book, "providers" | "offersOf">;
  readonly record: SellerRecord;
  readonly ledger: Pick<GatewayDeps["ledger"], "cost">;
  readonly settings: () => BuySettings;
  /** Why nothing is bought from a seller at all; `undefined`: nothing speaks against it. */
  readonly problem: (choice: Choice) => string | undefined;
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** What a policy makes of a request. */
export interface Consideration {
  readonly policy: ModelPolicy | undefined;
  /** Why offers are not looked at; `undefined`: they are. */
  readonly reason: string | undefined;
  readonly groups: readonly OfferGroup[];
  /** What the request costs at the cheapest of this gateway's own targets, in nano-US-dollars; `undefined`: it has no price. */
  readonly ownCost: number | undefined;
  /** Those that may be asked, the cheapest first. */
  readonly fit: readonly OfferGroup[];
  readonly isFirst: boolean;
}

export interface ConsideredRequest {
  readonly catalog: Catalog;
  readonly input: PlanInput;
  readonly asked: AskedRequest;
  /** In place of that of the model. */
  readonly policy?: ModelPolicy | undefined;
}

/** What one clearing offers of a model: one offer of a peer, or those of an exchange. */
export interface OfferGroup {
  readonly provider: string;
  readonly model: string;
  readonly offers: readonly JudgedOffer[];
  /** The most of what the request is expected to cost at the sellers that may be asked; Infinity: none may be. */
  readonly expected: number;
}

/** The policies for buying, as the plan of a request applies them. The book is in memory: nothing is waited for. */
export class MarketBuying implements Buying {
  readonly #deps: BuyingDeps;

  constructor(deps: BuyingDeps) {
    this.#deps = deps;
  }

  extend(plan: Plan, { catalog, input, text, scope }: BuyingRequest): Plan {
    const policy = this.#deps.policies.of(input.model);
    if (policy === undefined || policy.policy === "off") return plan;
    const inputTokens = Math.ceil(text.length / bytesPerToken);
    const asked = { inputTokens, hasTools: namesTools(text), scope };
    const { fit, isFirst } = this.consider(plan, { catalog, input, asked });
    const attempts = this.#draw(fit).flatMap(({ provider, model }) => attemptsAt(catalog, { ...input, model: `${provider}/${model}` }));
    if (attempts.length === 0) return plan;
    return {
      ...plan,
      attempts: isFirst ? [...attempts, ...plan.attempts] : [...plan.attempts, ...attempts],
      bought: { attempts, isFirst },
    };
  }

  /** All offers, and what speaks for and against them. */
  consider(plan: Plan, { catalog, input, asked, policy = this.#deps.policies.of(input.model) }: ConsideredRequest): Consideration {
    const { book } = this.#deps;
    const isFirst = policy?.policy === "prefer" || policy?.policy === "cheaper";
    const none = { policy, groups: [], fit: [], isFirst, ownCost: undefined };
    const reason = reasonAgainstAll(policy, plan, { catalog, model: input.model, scope: asked.scope });
    if (policy === undefined) return { ...none, reason };
    const names = this.#namesOf(plan, input.model);
    const groups: OfferGroup[] = [];
    for (const { name, models } of book.providers()) {
      // It may be a target of the configuration already.
      const isTarget = (model: string): boolean =>
        plan.attempts.some(({ provider, upstreamModel }) => provider.name === name && upstreamModel === model);
      for (const model of names) if (models.includes(model) && !isTarget(model)) groups.push(this.#judge(name, model, policy, asked));
    }
    const ownCost = this.#ownCost(plan, asked);
    const most = policy.policy === "cheaper" ? this.#mostWorth(policy, ownCost) : Infinity;
    const fit = reason === undefined ? groups.filter(({ expected }) => expected < Infinity && expected <= most) : [];
    return { policy, reason, groups, ownCost, fit: fit.toSorted((a, b) => a.expected - b.expected), isFirst };
  }

  /** Models are equal by name: the client's, or the one that an own target has. Others only as the configuration says. */
  #namesOf({ attempts }: Plan, model: string): ReadonlySet<string> {
    const own = attempts.filter(({ provider }) => !isMarketProvider(provider.name)).map(({ upstreamModel }) => upstreamModel);
    return new Set([model, ...own, ...(this.#deps.settings().substitutes.get(model) ?? [])]);
  }

  #judge(provider: string, model: string, policy: ModelPolicy, asked: AskedRequest): OfferGroup {
    const { book, record, settings, problem, now } = this.#deps;
    const rules = { settings: settings(), record, problem, nowMs: now() };
    const offers = book.offersOf(provider, model).map((choice) => judgeOffer(choice, policy, asked, rules));
    const fit = offers.filter(({ reason }) => reason === undefined).map(({ expected }) => expected);
    const asks = fit.toSorted((a, b) => a - b).slice(0, drawn);
    return { provider, model, offers, expected: asks.at(-1) ?? Infinity };
  }

  #ownCost({ attempts }: Plan, { inputTokens }: AskedRequest): number | undefined {
    const { ledger, record, now } = this.#deps;
    const costs = attempts.flatMap(({ provider, upstreamModel }) => {
      if (isMarketProvider(provider.name)) return [];
      const output = Math.round(record.meanOutput(upstreamModel));
      const cost = ledger.cost(provider.name, upstreamModel, { input: inputTokens, output }, now());
      return cost === undefined ? [] : [Number(cost)];
    });
    return costs.length === 0 ? undefined : Math.min(...costs);
  }

  /** What nobody knows the price of is not known to be dearer. */
  #mostWorth({ minSaving }: ModelPolicy, ownCost: number | undefined): number {
    return ownCost === undefined ? -Infinity : ownCost * (1 - (minSaving ?? this.#deps.settings().minSaving));
  }

  /** One of the three cheapest, the cheaper the likelier, and another one in case that it refuses. */
  #draw(fit: readonly OfferGroup[]): readonly OfferGroup[] {
    const left = fit.slice(0, drawn);
    const chosen: OfferGroup[] = [];
    while (left.length > 0 && chosen.length < mostAttempts) {
      const weights = left.map(({ expected }) => 1 / Math.max(expected, 1) ** 2);
      let rest = this.#deps.random() * weights.reduce((sum, weight) => sum + weight, 0);
      const index = weights.findIndex((weight) => (rest -= weight) <= 0);
      chosen.push(...left.splice(index < 0 ? left.length - 1 : index, 1));
    }
    return chosen;
  }
}

function reasonAgainstAll(
  policy: ModelPolicy | undefined,
  { attempts }: Plan,
  { catalog, model, scope }: { readonly catalog: Catalog; readonly model: string; readonly scope: MarketScope },
): string | undefined {
  if (policy === undefined) return "the model has no policy for buying";
  if (policy.policy === "off") return "the model's policy is off";
  if (scope === "off") return "its requests must stay here";
  if (attempts.some(({ provider }) => provider.builtin)) return "the model is built in";
  const slash = model.indexOf("/");
  const isChosen = slash > 0 && catalog.provider(model.slice(0, slash)) !== undefined;
  return isChosen ? "the name chooses a provider" : undefined;
}

/** One whose offer has just ended is in no catalog any more. */
function attemptsAt(catalog: Catalog, input: PlanInput): readonly Attempt[] {
  try {
    return planAttempts(catalog, input);
  } catch (error) {
    if (error instanceof GatewayError) return [];
    throw error;
  }
}
