import * as z from "zod";
import { flag, integer, leaf, lifetime, text } from "../settings/index.ts";
import { buySchema, readBuy, type BuySettings } from "./buy/buy-section.ts";
import { readRelay, relaySchema, type RelaySettings } from "./relay/relay-section.ts";
import { sellSchema, type SellSettings } from "./sell/sell-section.ts";
import type { BuyerLimitSettings } from "./sell/buyer-limits.ts";

const address = leaf(z.string().regex(/^(?:\[[0-9a-fA-F:.]+\]|[^:/\s]+):\d{1,5}$/), {
  kind: "text",
  description: "Where other nodes reach this gateway's market, apart from `gateway.port`. It listens only once something is shared.",
  allowed: "HOST:PORT",
});

export const marketSchema = z
  .strictObject({
    listen: address.prefault("127.0.0.1:8082"),
    reach: leaf(z.url({ protocol: /^https?$/ }), {
      kind: "text",
      description: "The URL at which others reach `listen`; `http://` and `listen` if omitted.",
      allowed: "an http or https URL without a path",
    }).optional(),
    name: text("What this gateway calls itself to others; the name of the machine if omitted.").optional(),
    hold: leaf(z.string().regex(/^\d{1,6}(?:\.\d{1,9})?$/), {
      kind: "text",
      description: "Credits that a lease reserves at least; one is counted as one US dollar.",
      allowed: 'a decimal in quotes, as in "0.02"',
    }).prefault("0.02"),
    per_buyer: z
      .strictObject({
        concurrency: integer("Requests of one buyer that are served at a time.", 1, 1000).prefault(2),
        leases: integer("Leases of one buyer that are open at a time.", 1, 10_000).prefault(100),
        calls_per_second: integer("Calls of this gateway's market by one node in a second.", 1, 10_000).prefault(20),
        tokens_per_minute: integer("Tokens of one buyer in a minute, of prompts and answers together.", 1, 1e12).optional(),
        tokens_per_day: integer("Tokens of one buyer in a day of UTC, counted from the gateway's start.", 1, 1e12).optional(),
      })
      .describe("What each buyer may use of this gateway.")
      .prefault({}),
    allow_private: flag(
      "Whether sellers of an exchange may be at private addresses, as in a company's own network, or on this machine.",
    ).prefault(false),
    max_exposure: leaf(z.string().regex(/^\d{1,6}(?:\.\d{1,9})?$/), {
      kind: "text",
      description: "Credits that an exchange may owe this gateway, at most; then nothing more is sold over it.",
      allowed: 'a decimal in quotes, as in "5"',
    }).prefault("5"),
    buy: buySchema,
    sell: sellSchema,
    relay: relaySchema,
    lease: lifetime("How long a lease takes requests, from one minute to 15 minutes.").prefault("5m"),
  })
  .describe(
    "Buying from other gateways and selling to them. Nothing of it runs before `tokligence market share` or `tokligence market join`.",
  )
  .prefault({});

export type ParsedMarket = z.output<typeof marketSchema>;

export interface MarketSection {
  readonly host: string;
  readonly port: number;
  readonly reach: string;
  readonly name: string | undefined;
  /** US dollars, a decimal. */
  readonly hold: string;
  readonly leaseMs: number;
  readonly allowPrivate: boolean;
  /** US dollars, a decimal. */
  readonly maxExposure: string;
  readonly buy: BuySettings;
  readonly sell: SellSettings;
  readonly relay: RelaySettings;
  readonly perBuyer: BuyerLimitSettings;
}

export function readMarket(parsed: ParsedMarket): MarketSection {
  const { listen, reach, name, hold, lease, per_buyer: buyer } = parsed;
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replaceAll(/^\[|\]$/g, "");
  return {
    host,
    port: Number(listen.slice(colon + 1)),
    reach: new URL(reach ?? `http://${listen}`).origin,
    name,
    hold,
    leaseMs: lease,
    allowPrivate: parsed.allow_private,
    maxExposure: parsed.max_exposure,
    buy: readBuy(parsed.buy),
    sell: parsed.sell,
    relay: readRelay(parsed.relay),
    perBuyer: {
      concurrency: buyer.concurrency,
      leases: buyer.leases,
      callsPerSecond: buyer.calls_per_second,
      tokensPerMinute: buyer.tokens_per_minute,
      tokensPerDay: buyer.tokens_per_day,
    },
  };
}
