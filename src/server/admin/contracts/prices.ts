import * as z from "zod";
import type { OperationContract } from "./contract.ts";

const rates = z.record(z.string(), z.string()).describe("by name: decimals of US dollars a million tokens, or of one call");
const period = z
  .object({
    when: z
      .object({
        from: z.string().optional(),
        until: z.string().optional(),
        weekdays: z.array(z.number()).readonly().optional(),
        hours: z.array(z.array(z.string()).readonly()).readonly().optional(),
      })
      .describe("days, weekdays (1 is Monday) and hours in UTC; empty: always"),
    holds: z.boolean().describe("it holds at `as_of`"),
    bands: z
      .array(z.object({ above_input_tokens: z.number(), rates }))
      .readonly()
      .describe("by the length of the prompt"),
  })
  .meta({ id: "PricePeriod" });
const price = z.object({
  source: z.string().describe("catalogue, list, file, override or builtin"),
  vendor: z.string().nullable(),
  listed_as: z.string().nullable(),
  date: z.string().nullable().describe("when the source was read"),
  periods: z.array(period).readonly(),
  classes: z.record(z.string(), z.array(period).readonly()).describe("other classes of service"),
  speeds: z.record(z.string(), z.string()).describe("factors on the prices of tokens"),
  regions: z.record(z.string(), z.string()),
  context_window: z.number().nullable(),
});

const time = z.string().optional().describe("RFC 3339, a day, or how long ago: `7d`");

export const priceContracts = {
  "prices.sources": {
    method: "GET",
    path: "/api/v1/prices/sources",
    access: "admin",
    summary: "Shows where prices come from, and when they were read.",
    answer: z.object({
      sources: z
        .array(z.object({ name: z.string(), title: z.string(), version: z.string(), date: z.string(), models: z.number() }))
        .readonly(),
    }),
  },
  "prices.show": {
    method: "GET",
    path: "/api/v1/prices",
    access: "admin",
    summary: "Shows the price of a model at each provider that serves it, or that of its maker.",
    query: z.object({ model: z.string().optional(), as_of: time }),
    answer: z.object({
      model: z.string(),
      as_of: z.string(),
      prices: z
        .array(
          z.object({
            provider: z.string().describe("empty: no provider of the configuration serves it"),
            model: z.string(),
            price: price.nullable().describe("`null`: no price is known"),
          }),
        )
        .readonly(),
    }),
  },
  "prices.check": {
    method: "GET",
    path: "/api/v1/prices/check",
    access: "admin",
    summary: "Lists models of the last 30 days whose price is unknown, old, or not the same in all sources.",
    answer: z.object({
      problems: z
        .array(
          z.object({
            provider: z.string(),
            model: z.string(),
            attempts: z.number(),
            problem: z.enum(["unpriced", "stale", "disagreeing"]),
            detail: z.string(),
          }),
        )
        .readonly(),
    }),
  },
  "ledger.reprice": {
    method: "POST",
    path: "/api/v1/ledger/reprice",
    access: "admin",
    summary: "Reckons the costs of entries anew; corrections are rows of their own.",
    body: z.object({
      from: z.string().describe("RFC 3339, a day, or how long ago: `7d`"),
      to: time,
      dry_run: z.boolean().optional().describe("only counts what would change"),
    }),
    answer: z.object({
      entries: z.number().describe("entries that were looked at"),
      corrected: z.number(),
      newly_priced: z.number().describe("corrected entries that had no known cost"),
      difference_usd: z.string(),
    }),
  },
} as const satisfies Record<string, OperationContract>;
