import * as z from "zod";
import type { OperationContract } from "./contract.ts";

const credits = z.string().describe("decimal of credits, each counted as one US dollar");
const rate = z.string().describe("decimal of credits a million tokens");

export const share = z
  .object({
    model: z.string(),
    provider: z.string(),
    upstream_model: z.string(),
    input_usd: rate,
    output_usd: rate,
    cache_read_usd: rate,
    licence: z.string(),
    source: z.string().describe("self-hosted, organisation or contract"),
    contract: z.string().nullable().describe("of a vendor's API: the contract that allows to resell it"),
    concurrency: z.number().describe("requests that its server bears at a time: those of others, and this gateway's own"),
    rule: z.string().describe("how its price follows something: fixed, margin or follow"),
    hours: z.array(z.string()).readonly().describe("windows of UTC in which it is sold; empty: always"),
    free: z.number().describe("requests that would be taken now"),
  })
  .meta({ id: "MarketShare" });

const peer = z
  .object({
    name: z.string(),
    node: z.string(),
    url: z.string().nullable(),
    limit_credits: credits,
    blocked: z.boolean(),
    balance_credits: credits.describe("of its account here; below 0: it owes"),
    reserved_credits: credits,
    own_balance_credits: credits.nullable().describe("of this node's account there; `null`: not known"),
    own_reserved_credits: credits,
    own_reserved_until: z.string().nullable(),
    problem: z.string().nullable(),
  })
  .meta({ id: "MarketPeer" });

const usedRelay = z
  .object({
    name: z.string(),
    node: z.string(),
    url: z.string().nullable().describe("where buyers call the relay; `null`: this gateway is not connected to it"),
    connections: z.number(),
    problem: z.string().nullable(),
  })
  .meta({ id: "MarketRelay" });

const relayed = z
  .object({
    name: z.string(),
    node: z.string(),
    connections: z.number(),
    calls: z.number().describe("that are being forwarded now"),
  })
  .meta({ id: "MarketRelayedSeller" });

const status = z
  .object({
    node: z.string().nullable().describe("`null`: this installation has not traded yet"),
    reach: z.string().nullable(),
    listening: z.boolean(),
    paused: z.boolean(),
    shares: z.array(share).readonly(),
    peers: z.array(peer).readonly(),
    relays: z.array(usedRelay).readonly().describe("relays through which this gateway is called"),
    relayed: z.array(relayed).readonly().describe("sellers that are called through this gateway"),
    earned_credits: credits,
    spent_credits: credits,
    reserved_credits: credits.describe("what leases at others reserve"),
    reserved_until: z.string().nullable().describe("when the last of them frees"),
  })
  .meta({ id: "MarketStatus" });

/** An invite, as one word, and where it leads. */
export const invite = z.object({ invite: z.string(), reach: z.string(), limit_credits: credits }).meta({ id: "MarketInvite" });

