import * as z from "zod";
import { defaultMarketScope, marketScopes, type MarketScope } from "../../core/index.ts";
import { parseRate, parseUsd } from "../../ledger/index.ts";
import { choice, flag, leaf, percent, texts } from "../../settings/index.ts";

/** When a model's requests go to other gateways: never, first, when there is no room here, or where that is cheaper. */
export const buyPolicies = ["off", "prefer", "spill", "cheaper"] as const;

export type BuyPolicy = (typeof buyPolicies)[number];

const name = z.string().min(1).max(128);
const decimal = z.string().regex(/^\d{1,6}(?:\.\d{1,9})?$/);
const credits = (description: string) => leaf(decimal, { kind: "text", description, allowed: 'a decimal in quotes, as in "5"' }).optional();

export const buySchema = z
  .strictObject({
    tools: flag(
      "Whether requests with tools may go to sellers of an exchange: an agent runs what an answer says, and such a seller may be anybody.",
    ).prefault(false),
    keyless: choice(
      "Where requests without an API key may go if auth is off: off: nowhere else; peers: to gateways that this one has joined; any: also to sellers of exchanges.",
      marketScopes,
    ).prefault(defaultMarketScope),
    open_answers: flag(
      "Whether an answer that was billed wrongly may be shown, in clear, to the exchange over which it was bought, and its request if that is what was counted wrongly. The exchange then decides; otherwise each side bears half.",
    ).prefault(false),
    policy: leaf(z.record(name, z.enum(buyPolicies)), {
      kind: "json",
      description:
        "By model, `*` for all others: when its requests go to other gateways that sell a model of the same name. prefer: first; spill: when there is no room here; cheaper: where that saves `min_saving`. `tokligence market buy policy` changes it without a restart.",
      allowed: `a map of models, each with ${buyPolicies.join(", ")}`,
    }).prefault({}),
    max_price: leaf(z.record(name, decimal), {
      kind: "json",
      description:
        "By model, `*` for all others: credits a million tokens; an offer of which one rate is above it is not bought by a policy.",
      allowed: 'a map of models, each with a decimal in quotes, as in "0.3"',
    }).prefault({}),
    substitutes: leaf(z.record(name, z.array(name).min(1)), {
      kind: "json",
      description:
        "By model: names under which others sell what a policy may buy in its place. Without it only a model of the same name is bought.",
      allowed: "a map of models, each with a list of models",
    }).prefault({}),
    min_saving: percent("What `cheaper` must save of this gateway's own cost.").prefault("15%"),
    per_day: credits("Credits that are spent at other gateways in a day of UTC, at most; no limit if omitted."),
    per_peer: credits("The same for each gateway or exchange."),
    regions: texts("Regions in which sellers that a policy chooses must say they are; any if empty.", "a list of texts").prefault([]),
    quantizations: texts("Quantizations that offers which a policy chooses must state; any if empty.", "a list of texts").prefault([]),
    probes: percent("The share of what is spent that may be spent on probes of sellers; 0% probes nobody.").prefault("1%"),
  })
  .describe("What is bought from other gateways.")
  .prefault({});

export interface BuySettings {
  readonly hasTools: boolean;
  /** Whether answers that were billed wrongly are shown to their exchange. */
  readonly opensAnswers: boolean;
  /** Of requests without a key, if auth is off. */
  readonly keyless: MarketScope;
  readonly policies: ReadonlyMap<string, BuyPolicy>;
  /** Nano-credits a million tokens. */
  readonly maxPrices: ReadonlyMap<string, bigint>;
  readonly substitutes: ReadonlyMap<string, readonly string[]>;
  /** From 0 to 1. */
  readonly minSaving: number;
  /** Nano-credits. */
  readonly perDay: bigint | undefined;
  readonly perPeer: bigint | undefined;
  readonly regions: readonly string[];
  readonly quantizations: readonly string[];
  /** From 0 to 1. */
  readonly probeShare: number;
}

export function readBuy(parsed: z.output<typeof buySchema>): BuySettings {
  return {
    hasTools: parsed.tools,
    opensAnswers: parsed.open_answers,
    keyless: parsed.keyless,
    policies: new Map(Object.entries(parsed.policy)),
    maxPrices: new Map(Object.entries(parsed.max_price).map(([model, price]) => [model, parseRate(price)!])),
    substitutes: new Map(Object.entries(parsed.substitutes)),
    minSaving: parsed.min_saving,
    perDay: parsed.per_day === undefined ? undefined : parseUsd(parsed.per_day)!,
    perPeer: parsed.per_peer === undefined ? undefined : parseUsd(parsed.per_peer)!,
    regions: parsed.regions,
    quantizations: parsed.quantizations,
    probeShare: parsed.probes,
  };
}
