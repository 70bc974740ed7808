import * as z from "zod";
import type { OperationContract } from "./contract.ts";
import { share } from "./market.ts";

const credits = z.string().describe("decimal of credits, each counted as one US dollar");
const rate = z.string().describe("decimal of credits a million tokens");
const policyName = z.enum(["off", "prefer", "spill", "cheaper"]);

const policy = z
  .object({
    model: z.string().describe("`*`: every model without a policy of its own"),
    policy: policyName,
    max_price: rate.nullable().describe("no rate of an offer may be above it; `null`: any price"),
    min_saving: z.number().describe("what `cheaper` must save of this gateway's own cost, from 0 to 1"),
    source: z.enum(["command", "configuration"]),
  })
  .meta({ id: "MarketPolicy" });

const buying = z.object({
  model: z.string(),
  policy: policyName.nullable(),
  summary: z.string().describe("one sentence: where a request goes now, and why"),
  own: z
    .array(
      z.object({
        provider: z.string(),
        model: z.string(),
        ready: z.boolean(),
        reason: z.string().nullable().describe("why it is left alone"),
        cost_usd: z.string().nullable().describe("of a request of usual size; `null`: it has no price"),
      }),
    )
    .readonly(),
  offers: z
    .array(
      z.object({
        seller: z.string(),
        node: z.string(),
        model: z.string(),
        input_usd: rate,
        output_usd: rate,
        free: z.number(),
        score: z.number().describe("from 0 to 1"),
        expected_usd: credits.describe("what a request of usual size is expected to cost, with those that fail"),
        seen: z
          .object({
            answered: z.number(),
            failed: z.number(),
            probes_right: z.number(),
            probes_wrong: z.number(),
            alike: z.number().describe("of `compared` answers those that began as another seller's"),
            compared: z.number(),
          })
          .describe("what the score is made of; a week ago counts half"),
        usable: z.boolean(),
        reason: z.string().nullable().describe("why it is not bought"),
      }),
    )
    .readonly(),
});

const rates = z.object({ input_usd: rate, output_usd: rate }).meta({ id: "MarketRates" });

const arbitrage = z
  .object({
    model: z.string(),
    on: z.boolean(),
    own_cost: rates.nullable().describe("`null`: the model has no price here"),
    ask: rates,
    cheapest: z.object({ seller: z.string(), expected_usd: credits }).nullable().describe("whose offer would be bought now"),
    own_expected_usd: credits.nullable().describe("what a request of usual size costs here"),
    buys: z.boolean(),
    sells: z.boolean(),
    summary: z.string().describe("one sentence"),
  })
  .meta({ id: "MarketArbitrage" });

export const marketAutomaticContracts = {
  "market.policies": {
    method: "GET",
    path: "/api/v1/market/policies",
    access: "admin",
    summary: "Lists the policies by which models are bought.",
    answer: z.object({ data: z.array(policy).readonly() }),
  },
  "market.policies.set": {
    method: "POST",
    path: "/api/v1/market/policies",
    access: "admin",
    summary: "Sets when a model is bought from other gateways. It counts more than the configuration.",
    body: z.strictObject({
      model: z.string(),
      policy: policyName,
      max_price: z.string().optional().describe("credits a million tokens"),
      min_saving: z.number().optional().describe("from 0 to 0.95"),
    }),
    answer: policy,
  },
  "market.policies.remove": {
    method: "DELETE",
    path: "/api/v1/market/policies/{model}",
    access: "admin",
    summary: "Forgets the policy that a command has set for a model: what the configuration says is in force again.",
    answer: policy,
  },
  "market.sell": {
    method: "PATCH",
    path: "/api/v1/market/shares/{model}",
    access: "admin",
    summary: "Changes how a shared model is sold: its price by a rule, its hours, and the requests that its server bears.",
    body: z.strictObject({
      rule: z
        .enum(["fixed", "margin", "follow"])
        .optional()
        .describe("margin: over what the model costs this gateway; follow: below the cheapest offer of others"),
      share: z.number().optional().describe("what the margin adds, or what is taken off the cheapest offer; 0.2 is 20 %"),
      floor_input: z.string().optional().describe("the least that is asked, credits a million tokens"),
      floor_output: z.string().optional(),
      hours: z.array(z.string()).optional().describe("windows of UTC, as in 20:00-07:00; empty: always"),
      concurrency: z.int().min(1).max(1000).optional(),
    }),
    answer: share,
  },
  "market.arbitrage": {
    method: "GET",
    path: "/api/v1/market/arbitrage",
    access: "admin",
    summary: "Shows which shared models are bought where that is cheaper, while their own places are sold.",
    query: z.object({ model: z.string().optional().describe("all that are shared if omitted") }),
    answer: z.object({ data: z.array(arbitrage).readonly() }),
  },
  "market.arbitrage.set": {
    method: "POST",
    path: "/api/v1/market/arbitrage",
    access: "admin",
    summary:
      "Buys a shared model where that is cheaper than its own server, and sells the places that this leaves, never below their cost.",
    body: z.strictObject({
      model: z.string(),
      on: z.boolean(),
      min_saving: z.number().optional().describe("what buying must save, from 0 to 0.95"),
      share: z.number().optional().describe("what asks are below the cheapest offer of others; 0.01 if omitted"),
    }),
    answer: arbitrage,
  },
  "market.explain": {
    method: "GET",
    path: "/api/v1/market/explain",
    access: "admin",
    summary: "Explains where requests for models would go, and why models are sold or not.",
    query: z.object({ model: z.string().optional().describe("all that have a policy or are shared if omitted") }),
    answer: z.object({
      buying: z.array(buying).readonly(),
      selling: z
        .array(
          z.object({
            model: z.string(),
            provider: z.string(),
            free: z.number().describe("requests that would be taken now"),
            selling: z.boolean(),
            summary: z.string().describe("one sentence: why it is sold, or not"),
          }),
        )
        .readonly(),
      spent_today_credits: credits,
      per_day_credits: credits.nullable(),
    }),
  },
} as const satisfies Record<string, OperationContract>;
