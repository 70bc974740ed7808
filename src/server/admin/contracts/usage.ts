import * as z from "zod";
import type { OperationContract } from "./contract.ts";

const tokens = z.number().describe("tokens");
const usd = z.string().describe("decimal of US dollars");
const group = z.enum(["user", "key", "model", "provider", "dialect", "day", "hour", "tag"]);
const status = z.enum(["ok", "error", "cancelled", "interrupted", "refused"]);

const timeZone = z.string().describe("whose days are meant: `tz`, or `ledger.time_zone` if that is omitted");

const sums = {
  requests: z.number().describe("each counted at its first attempt, refused ones included"),
  attempts: z.number(),
  errors: z.number().describe("attempts that failed, were interrupted or refused"),
  input_tokens: tokens.describe("the whole prompt, with what came from or went to a cache"),
  output_tokens: tokens.describe("with reasoning"),
  cache_read_tokens: tokens,
  cache_write_tokens: tokens,
  reasoning_tokens: tokens,
  cost_usd: usd.nullable().describe("of all attempts whose cost is known; `null` if there are attempts and the cost of none is known"),
  unpriced_requests: z.number().describe("attempts whose cost is not known"),
  units: z
    .record(z.string(), z.number())
    .optional()
    .describe("what is counted beside plain tokens, by unit; absent if there is nothing, and in reports by tag"),
};

const report = z
  .object({
    group_by: z.array(group).readonly(),
    time_zone: timeZone,
    rows: z
      .array(
        z.object({
          group: z.record(z.string(), z.string()).readonly(),
          names: z
            .record(z.string(), z.string())
            .readonly()
            .describe("of the groups `user` and `key`: the username, and the key's name and prefix"),
          ...sums,
        }),
      )
      .readonly(),
    totals: z.object(sums).describe("of all rows that the filters let through, also of those on other pages"),
    next: z.string().nullable().describe("give it as `after` for the next page; `null` on the last"),
  })
  .meta({ id: "UsageReport" });

const entry = z
  .object({
    request_id: z.string(),
    attempt: z.number().describe("from 1; 0 if the request was refused before any attempt"),
    time: z.string().describe("RFC 3339 in UTC"),
    duration_ms: z.number(),
    ttft_ms: z.number().nullable().describe("milliseconds to the first content"),
    user_id: z.string(),
    username: z.string().nullable(),
    key_id: z.string(),
    key_name: z.string().nullable().describe("the key's name and prefix, as in `laptop (tok_ab12…)`"),
    dialect: z.string(),
    provider: z.string(),
    model_asked: z.string(),
    model_served: z.string(),
    input_tokens: z.number().nullable(),
    output_tokens: z.number().nullable(),
    cache_read_tokens: z.number().nullable(),
    cache_write_5m_tokens: z.number().nullable(),
    cache_write_1h_tokens: z.number().nullable(),
    reasoning_tokens: z.number().nullable(),
    direction: z
      .enum(["consume", "supply", "correct"])
      .describe("`correct`: the difference that an entry costs more or less than it was charged at first"),
    status,
    usage_source: z.enum(["reported", "estimated", "none", "imported"]),
    cost_usd: usd.nullable().describe("`null`: no price is known"),
    price: z.unknown().describe("the rates that the cost was calculated with"),
    http_status: z.number(),
    error_code: z.string().nullable(),
    tags: z.array(z.string()).readonly(),
    client_request_id: z.string().nullable(),
    upstream_model: z.string().describe("the provider's name of the model"),
    protocol: z.string().describe("what the provider speaks"),
    lane: z
      .string()
      .nullable()
      .describe(
        "patched, translated, builtin or cached; context-cache: what the gateway has paid for a cache at the provider; `null`: verbatim",
      ),
    stream: z.boolean().nullable(),
    stop_reason: z.string().nullable().describe("the upstream's own word"),
    refused: z.boolean().describe("the model, or its provider, refused to answer"),
    attempt_reason: z
      .string()
      .nullable()
      .describe("of a later attempt: the error of the one before, or hedge, if it was made at the same time"),
    overhead_us: z.number().nullable().describe("what the gateway itself took, in microseconds"),
    region: z.string().nullable(),
    service_class: z.string().nullable().describe("`null`: the standard one"),
    units: z.unknown().describe("what is counted beside plain tokens, by unit"),
    cost_lines: z.unknown().describe("the lines of the cost, if it is of more than plain tokens"),
    error_text: z.string().nullable(),
    client_name: z.string().nullable(),
    cache_savings_usd: usd.nullable(),
    from_cache: z.boolean(),
    firewall: z.string().nullable().describe("what rules of the firewall have found, without a text"),
  })
  .meta({ id: "UsageEntry" });

const entries = z
  .object({
    time_zone: timeZone,
    entries: z.array(entry).readonly().describe("newest first"),
    next: z.string().nullable().describe("give it as `after` for the next page; `null` on the last"),
  })
  .meta({ id: "UsageEntryPage" });

const text = z.string().optional();
const filters = {
  key_id: text.describe("id or prefix"),
  provider: text,
  model: text,
  dialect: text,
  tag: text,
  from: text.describe("RFC 3339, a day, or how long ago: `7d`"),
  to: text.describe("RFC 3339, a day, or how long ago: `7d`"),
  tz: text.describe("time zone of days, as in `Europe/Berlin`; `ledger.time_zone` if omitted"),
  limit: text.describe("rows of a page or of an export"),
  after: text.describe("`next` of the page before"),
  format: text.describe("json, csv or jsonl"),
};
const user = text.describe("id or name");
const supply = text.describe("`true`: what was sold to other gateways, in place of what was used here");
const groupBy = text.describe(`by comma: ${group.options.join(", ")}; user,key,model if omitted`);
const entryStatus = text.describe(status.options.join(", "));
const texts = { csv: "text/csv", jsonl: "application/jsonl" };

export const usageContracts = {
  "usage.report": {
    method: "GET",
    path: "/api/v1/usage",
    access: "admin",
    summary: "Sums tokens and cost by groups.",
    query: z.object({ group_by: groupBy, user, supply, ...filters }),
    answer: report,
    texts,
  },
  "usage.entries": {
    method: "GET",
    path: "/api/v1/usage/entries",
    access: "admin",
    summary: "Lists ledger entries, one an attempt, newest first.",
    query: z.object({ status: entryStatus, user, supply, ...filters }),
    answer: entries,
    texts,
  },
  "me.usage.report": {
    method: "GET",
    path: "/api/v1/me/usage",
    access: "user",
    summary: "Sums the caller's tokens and cost by groups.",
    query: z.object({ group_by: groupBy, ...filters }),
    answer: report,
    texts,
  },
  "me.usage.entries": {
    method: "GET",
    path: "/api/v1/me/usage/entries",
    access: "user",
    summary: "Lists the caller's ledger entries, newest first.",
    query: z.object({ status: entryStatus, ...filters }),
    answer: entries,
    texts,
  },
  "usage.bodies": {
    method: "GET",
    path: "/api/v1/usage/entries/{request_id}/bodies",
    access: "admin",
    summary: "Shows what was asked and answered, if `ledger.bodies` keeps it.",
    answer: z.object({
      request_id: z.string(),
      bodies: z
        .array(
          z.object({
            attempt: z.number(),
            time: z.string(),
            request: z.string(),
            request_truncated: z.boolean(),
            answer: z.string().nullable(),
            answer_truncated: z.boolean(),
          }),
        )
        .readonly(),
    }),
  },
} as const satisfies Record<string, OperationContract>;
