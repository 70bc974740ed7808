import type { Price } from "../documents/kinds.ts";
import type { KnownOffer, PeerSeller } from "./peer-seller.ts";
import type { SellerRecord } from "./seller-record.ts";

/** An offer, and who makes it. */
export interface Choice {
  readonly seller: PeerSeller;
  readonly offer: KnownOffer;
}

/** What a request needs of an offer. */
export interface Need {
  readonly inputTokens: number;
  readonly hasTools: boolean;
  readonly dialect: string;
  /** Nodes that are not asked. */
  readonly without: (node: string) => boolean;
}

/** How many of the cheapest offers are drawn from. */
const drawn = 3;

/**
 * One of the three cheapest offers, the cheaper the likelier: drawn in proportion to 1/E², where E is what the request is expected to cost, divided by the
 * share of requests that the seller has answered. All buyers would go to one seller otherwise.
 * @param random from 0 to 1.
 */
export function chooseOffer(
  choices: readonly Choice[],
  need: Need,
  { record, nowMs, random }: { readonly record: SellerRecord; readonly nowMs: number; readonly random: () => number },
): Choice | undefined {
  const fit = choices.filter(({ seller, offer: { body } }) => {
    const isShort = body.context > 0 && body.context < need.inputTokens;
    const isWrong = isShort || (need.hasTools && !body.features.includes("tools")) || !body.dialects.some((id) => id === need.dialect);
    return !isWrong && body.until > nowMs && !need.without(seller.node.node);
  });
  const ready = fit.filter(({ seller, offer }) => offer.body.free > 0 && !record.isFailing(seller.node.node, nowMs));
  const weighed = (ready.length > 0 ? ready : fit)
    .map((choice) => ({ choice, expected: expectedCost(choice, need, record) }))
    .toSorted((a, b) => a.expected - b.expected)
    .slice(0, drawn)
    // A free offer must not make the others impossible.
    .map(({ choice, expected }) => ({ choice, weight: 1 / Math.max(expected, 1) ** 2 }));
  let left = random() * weighed.reduce((sum, { weight }) => sum + weight, 0);
  for (const { choice, weight } of weighed) {
    left -= weight;
    if (left <= 0) return choice;
  }
  return weighed.at(-1)?.choice;
}

/** What a request is expected to cost there, in nano-credits, divided by the share of requests that the seller has answered. */
export function expectedCost(
  { seller, offer: { body } }: Choice,
  { inputTokens }: Pick<Need, "inputTokens">,
  record: SellerRecord,
): number {
  const rated = inputTokens * Number(body.price.input) + record.meanOutput(body.model) * Number(body.price.output);
  return rated / 1e6 / record.rate(seller.node.node);
}

/** A request of usual size, to compare offers before there is a request. */
const usual = { input: 1000, output: 300 };

/**
 * The highest rates of the three cheapest offers of a model: what budgets reserve, and more is not paid.
 * @returns `undefined` without offers.
 */
export function highestPrice(offers: readonly KnownOffer[]): Price | undefined {
  const cost = ({ body: { price } }: KnownOffer): number => usual.input * Number(price.input) + usual.output * Number(price.output);
  const cheapest = offers.toSorted((a, b) => cost(a) - cost(b)).slice(0, drawn);
  const highest = (rate: keyof Price): string =>
    String(cheapest.reduce((most, { body }) => (BigInt(body.price[rate]) > most ? BigInt(body.price[rate]) : most), 0n));
  return cheapest.length === 0 ? undefined : { input: highest("input"), output: highest("output"), cache_read: highest("cache_read") };
}

/** Whether no rate is above the other's. */
export function isWithin(price: Price, most: Price): boolean {
  return (["input", "output", "cache_read"] as const).every((rate) => BigInt(price[rate]) <= BigInt(most[rate]));
}
