import * as z from "zod";
import type { OperationContract } from "./contract.ts";

const subject = z.string().describe("`alice`, `key_…`, `tag:team:search`, `model:gpt-*` or `provider:openai`");
const amount = (what: string) => z.int().min(1).nullish().describe(`${what}; \`null\` takes the limit away`);
const shown = (what: string) => z.number().nullable().describe(`${what}; \`null\`: no limit`);

const limit = z
  .object({
    kind: z.enum(["user", "key", "tag", "model", "provider"]),
    subject: z.string().describe("as commands take it: the id of the user or key, `tag:team:search`, `model:gpt-*`, `provider:openai`"),
    username: z.string().nullable(),
    key_name: z.string().nullable().describe("the key's name and prefix, as in `laptop (tok_ab12…)`"),
    requests_per_minute: shown("requests a minute"),
    tokens_per_minute: shown("tokens a minute"),
    requests_per_day: shown("requests a day"),
    tokens_per_day: shown("tokens a day"),
    concurrent: shown("requests at a time"),
  })
  .meta({ id: "Limit" });

const limitList = z.object({ data: z.array(limit).readonly() }).meta({ id: "LimitList" });

export const limitContracts = {
  "limits.list": {
    method: "GET",
    path: "/api/v1/limits",
    access: "admin",
    summary: "Lists the limits on requests that were set. Those of the configuration are not among them.",
    query: z.object({ subject: subject.optional() }),
    answer: limitList,
  },
  "limits.set": {
    method: "POST",
    path: "/api/v1/limits",
    access: "admin",
    summary: "Sets limits of a user, key, tag, model or provider, at once for all workers. A limit that is omitted stays as it was.",
    body: z.strictObject({
      subject,
      requests_per_minute: amount("requests a minute"),
      tokens_per_minute: amount("tokens a minute"),
      requests_per_day: amount("requests a day"),
      tokens_per_day: amount("tokens a day"),
      concurrent: amount("requests at a time"),
    }),
    answer: limit,
  },
  "limits.remove": {
    method: "DELETE",
    path: "/api/v1/limits",
    access: "admin",
    summary: "Removes all limits of a subject.",
    query: z.object({ subject }),
    answer: limit,
  },
  "me.limits.list": {
    method: "GET",
    path: "/api/v1/me/limits",
    access: "user",
    summary: "Lists the limits of the caller's user and keys, and of their tags.",
    answer: limitList,
  },
} as const satisfies Record<string, OperationContract>;
