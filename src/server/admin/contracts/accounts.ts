import * as z from "zod";
import { marketScopes } from "../../../core/index.ts";
import type { OperationContract } from "./contract.ts";

const role = z.enum(["admin", "user"]).meta({ id: "Role" });
const time = z.string().describe("RFC 3339 in UTC");

export const callingUser = z
  .object({
    id: z.string().describe("`usr_…`; `local` if authentication is off"),
    username: z.string(),
    email: z.string().nullable(),
    role,
    created_at: time.nullable().describe("`null` for the user `local`"),
    disabled_at: time.nullable().describe("since then all its keys are refused; `null`: it is not disabled"),
    tags: z.array(z.string()).readonly().describe("bound by an admin: they are on every request of its keys"),
  })
  .meta({ id: "Caller" });

const storedUser = callingUser.extend({ created_at: time }).meta({ id: "User" });

const marketScope = z
  .enum(marketScopes)
  .describe("where its requests may go beside this gateway's own providers: nowhere, to gateways that it has joined, or also to exchanges");

const apiKey = z
  .object({
    id: z.string(),
    user_id: z.string(),
    username: z.string(),
    name: z.string().nullable(),
    role,
    prefix: z.string().describe("the first characters, to recognise the key by: `tok_ab12`"),
    created_at: time,
    revoked_at: time.nullable(),
    expires_at: time.nullable().describe("from then on the key is refused"),
    models: z
      .array(z.string())
      .readonly()
      .nullable()
      .describe("globs over the models it may call, `!` before those it may not; `null`: all"),
    disabled_at: time.nullable().describe("refused since then; `null`: it is not disabled"),
    previous_until: time.nullable().describe("it was rotated, and its former text is accepted until then"),
    parent_id: z.string().nullable().describe("the key that it was made with; `null`: an admin made it"),
    tags: z.array(z.string()).readonly().describe("bound by an admin: they are on every request of the key, and of keys made with it"),
    cache: z.enum(["on", "off"]).describe("`on`: equal requests are answered from the response cache, if the configuration has one"),
    market: marketScope,
  })
  .meta({ id: "ApiKey" });

const newApiKey = apiKey.extend({ key: z.string().describe("the key itself: shown once and stored nowhere") }).meta({ id: "NewApiKey" });

const tags = z
  .array(z.string())
  .describe("at most 8, as in `team:search`: they are on every request, and budgets and limits of tags count them");

const limits = {
  name: z.string().max(100).optional(),
  expires: z.string().optional().describe("RFC 3339, a day, or how long from now: `12h`, `30d`"),
  models: z.array(z.string()).optional().describe("globs, at most 100; `!` before models that it may not call"),
  cache: z.enum(["on", "off"]).optional().describe("whether equal requests are answered from the response cache; `off` if omitted"),
  market: marketScope.optional(),
};

export const paging = {
  limit: z.string().optional().describe("rows of a page: 1000 if omitted, and at most"),
  after: z.string().optional().describe("`next` of the page before"),
};
const next = z.string().nullable().describe("give it as `after` for the next page; `null` on the last");

const keyPage = z.object({ data: z.array(apiKey).readonly(), next }).meta({ id: "ApiKeyPage" });

