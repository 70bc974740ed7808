import * as z from "zod";
import type { OperationContract } from "./contract.ts";

/** A decimal of US dollars, as text or number: `"12.50"`, `20`. */
const amount = z.union([z.string(), z.number()]);
const usd = z.string().describe("decimal of US dollars");
const subject = z.string().describe("`alice`, `key_…`, `tag:team:search`, `model:gpt-*` or `provider:openai`");
const period = z.enum(["day", "month", "total"]).meta({ id: "BudgetPeriod" });

const budget = z
  .object({
    id: z.string(),
    kind: z.enum(["user", "key", "tag", "model", "provider"]),
    subject: z.string().describe("as commands take it: the id of the user or key, `tag:team:search`, `model:gpt-*`, `provider:openai`"),
    user_id: z.string().nullable(),
    username: z.string().nullable(),
    key_id: z.string().nullable(),
    key_name: z.string().nullable().describe("the key's name and prefix, as in `laptop (tok_ab12…)`"),
    period,
    warn_usd: usd.nullable(),
    stop_usd: usd.nullable(),
    spent_usd: usd.describe("what the ledger has of this period; models without a price at the ceiling's rate"),
    held_usd: usd.describe("what requests under way may still cost"),
    left_usd: usd.nullable().describe("of `stop_usd`, never below 0; `null` if there is no stop"),
    period_start: z.string().nullable().describe("`null` for the period `total`"),
    period_end: z.string().nullable(),
    time_zone: z.string().describe("whose days and months they are"),
  })
  .meta({ id: "Budget" });

const budgetList = z.object({ data: z.array(budget).readonly() }).meta({ id: "BudgetList" });

export const budgetContracts = {
  "budgets.list": {
    method: "GET",
    path: "/api/v1/budgets",
    access: "admin",
    summary: "Lists the budgets, all or those of one subject.",
    query: z.object({
      subject: subject.optional(),
      user: z.string().optional().describe("id or name"),
      key_id: z.string().optional().describe("id or prefix"),
    }),
    answer: budgetList,
  },
  "budgets.set": {
    method: "POST",
    path: "/api/v1/budgets",
    access: "admin",
    summary:
      "Sets the budget of a user, key, tag, provider or the models of a pattern for a period. A limit that is omitted stays as it was; `null` removes it.",
    body: z.strictObject({
      subject: subject.optional(),
      user: z.string().optional().describe("id or name; the same as `subject`"),
      key_id: z.string().optional().describe("id or prefix; the same as `subject`"),
      period,
      warn_usd: amount.nullish(),
      stop_usd: amount.nullish(),
      time_zone: z.string().nullish().describe("whose days and months the periods are, as in `Europe/Berlin`; `null`: `ledger.time_zone`"),
    }),
    answer: budget,
  },
  "budgets.remove": {
    method: "DELETE",
    path: "/api/v1/budgets/{id}",
    access: "admin",
    summary: "Removes a budget.",
    answer: budget,
  },
  "me.budgets.list": {
    method: "GET",
    path: "/api/v1/me/budgets",
    access: "user",
    summary: "Lists the budgets of the caller's user, keys and tags.",
    answer: budgetList,
  },
} as const satisfies Record<string, OperationContract>;