export const marketContracts = {
  "market.status": {
    method: "GET",
    path: "/api/v1/market/status",
    access: "admin",
    summary: "Shows what is shared, whom this gateway trades with, and what is earned, spent and reserved.",
    answer: status,
  },
  "market.share": {
    method: "POST",
    path: "/api/v1/market/shares",
    access: "admin",
    summary: "Shares a model with nodes that have an invite, or changes its terms.",
    body: z.strictObject({
      model: z.string(),
      input: z.string().describe("US dollars a million tokens"),
      output: z.string(),
      cache_read: z.string().optional(),
      licence: z.string().max(64).optional().describe("SPDX id of the model's licence"),
      affirm: z.enum(["same-organisation"]).optional().describe("a vendor's API is sold inside this organisation only, over its exchange"),
      contract: z.string().max(200).optional().describe("reference of the contract that allows to resell a vendor's API"),
      concurrency: z.int().min(1).max(1000).optional(),
      context: z.int().min(1).max(1_000_000_000).optional(),
      max_output: z.int().min(1).max(1_000_000_000).optional(),
    }),
    answer: share,
  },
  "market.unshare": {
    method: "DELETE",
    path: "/api/v1/market/shares/{model}",
    access: "admin",
    summary: "Shares a model no more. Leases that are open end with their requests.",
    answer: share,
  },
  "market.invite": {
    method: "POST",
    path: "/api/v1/market/invites",
    access: "admin",
    summary: "Makes an invite: one node can use it once, within seven days.",
    body: z.strictObject({ limit: z.string().describe("credits that the node may owe") }),
    answer: invite,
  },
  "market.join": {
    method: "POST",
    path: "/api/v1/market/peers",
    access: "admin",
    summary: "Takes an invite. Both nodes know each other from then on.",
    body: z.strictObject({ invite: z.string(), name: z.string().max(32).optional().describe("what this gateway calls the node") }),
    answer: peer,
  },
  "market.peers.update": {
    method: "PATCH",
    path: "/api/v1/market/peers/{id}",
    access: "admin",
    summary: "Changes the limit of a node, blocks it, or books what it has paid outside.",
    body: z.strictObject({ limit: z.string().optional(), blocked: z.boolean().optional(), credit: z.string().optional() }),
    answer: peer,
  },
  "market.leave": {
    method: "DELETE",
    path: "/api/v1/market/peers/{id}",
    access: "admin",
    summary: "Trades with a node no more.",
    answer: peer,
  },
  "market.relays.use": {
    method: "POST",
    path: "/api/v1/market/relays",
    access: "admin",
    summary: "Keeps connections to a relay, through which others call this gateway from then on.",
    body: z.strictObject({ name: z.string().max(64).describe("of a peer or an exchange that forwards calls") }),
    answer: usedRelay,
  },
  "market.relays.drop": {
    method: "DELETE",
    path: "/api/v1/market/relays/{id}",
    access: "admin",
    summary: "Ends the connections to a relay.",
    answer: usedRelay,
  },
  "market.offers": {
    method: "GET",
    path: "/api/v1/market/offers",
    access: "admin",
    summary: "Lists what other nodes sell now.",
    answer: z.object({
      data: z
        .array(
          z.object({
            model: z.string(),
            seller: z.string(),
            input_usd: rate,
            output_usd: rate,
            cache_read_usd: rate,
            free: z.number().describe("requests that it would take now"),
            context: z.number(),
            licence: z.string(),
          }),
        )
        .readonly(),
    }),
  },
  "market.trades": {
    method: "GET",
    path: "/api/v1/market/trades",
    access: "admin",
    summary: "Lists the last requests that were bought and sold.",
    query: z.object({ limit: z.string().optional().describe("at most 1,000; 50 if omitted") }),
    answer: z.object({
      data: z
        .array(
          z.object({
            request_id: z.string(),
            direction: z.enum(["bought", "sold"]),
            peer: z.string(),
            model: z.string(),
            credits,
            state: z.string(),
            time: z.string(),
          }),
        )
        .readonly(),
    }),
  },
  "market.statements": {
    method: "GET",
    path: "/api/v1/market/statements",
    access: "admin",
    summary: "Checks the statements of this gateway's accounts at others against their entries, and its own books.",
    query: z.object({
      name: z.string().optional().describe("of one peer; all, and this gateway's own books, if omitted"),
      verify: z.enum(["true", "false"]).optional().describe("`true`: all entries are hashed anew, from the first one"),
    }),
    answer: z.object({
      data: z
        .array(
          z.object({
            clearing: z.string().describe("the peer whose books they are; `here`: this gateway's own"),
            owner: z.string().optional().describe("whose account; omitted: this gateway's"),
            entries: z.number(),
            checked_entries: z.number().describe("entries that were hashed now"),
            balance_credits: credits.describe("below 0: the owner owes"),
            reserved_credits: credits,
            limit_credits: credits,
            acknowledged_credits: credits.optional().describe("what this gateway has acknowledged there"),
            head: z.string(),
            time: z.string(),
            state: z.enum(["right", "wrong", "unknown"]).describe("`unknown`: the peer cannot be asked now"),
            problem: z.string().nullable().describe("what is wrong, or why the peer cannot be asked; `null`: nothing"),
          }),
        )
        .readonly(),
    }),
  },
  "market.pause": {
    method: "POST",
    path: "/api/v1/market/pause",
    access: "admin",
    summary: "Takes no requests of other nodes until `paused` is false again, or the gateway is restarted.",
    body: z.strictObject({ paused: z.boolean() }),
    answer: status,
  },
} as const satisfies Record<string, OperationContract>;
