import * as z from "zod";
import type { OperationContract } from "./contract.ts";
import { invite } from "./market.ts";

const credits = z.string().describe("decimal of credits, each counted as one US dollar");

const member = z
  .object({
    name: z.string(),
    node: z.string(),
    url: z.string().nullable(),
    blocked: z.boolean(),
    limit_credits: credits,
    balance_credits: credits.describe("below 0: it owes"),
    reserved_credits: credits,
    offers: z.number().describe("that it makes now"),
  })
  .meta({ id: "ExchangeMember" });

export const exchangeContracts = {
  "exchange.start": {
    method: "POST",
    path: "/api/v1/exchange/start",
    access: "admin",
    summary: "Makes this gateway an exchange, after restarts too.",
    answer: z.object({ node: z.string(), reach: z.string(), organisation: z.string(), fee_ppm: z.number(), members: z.number() }),
  },
  "exchange.invite": {
    method: "POST",
    path: "/api/v1/exchange/invites",
    access: "admin",
    summary: "Makes an invite: one gateway can use it once, within seven days, and is a member then.",
    body: z.strictObject({ limit: z.string().describe("credits that the member may owe") }),
    answer: invite,
  },
  "exchange.members": {
    method: "GET",
    path: "/api/v1/exchange/members",
    access: "admin",
    summary: "Lists the members with their accounts.",
    answer: z.object({ data: z.array(member).readonly() }),
  },
  "exchange.members.update": {
    method: "PATCH",
    path: "/api/v1/exchange/members/{id}",
    access: "admin",
    summary: "Changes the limit of a member, blocks it, or books what it has paid, or was paid, outside.",
    body: z.strictObject({
      limit: z.string().optional(),
      blocked: z.boolean().optional(),
      credit: z.string().optional().describe("credits; below 0: the member was paid"),
      reason: z.string().max(200).optional().describe("of the credit: needed for it"),
    }),
    answer: member,
  },
  "exchange.check": {
    method: "GET",
    path: "/api/v1/exchange/check",
    access: "admin",
    summary: "Checks all books from scratch: sums, leases, hashes, documents.",
    answer: z.object({
      ok: z.boolean(),
      accounts: z.number(),
      leases: z.number(),
      transfers: z.number(),
      broken: z.array(z.object({ rule: z.string(), found: z.string() })).readonly(),
    }),
  },
  "exchange.disputes": {
    method: "GET",
    path: "/api/v1/exchange/disputes",
    access: "admin",
    summary: "Lists what was decided about receipts whose answers a buyer has shown.",
    answer: z.object({
      data: z
        .array(
          z.object({
            time: z.string(),
            lease: z.string(),
            buyer: z.string(),
            seller: z.string(),
            credits: credits.describe("that the receipt bills"),
            result: z.enum(["right", "wrong", "undecided"]).describe("of the receipt"),
            reason: z.string(),
          }),
        )
        .readonly(),
    }),
  },
  "exchange.report": {
    method: "GET",
    path: "/api/v1/exchange/report",
    access: "admin",
    summary: "Shows what each member has paid and earned.",
    answer: z.object({
      fees_credits: credits,
      data: z
        .array(
          z.object({
            name: z.string(),
            node: z.string(),
            leases: z.number(),
            paid_credits: credits,
            earned_credits: credits,
            contested_credits: credits,
            balance_credits: credits,
          }),
        )
        .readonly(),
    }),
  },
} as const satisfies Record<string, OperationContract>;