export const accountContracts = {
  "users.list": {
    method: "GET",
    path: "/api/v1/users",
    access: "admin",
    summary: "Lists the users, the oldest first.",
    query: z.object(paging),
    answer: z.object({ data: z.array(storedUser).readonly(), next }).meta({ id: "UserPage" }),
  },
  "users.create": {
    method: "POST",
    path: "/api/v1/users",
    access: "admin",
    status: 201,
    summary: "Creates a user.",
    body: z.strictObject({ username: z.string(), email: z.string().optional(), role: role.optional(), tags: tags.optional() }),
    answer: storedUser,
  },
  "users.get": {
    method: "GET",
    path: "/api/v1/users/{id}",
    access: "admin",
    summary: "Shows a user, by id or name.",
    answer: storedUser,
  },
  "users.update": {
    method: "PATCH",
    path: "/api/v1/users/{id}",
    access: "admin",
    summary: "Changes role, email or tags of a user, by id or name. Its keys lose at once what only admins may.",
    body: z.strictObject({ email: z.string().nullish().describe("`null`: none"), role: role.optional(), tags: tags.optional() }),
    answer: storedUser,
  },
  "users.disable": {
    method: "POST",
    path: "/api/v1/users/{id}/disable",
    access: "admin",
    summary: "Refuses all keys of a user from now on, by id or name. What the user has used stays in the ledger.",
    answer: storedUser,
  },
  "users.enable": {
    method: "POST",
    path: "/api/v1/users/{id}/enable",
    access: "admin",
    summary: "Accepts the keys of a disabled user again, but for revoked ones.",
    answer: storedUser,
  },
  "users.erase": {
    method: "POST",
    path: "/api/v1/users/{id}/erase",
    access: "admin",
    summary: "Takes name, email and tags from a user for ever, and revokes its keys. What it has used stays under its id.",
    answer: storedUser,
  },
  "keys.list": {
    method: "GET",
    path: "/api/v1/keys",
    access: "admin",
    summary: "Lists the keys, of all users or of one, the oldest first.",
    query: z.object({ user: z.string().optional().describe("id or name"), ...paging }),
    answer: keyPage,
  },
  "keys.create": {
    method: "POST",
    path: "/api/v1/keys",
    access: "admin",
    status: 201,
    summary: "Creates a key for a user.",
    body: z.strictObject({ user: z.string().describe("id or name"), role: role.optional(), tags: tags.optional(), ...limits }),
    answer: newApiKey,
  },
  "keys.update": {
    method: "PATCH",
    path: "/api/v1/keys/{id}",
    access: "admin",
    summary: "Changes a key, by id or prefix. What is omitted stays. Keys that were made with it are never stronger.",
    body: z.strictObject({
      market: marketScope.optional(),
      name: z.string().max(100).nullish().describe("`null`: none"),
      expires: z.string().nullish().describe("RFC 3339, a day, or how long from now: `12h`, `30d`; `null`: never"),
      models: z.array(z.string()).nullish().describe("globs, at most 100; `null`: all models"),
      tags: tags.optional(),
    }),
    answer: apiKey,
  },
  "keys.disable": {
    method: "POST",
    path: "/api/v1/keys/{id}/disable",
    access: "admin",
    summary: "Refuses a key, and those made with it, until it is enabled again.",
    answer: apiKey,
  },
  "keys.enable": {
    method: "POST",
    path: "/api/v1/keys/{id}/enable",
    access: "admin",
    summary: "Accepts a disabled key again.",
    answer: apiKey,
  },
  "keys.rotate": {
    method: "POST",
    path: "/api/v1/keys/{id}/rotate",
    access: "admin",
    summary: "Gives a key a new text. Its id, budgets, limits, usage and the keys made with it stay.",
    body: z.strictObject({
      overlap: z.string().optional().describe("how long the former text is accepted, too: `24h`; if omitted it ends at once"),
    }),
    answer: newApiKey,
  },
  "keys.revoke": {
    method: "DELETE",
    path: "/api/v1/keys/{id}",
    access: "admin",
    summary: "Revokes a key, by id or prefix, and all keys that were made with it.",
    answer: apiKey,
  },
  "me.get": { method: "GET", path: "/api/v1/me", access: "user", summary: "Shows the caller's user.", answer: callingUser },
  "me.keys.list": {
    method: "GET",
    path: "/api/v1/me/keys",
    access: "user",
    summary: "Lists the caller's keys, the oldest first.",
    query: z.object(paging),
    answer: keyPage,
  },
  "me.keys.create": {
    method: "POST",
    path: "/api/v1/me/keys",
    access: "user",
    status: 201,
    summary: "Creates a key for the caller's user; it is bounded by the key that the call carries.",
    body: z.strictObject(limits),
    answer: newApiKey,
  },
  "me.keys.revoke": {
    method: "DELETE",
    path: "/api/v1/me/keys/{id}",
    access: "user",
    summary: "Revokes one of the caller's keys, and all keys that were made with it.",
    answer: apiKey,
  },
} as const satisfies Record<string, OperationContract>;
